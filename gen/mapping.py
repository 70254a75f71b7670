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
    check_bound,
    fusible_layers,
    lower,
    place_parts,
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
        plans = {layer.output: plan_blocks(layer, p.facts) for layer in form.layers
                 if layer.opcode is Opcode.MATRIX}
        possible = [] if fuse == "never" else fusible_layers(form, p)
        ways.append((form, plans, possible))
        if possible and fuse == "faster":
            ways.append((form, plans, []))

    def compiled(form: Lowered, plans: dict[int, BlockPlan], fused: list[int]) -> Program:
        placed, fused = place_parts(form, fused)
        return assemble(network, placed, plans, allocate(placed, plans, p, fused), p, fused)

    if len(ways) == 1:
        return compiled(*ways[0])
    found: list[tuple[Prediction, Program, Lowered]] = []
    faults: list[CompileFault] = []

    def attempt(form: Lowered, plans: dict[int, BlockPlan], fused: list[int]) -> None:
        try:
            program = compiled(form, plans, fused)
        except CompileFault as fault:  # in memory, which is shared out differently each way
            faults.append(fault)
        else:
            found.append((predict(program), program, form))

    for way in ways:
        attempt(*way)
    if len(found) > 1:
        _, _, best = min(found, key=_cycles)
        pairs = _faster_pairs([entry[:2] for entry in found if entry[2] is best])
        if pairs is not None:
            attempt(best, next(plans for form, plans, _ in ways if form is best),
                    [i for i, layer in enumerate(best.layers) if layer.output in pairs])
    if not found:
        raise faults[0]
    return min(found, key=_cycles)[1]


def _cycles(found: tuple[Prediction, Program, Lowered]) -> int:
    return found[0].cycles


def _faster_pairs(found: list[tuple[Prediction, Program]]) -> list[int] | None:
    """Of all pairs together and all apart those that are faster together, if some are not, by the
    tensor between the two."""
    if len(found) != 2:
        return None
    cycles = [{layer.lowered.output: predicted.cycles for layer, predicted in zip(
                   program.layers, prediction.layers, strict=True)}
              for prediction, program in found]
    possible = [(layer.lowered.output, after.lowered.output) for layer, after in zip(
                    found[0][1].layers, found[0][1].layers[1:], strict=False) if layer.fused]
    together, apart = ([sum(way[tensor] for tensor in pair) for pair in possible]
                       for way in cycles)
    pairs = [pair[0] for pair, *both in zip(possible, together, apart, strict=True)
             if both[0] < both[1]]
    return pairs if 0 < len(pairs) < len(possible) else None
