# SPDX-License-Identifier: Apache-2.0
"""Mapping: of the ways in which a network can run, the one with the fewest predicted cycles."""

from dataclasses import replace
from itertools import islice, product
from typing import Literal

from ..golden.network import Network
from ..rtl.parameters import AcceleratorParameters
from ..rtl.sequencer.descriptor import Opcode
from .build import parameters
from .compile import (
    BlockPlan,
    CompileFault,
    Lowered,
    Program,
    Unfit,
    allocate,
    assemble,
    candidates,
    check_bound,
    fusible_layers,
    hoist,
    lower,
    place_layers,
    plan_blocks,
    ring_weights,
    sort_channels,
    tile,
)
from .predict import Prediction, predict
from .spec import Spec

__all__ = ["compile_network"]

MOST_SEGMENTATIONS = 60
"""Ways to cut a network into segments that are tried."""
FITTING_SEGMENTATIONS = 6
"""... of which so many fit; the best of them is taken."""


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
    if p.external_weights:
        return _compile_external(network, sorted_, p)
    ways = []
    for form in (sorted_, lowered) if sorted_.orders else (lowered,):
        plans = {layer.output: plan_blocks(layer, p.facts) for layer in form.layers
                 if layer.opcode is Opcode.MATRIX}
        possible = [] if fuse == "never" else fusible_layers(form, p)
        ways.append((form, plans, possible))
        if possible and fuse == "faster":
            ways.append((form, plans, []))

    def compiled(form: Lowered, plans: dict[int, BlockPlan], fused: list[int]) -> Program:
        layouts = allocate(form, plans, p, fused)
        return assemble(network, form, place_layers(form, plans, layouts, fused), layouts, p)

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


def _compile_external(network: Network, lowered: Lowered, p: AcceleratorParameters) -> Program:
    """Weights streamed, activations in stripes where they must be: of the segmentations that fit,
    in the model's order of layers and in one that spares memory, the one with the fewest predicted
    cycles."""
    orders = [lowered.layers, hoist(lowered)]
    if orders[0] == orders[1]:
        orders.pop()
    found: list[tuple[int, Program]] = []
    faults: list[CompileFault] = []
    for layers in orders:
        _try_segments(network, replace(lowered, layers=layers), p, found, faults)
    if not found:
        raise faults[-1]
    return min(found, key=lambda entry: entry[0])[1]


def _try_segments(network: Network, lowered: Lowered, p: AcceleratorParameters,
                  found: list[tuple[int, Program]], faults: list[CompileFault]) -> None:
    """Adds what fits to ``found``, with its predicted cycles, and what does not to ``faults``."""
    layers = lowered.layers
    plans = {layer.output: plan_blocks(layer, p.facts) for layer in layers
             if layer.opcode is Opcode.MATRIX}
    weights = {layer.output: ring_weights(layer, plans[layer.output], p)
               for layer in layers if layer.output in plans}
    words = {output: [tile.size for tile in tiles] for output, tiles in weights.items()}
    external = [tile_words for tiles in weights.values() for tile_words in tiles]
    most = 1 << 24
    roomy = replace(p, activation_words=most, weight_words=most, program_words=most,
                    schedule_words=most, external_weights=False)
    layouts = allocate(lowered, plans, roomy)
    cycles = [layer.cycles for layer in predict(assemble(
        network, lowered, place_layers(lowered, plans, layouts), layouts, roomy)).layers]
    totals = [sum(words.get(layer.output, [0])) for layer in layers]
    fitting = 0
    for segments, stay in islice(product(candidates(lowered, layers, cycles, totals, p),
                                         (True, False)), 2 * MOST_SEGMENTATIONS):
        try:
            tiled = tile(lowered, layers, plans, words, segments, p, stay=stay)
            program = assemble(network, lowered, tiled.parts, tiled.layouts, p, tiled, external)
        except Unfit as error:
            faults.append(CompileFault(str(error)))
            continue
        except CompileFault as error:  # too many parts for the program memory
            faults.append(error)
            continue
        prediction = predict(program)
        found.append((prediction.cycles + prediction.waits, program))
        fitting += 1
        if fitting == FITTING_SEGMENTATIONS or len(segments) == 1:
            break


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
