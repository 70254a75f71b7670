# SPDX-License-Identifier: Apache-2.0
"""Cycles of conversions, as a macro's RTL takes them in Verilator."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...rtl.cim.contract import WRITE_WEIGHTS, MacroParameters
from ..simulator import SimulationFault
from .check import MacroBench
from .reference import Conversion
from .stimuli import Script, add_conversion, add_writes

__all__ = ["measured_cycles"]


def measured_cycles(parameters: MacroParameters, conversions: Sequence[Conversion], *,
                    seed: int = 0) -> list[int]:
    """Cycles of each conversion, from its ``fire`` to where the next one is possible, on an array
    whose weights are drawn. Raises SimulationFault where a rule of the contract is broken, or a
    code is not golden's."""
    p = parameters
    bench = MacroBench(p)
    reference, rng, script = bench.reference(), np.random.default_rng(seed), Script()
    groups = p.columns // WRITE_WEIGHTS
    add_writes(script, reference, rng, np.arange(p.rows * groups),
               rng.integers(-128, 128, (p.rows, groups, WRITE_WEIGHTS)))
    for conversion in conversions:
        add_conversion(script, reference, rng, conversion)
    with tempfile.TemporaryDirectory(prefix="systolith-") as name:
        found = bench.run(script, Path(name))
    if found.broken is not None:
        raise SimulationFault(found.broken)
    read = set()
    for index, group, codes in found.reads:
        fired = script.conversions[index]
        for adc, code in enumerate(codes, start=group * p.lanes):
            golden = script.codes[index][p.column(adc, fired.phase)] if fired.adcs[adc] else 0
            if code != golden:
                raise SimulationFault(f"conversion {index}: code of ADC {adc} must be {golden}, "
                                      f"not {code}")
        read.add(index)
    if not read:
        raise SimulationFault("at least one conversion must be read out, not none")
    return found.cycles
