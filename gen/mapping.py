# SPDX-License-Identifier: Apache-2.0
"""Mapping: of the ways in which a network can run, the one with the fewest predicted cycles."""

from typing import Literal

from ..golden.network import Network
from ..rtl.parameters import AcceleratorParameters
from ..rtl.sequencer.descriptor import Opcode
from .build import parameters
from .compile import (
    CompileFault,
    Lowered,
    Program,
    allocate,
    assemble,
    check_bound,
    fusible_layers,
    lower,
    plan_blocks,
    sort_channels,
)
from .predict import Prediction, predict
from .spec import Spec

__all__ = ["compile_network"]


def compile_network(spec: Spec, network: Network, *, sort: bool = True,
                    fuse: Literal["never", "faster", "always"] = "faster") -> Program:
    """Lower, allocate and pack ``network``; raises CompileFault where it cannot run.

    ``sort``: channels may be stored in another order than the model's, by density. ``fuse``:
    where the spec has a buffer for that, depthwise layers run together with the next layer,
    wherever they can or where it is predicted to be faster.
    """
    p = parameters(spec)
    lowered = lower(network)
    for layer in lowered.layers:
        check_bound(layer, p.facts)
    sorted_ = sort_channels(lowered, p) if sort else lowered
    ways = []
    for form in (sorted_, lowered) if sorted_.orders else (lowered,):
        possible = [] if fuse == "never" else fusible_layers(form, p)
        ways.append((form, possible))
        if possible and fuse == "faster":
            ways.append((form, []))

    found: list[tuple[Prediction, Program]] = []
    faults: list[CompileFault] = []

    def attempt(form: Lowered, fused: list[int]) -> None:
        try:
            program = _compiled(network, form, fused, p)
        except CompileFault as fault:  # in memory, which is shared out differently each way
            faults.append(fault)
        else:
            found.append((predict(program), program))

    for form, fused in ways:
        attempt(form, fused)
    if len(found) > 1:
        _, best = min(found, key=_cycles)
        pairs = _faster_pairs([entry for entry in found if entry[1].lowered is best.lowered])
        if pairs is not None:
            attempt(best.lowered, pairs)
    if not found:
        raise faults[0]
    return min(found, key=_cycles)[1]


def _compiled(network: Network, lowered: Lowered, fused: list[int],
              p: AcceleratorParameters) -> Program:
    plans = {layer.output: plan_blocks(layer, p.facts) for layer in lowered.layers
             if layer.opcode is Opcode.MATRIX}
    return assemble(network, lowered, plans, allocate(lowered, plans, p, fused), p, fused)


def _cycles(found: tuple[Prediction, Program]) -> int:
    return found[0].cycles


def _faster_pairs(found: list[tuple[Prediction, Program]]) -> list[int] | None:
    """Of all pairs together and all apart those that are faster together, if some are not."""
    if len(found) != 2:
        return None
    (fast, together), (slow, _) = found
    possible = [index for index, layer in enumerate(together.layers) if layer.fused]
    pairs = [i for i in possible if fast.layers[i].cycles + fast.layers[i + 1].cycles
             < slow.layers[i].cycles + slow.layers[i + 1].cycles]
    return pairs if 0 < len(pairs) < len(possible) else None
