# SPDX-License-Identifier: Apache-2.0
"""The order of channels in memory: outputs of like density side by side, so that tiles and blocks
are dense or empty as a whole. The order is restored in the weights of whoever reads them."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ...golden.dbb import BLOCK
from ...rtl.parameters import AcceleratorParameters
from ...rtl.sequencer.descriptor import Opcode
from .lower import Lowered, LoweredLayer
from .plan import plan_blocks
from .schedule import row_tiles

__all__ = ["array_cost", "sort_channels"]

SWEEPS = 2
"""How often each order is chosen, the orders of the other tensors being what they are."""


def sort_channels(lowered: Lowered, p: AcceleratorParameters) -> Lowered:
    """``lowered`` with the channels of tensors in the order in which engine layers are shortest.

    Tensors that a layer of the vector unit or an ADD joins have one order. It is chosen by
    the cycles of the layers that write and of those that read them, or else their array steps,
    tensor after tensor; the present order wins where no other is better, so that the sum never
    grows. The network's input and output, concatenated tensors, and those whose blocks are pruned
    keep the model's order.
    """
    if not p.facts.compressed:
        return lowered
    layers = list(lowered.layers)
    orders: dict[int, np.ndarray] = {}
    groups = list(_free_groups(lowered))
    for _ in range(SWEEPS):
        for group in groups:
            present = orders.get(group[0], np.arange(lowered.shapes[group[0]][2]))
            change = _best_change(layers, group, p)
            if change is None:
                continue
            layers = [_reordered(layer, group, change) for layer in layers]
            orders |= dict.fromkeys(group, present[change])
    return replace(lowered, layers=layers, orders={
        tensor: tuple(order.tolist()) for tensor, order in orders.items()
        if (np.diff(order) != 1).any()})


def _free_groups(lowered: Lowered) -> Iterator[list[int]]:
    """Tensors with one order of channels, group by group in order of birth, where it is free."""
    tensors = [lowered.input, *(layer.output for layer in lowered.layers),
               *(join.whole for join in lowered.joins), *lowered.inside]
    joined = {tensor: [tensor] for tensor in tensors}
    fixed = {lowered.input, lowered.output}
    fixed |= {lowered.aliases.get(source, source)
              for layer in lowered.host for source in layer.sources}
    fixed |= {tensor for join in lowered.joins for tensor in (join.whole, *join.parts)}
    fixed |= {whole for whole, _ in lowered.inside.values()}
    for layer in lowered.layers:
        if layer.opcode is Opcode.MATRIX:
            if layer.activation_bound != BLOCK:
                fixed.add(layer.source)
            continue
        members = sorted({member for tensor in (*layer.sources, layer.output)
                          for member in joined[tensor]})
        joined |= dict.fromkeys(members, members)
    for tensor in tensors:
        if joined[tensor][0] == tensor and not fixed & set(joined[tensor]):
            yield joined[tensor]


def _best_change(layers: list[LoweredLayer], group: list[int],
                 p: AcceleratorParameters) -> np.ndarray | None:
    """The order of the group's present channels that saves most, or None."""
    around = [layer for layer in layers if layer.opcode is Opcode.MATRIX
              and (layer.output in group or layer.source in group)]
    best, least = None, array_cost(around, p)
    for change in _candidates(around, group):
        cost = array_cost([_reordered(layer, group, change) for layer in around], p)
        if cost < least:
            best, least = change, cost
    return best


def _candidates(around: list[LoweredLayer], group: list[int]) -> Iterator[np.ndarray]:
    """Orders by density: of what writes a channel, of what reads it, of both; either way round."""
    written = [np.count_nonzero(layer.weights, axis=(1, 2, 3))
               for layer in around if layer.output in group]
    read = [np.count_nonzero(layer.weights, axis=(0, 1, 2))
            for layer in around if layer.source in group]
    for counts in (written, read, written + read):
        if counts:
            density = np.sum(counts, axis=0)
            yield np.argsort(-density, kind="stable")
            yield np.argsort(density, kind="stable")


def array_cost(layers: list[LoweredLayer], p: AcceleratorParameters) -> tuple[int, int]:
    """Cycles of engine layers that the array, the reads of rows and the drain allow, and steps."""
    pieces = p.facts.rows // p.matrix_lanes
    cycles = steps = 0
    for layer in layers:
        plan = plan_blocks(layer, p.facts)
        blocks = (np.maximum(plan.steps, pieces) * (plan.passes > 0)).sum((1, 2, 3))
        tiles = row_tiles(layer, p)
        cycles += tiles * int(np.maximum(blocks, p.facts.rows * p.beats).sum())
        steps += tiles * int(plan.steps.sum())
    return cycles, steps


def _reordered(layer: LoweredLayer, group: list[int], order: np.ndarray) -> LoweredLayer:
    """``layer`` where channel k of the group's tensors is what channel ``order[k]`` was."""
    weights = layer.weights
    if layer.opcode is Opcode.ADD:
        return layer
    if layer.source in group and layer.opcode is Opcode.MATRIX:
        weights = weights[..., order]
    if layer.output not in group:
        return replace(layer, weights=weights)
    requantise = layer.requantise
    return replace(
        layer, weights=weights[order] if layer.opcode is Opcode.MATRIX else weights[..., order],
        bias=layer.bias[order],
        requantise=replace(requantise, multiplier=requantise.multiplier[order],
                           shift=requantise.shift[order]))
