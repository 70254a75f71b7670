# SPDX-License-Identifier: Apache-2.0
"""Stripes: which rows of which tensors the layers of a segment compute at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ....rtl.sequencer.descriptor import Opcode
from ..lower import LoweredLayer
from ..placed import Part
from ..plan import BlockPlan

__all__ = ["Rows", "Segment", "boundary", "part_of_layer", "share", "source_rows",
           "stripe_rows"]

Rows = tuple[int, int]
"""First row, and the one behind the last."""


@dataclass(frozen=True)
class Segment:
    """Layers ``first`` to ``last`` (inclusive), which run one after another on a stripe of rows,
    then on the next of ``stripes``."""

    first: int
    last: int
    stripes: int

    @property
    def layers(self) -> range:
        """Their indices."""
        return range(self.first, self.last + 1)


def boundary(layers: Sequence[LoweredLayer], segment: Segment,
             output: int) -> tuple[list[int], list[int]]:
    """Tensors that a segment reads but does not make, and those it makes for others: later
    layers, or as the network's ``output``."""
    inside = [layers[i] for i in segment.layers]
    made = {layer.output for layer in inside}
    read = {tensor for layer in inside for tensor in layer.sources}
    later = {tensor for layer in layers[segment.last + 1:] for tensor in layer.sources} | {output}
    return sorted(read - made), sorted(made & later)


def source_rows(layer: LoweredLayer, rows: Rows) -> Rows:
    """Rows of its source that ``rows`` of its result need, halo included."""
    if layer.opcode is Opcode.ADD:
        return rows
    first = rows[0] * layer.stride[0] - layer.padding[0]
    end = (rows[1] - 1) * layer.stride[0] - layer.padding[0] + layer.kernel[0]
    return max(first, 0), min(end, layer.source_shape[0])


def stripe_rows(layers: Sequence[LoweredLayer], segment: Segment,
                stripe: int) -> dict[int, Rows]:
    """Rows of every tensor that a segment touches in a stripe.

    Of the tensors that it makes each stripe has its share, and the rows which the share of the
    layers behind needs: those at the edge of a stripe are computed, or read, twice.
    """
    heights = {layers[i].output: layers[i].output_shape[0] for i in segment.layers}
    rows: dict[int, Rows] = {}

    def need(tensor: int, more: Rows) -> None:
        known = rows.get(tensor, more)
        rows[tensor] = min(known[0], more[0]), max(known[1], more[1])

    for index in reversed(segment.layers):
        layer = layers[index]
        need(layer.output, share(heights[layer.output], segment.stripes, stripe))
        for tensor in layer.sources:
            need(tensor, source_rows(layer, rows[layer.output]))
    return rows


def share(height: int, stripes: int, stripe: int) -> Rows:
    """The rows of ``height`` that belong to a stripe."""
    return stripe * height // stripes, (stripe + 1) * height // stripes


def part_of_layer(layer: LoweredLayer, plan: BlockPlan | None, rows: Rows, tiles: Rows,
                  columns: int) -> tuple[LoweredLayer, BlockPlan | None, Part]:
    """Rows ``rows`` of the column tiles ``tiles`` (of ``columns`` channels) as a layer by itself;
    what the vector unit runs has all its channels."""
    height, width, channels = layer.output_shape
    source = source_rows(layer, rows)
    start, end = 0, channels
    if plan is not None:
        start, end = tiles[0] * columns, min(tiles[1] * columns, channels)
        plan = replace(plan, **{name: getattr(plan, name)[slice(*tiles)]
                                for name in ("nnz", "passes", "steps")})
    part = Part(rows=rows, channels=(start, end), source_rows=source)
    if part == Part.whole(layer):
        return layer, plan, part
    requantise, chosen = layer.requantise, slice(start, end)
    if plan is not None:
        requantise = replace(requantise, multiplier=requantise.multiplier[chosen],
                             shift=requantise.shift[chosen])
    return replace(
        layer, source_shape=(source[1] - source[0], *layer.source_shape[1:]),
        output_shape=(rows[1] - rows[0], width, end - start),
        padding=(max(layer.padding[0] - rows[0] * layer.stride[0], 0), layer.padding[1]),
        weights=layer.weights if plan is None else layer.weights[chosen],
        bias=layer.bias if plan is None else layer.bias[chosen],
        requantise=requantise), plan, part
