# SPDX-License-Identifier: Apache-2.0
"""Which layers run together on a stripe, in how many stripes: candidates, cheapest first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ....rtl.parameters import AcceleratorParameters
from ....rtl.sequencer.descriptor import Opcode
from ..layout import shape_words
from ..lower import Lowered, LoweredLayer
from .stripes import Rows, Segment, boundary, stripe_rows

__all__ = ["candidates", "hoist", "neighbours"]

STRIPES = (2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32, 48)
PART_CYCLES = 60
"""Cycles that a part costs on top of its rows: its descriptor, fill and drain."""
MOVE_CYCLES = 120
"""Cycles that a transfer costs on top of its words, with a memory of 100 cycles' latency."""
LONGEST = 10
"""Layers of a striped segment, at most."""


def hoist(lowered: Lowered) -> list[LoweredLayer]:
    """The layers in an order in which large tensors die early: a layer that makes less of a tensor
    than that tensor is follows the tensor's first reader."""
    left = list(lowered.layers)
    order: list[LoweredLayer] = []
    while left:
        layer = left.pop(0)
        order.append(layer)
        for other in list(left):
            if other.sources == layer.sources[:1] and shape_words(
                    lowered.shapes[other.output]) < shape_words(lowered.shapes[other.source]):
                left.remove(other)
                order.append(other)
    return order


@dataclass(frozen=True)
class _Costs:
    """``cycles`` of each layer whole, ``weights``: its words in external memory."""

    lowered: Lowered
    layers: Sequence[LoweredLayer]
    cycles: Sequence[int]
    weights: Sequence[int]
    p: AcceleratorParameters

    def segment(self, segment: Segment, room: float) -> float | None:
        """Estimated cycles; None where its stripes will hardly fit ``room`` of the memory."""
        layers = self.layers
        reads, makes = boundary(layers, segment, self.lowered.output)
        if segment.stripes > min(layers[i].output_shape[0] for i in segment.layers):
            return None
        computed: float = 0
        moved = first = last = 0
        most: dict[int, int] = {}
        for stripe in range(segment.stripes):
            rows = stripe_rows(layers, segment, stripe)
            for index in segment.layers:
                layer = layers[index]
                computed += PART_CYCLES + self.cycles[index] * _count(
                    rows[layer.output]) / layer.output_shape[0]
            for tensor, wanted in rows.items():
                height = self.lowered.shapes[tensor][0]
                words = shape_words(self.lowered.shapes[tensor]) * _count(wanted) // height
                most[tensor] = max(most.get(tensor, 0), words)
                if tensor in reads or tensor in makes:
                    moved += words + MOVE_CYCLES
                    if tensor in reads and stripe == 0:
                        first += words + MOVE_CYCLES
                    if tensor in makes and stripe == segment.stripes - 1:
                        last += words + MOVE_CYCLES
        need = sum(words * (2 if tensor in reads or tensor in makes else 1)
                   for tensor, words in most.items())
        if need > 2 * room * self.p.group_words:
            return None
        weights = sum(self.weights[i] for i in segment.layers)
        times = 1 if weights <= self.p.weight_words else segment.stripes
        moved += times * (weights + MOVE_CYCLES * len(segment.layers))
        if any(2 * sum(most[tensor] for tensor in tensors) > self.p.group_words
               for tensors in (reads, makes)):
            return computed + moved  # no room to load ahead, or to store behind
        return max(computed, moved) + first + last

    def rest(self, first: int) -> float:
        """Estimated cycles of the layers from ``first`` on, whole."""
        computed = sum(self.cycles[first:])
        return max(computed, sum(self.weights[first:]))


def _count(rows: Rows) -> int:
    return rows[1] - rows[0]


def candidates(lowered: Lowered, layers: Sequence[LoweredLayer], cycles: Sequence[int],
               weights: Sequence[int], p: AcceleratorParameters) -> Iterator[list[Segment]]:
    """Ways to cut ``layers`` into segments, in the order in which they should be tried.

    The last segment runs layer by layer, its tensors whole on chip; those before run in stripes,
    their boundary tensors in external memory. For every start of the last one the cheapest
    segments before are found by dynamic programming over an estimate.
    """
    costs = _Costs(lowered, layers, cycles, weights, p)
    yield [Segment(0, len(layers) - 1, 1)]
    found: list[tuple[float, list[Segment]]] = []
    for room in (1.0, 0.8, 0.6):
        best: list[tuple[float, list[Segment]] | None] = [(0.0, [])]
        for end in range(1, len(layers)):
            choices = []
            for start in range(max(end - LONGEST, 0), end):
                before = best[start]
                if before is None or not _may_stripe(layers[start:end]):
                    continue
                for stripes in STRIPES:
                    segment = Segment(start, end - 1, stripes)
                    cost = costs.segment(segment, room)
                    if cost is not None:
                        choices.append((before[0] + cost, [*before[1], segment]))
            best.append(min(choices, key=lambda choice: choice[0], default=None))
            chosen = best[end]
            if chosen is not None:
                last = Segment(end, len(layers) - 1, 1)
                found.append((chosen[0] + costs.rest(end), [*chosen[1], last]))
    seen: list[list[Segment]] = []
    for _, segments in sorted(found, key=lambda entry: entry[0]):
        if segments not in seen:
            seen.append(segments)
            yield segments


def neighbours(segments: Sequence[Segment],
               layers: Sequence[LoweredLayer]) -> Iterator[list[Segment]]:
    """Segmentations that differ from ``segments`` in one place: more or fewer stripes, a layer
    more or less in a segment, a segment cut in two, two made one."""
    for changed in _changes(segments):
        if _possible(changed, layers):
            yield changed


def _changes(segments: Sequence[Segment]) -> Iterator[list[Segment]]:
    for index, segment in enumerate(segments[:-1]):
        before, after = list(segments[:index]), list(segments[index + 1:])
        place = STRIPES.index(segment.stripes)
        for stripes in (*STRIPES[max(place - 1, 0):place], *STRIPES[place + 1:place + 2]):
            yield [*before, Segment(segment.first, segment.last, stripes), *after]
        following = after[0]
        for last in (segment.last - 1, segment.last + 1):
            if segment.first <= last < following.last:
                yield [*before, Segment(segment.first, last, segment.stripes),
                       Segment(last + 1, following.last, following.stripes), *after[1:]]
        for last in range(segment.first, segment.last):
            yield [*before, Segment(segment.first, last, segment.stripes),
                   Segment(last + 1, segment.last, segment.stripes), *after]
        if len(after) > 1:
            yield [*before, Segment(segment.first, following.last,
                                    max(segment.stripes, following.stripes)), *after[1:]]


def _possible(segments: Sequence[Segment], layers: Sequence[LoweredLayer]) -> bool:
    """Every segment but the last can run in its stripes."""
    return all(_may_stripe(layers[segment.first:segment.last + 1]) and segment.stripes <= min(
        layers[i].output_shape[0] for i in segment.layers) for segment in segments[:-1])


def _may_stripe(layers: Sequence[LoweredLayer]) -> bool:
    """Rows of the layers' results depend on some rows of their sources only."""
    return all(layer.output_shape[0] > 1 and (layer.opcode is not Opcode.WINDOW or layer.sliding)
               for layer in layers)
