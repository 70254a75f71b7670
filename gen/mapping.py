# SPDX-License-Identifier: Apache-2.0
"""Mapping: of the ways in which a network can run, the one with the fewest predicted cycles."""

from typing import Literal

from ..golden.network import Network
from ..rtl.sequencer.descriptor import Opcode
from .build import parameters
from .compile import (
    BlockPlan,
    CompileFault,
    Lowered,
    Program,
    allocate,
    assemble,
    batched,
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
                    fuse: Literal["never", "faster", "always"] = "faster",
                    batch: int = 1) -> Program:
    """Lower, allocate and pack ``network``; raises CompileFault where it cannot run.

    ``sort``: channels may be stored in another order than the model's, by density. ``fuse``:
    where the spec has a buffer for that, depthwise layers run together with the next layer,
    wherever they can or where it is predicted to be faster. ``batch``: inputs of a run.
    """
    p = parameters(spec)
    lowered = batched(lower(network), batch)
    for layer in lowered.layers:
        check_bound(layer, p.facts)
    sorted_ = sort_channels(lowered, p) if sort else lowered
    ways = []
    for form in (sorted_, lowered) if sorted_.orders else (lowered,):
        plans = {layer.output: plan_blocks(layer, p.facts) for layer in form.layers
                 if layer.opcode is Opcode.MATRIX}
        possible = [] if fuse == "never" else fusible_layers(form, p)
        ways.append((form, plans, possible))
        if possible and fuse == "faster":
            ways.append((form, plans, []))

    def compiled(form: Lowered, plans: dict[int, BlockPlan], fused: list[int]) -> Program:
        return assemble(network, form, plans, allocate(form, plans, p, fused), p, fused)

    if len(ways) == 1:
        return compiled(*ways[0])
    found: list[tuple[Prediction, Program]] = []
    faults: list[CompileFault] = []

    def attempt(form: Lowered, plans: dict[int, BlockPlan], fused: list[int]) -> None:
        try:
            program = compiled(form, plans, fused)
        except CompileFault as fault:  # in memory, which is shared out differently each way
            faults.append(fault)
        else:
            found.append((predict(program), program))

    for way in ways:
        attempt(*way)
    if len(found) > 1:
        _, best = min(found, key=_cycles)
        pairs = _faster_pairs([entry for entry in found if entry[1].lowered is best.lowered])
        if pairs is not None:
            attempt(best.lowered, next(plans for form, plans, _ in ways
                                       if form is best.lowered), pairs)
    if not found:
        raise faults[0]
    return min(found, key=_cycles)[1]


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
