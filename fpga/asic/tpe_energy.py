# SPDX-License-Identifier: Apache-2.0
"""Energy of a TPE's netlist, which must first be golden's equal."""

from ...golden.dbb import BLOCK
from ...rtl.facts import EngineFacts
from .energy import Measurement, measure
from .simulation import Simulator
from .stimuli import Stimulus, check, stimulus
from .workloads import extremes

__all__ = ["compare_with_golden", "energy_per_mac"]

TRIAL_TILES = 8


def compare_with_golden(simulator: Simulator, facts: EngineFacts, *, above: int = 1) -> int:
    """Compare the netlist with golden on operands of all values, unsigned and signed, on weights
    as dense as the TPE takes in a pass and on dense ones, with the sums of ``above`` TPEs draining
    through; returns the number of sums that were compared, all equal. ValueError names the first
    that differs."""
    compared = 0
    for signed in (False, True):
        for nnz in {BLOCK, min(facts.nnz, BLOCK) if facts.compressed else BLOCK}:
            run = stimulus(facts, extremes(signed=signed, nnz=nnz), tiles=TRIAL_TILES,
                           above=above)
            check(simulator.run(run.ports), run)
            compared += sum(len(row) for _, row in run.sums)
    return compared


def energy_per_mac(simulator: Simulator, run: Stimulus, *, period: float = 1000.0,
                   timing: float | None = None) -> Measurement:
    """fJ of a multiply-accumulate of the dense layer, of whole tiles with their read-out.

    ``period`` in ps, over which cells leak; ``timing``: period that the netlist must meet, if any.
    Raises ValueError where a sum differs from golden's, with delays or without, or comes too late.
    """
    found, timed, plain = measure(simulator, run.ports, first=run.first, last=run.last,
                                  period=period, timing=timing)
    for trace in (timed, plain):
        check(trace, run)
    return found.per(run.macs / (run.last - run.first))
