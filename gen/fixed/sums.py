# SPDX-License-Identifier: Apache-2.0
"""Weighted sums and their requantisation, as a front end computes them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ...rtl.constants.graph import AdderGraph, Operand, Range
from ...rtl.constants.plan import Form
from ...rtl.fixed.parameters import FoldedParameters, Scaling, SumsParameters
from .adder_graph import adder_graph
from .requantise import Constants, RequantiseFault, constants, thresholds

__all__ = ["FrontEndFault", "WeightedSums", "folded", "scaling", "unfolded",
           "with_offsets"]


class FrontEndFault(ValueError):
    """A layer cannot be part of a front end; the text says why."""


@dataclass(frozen=True, eq=False)
class WeightedSums:
    """``reference(matrix * values)`` clipped to ``low ... high``, exactly.

    ``matrix``: int64 [channels, values]; ``ranges`` of the values; ``reference``: from sums [n,
    channels] to results, never falling; ``split`` [channels]: the sum that stands for zero.
    """

    name: str
    matrix: np.ndarray
    ranges: list[Range]
    reference: Callable[[np.ndarray], np.ndarray]
    low: int
    high: int
    split: np.ndarray

    def limits(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest sum of each channel."""
        ends = self.matrix[:, :, None] * np.array(self.ranges, np.int64)
        return ends.min(2).sum(1), ends.max(2).sum(1)

    def out_ranges(self) -> list[Range]:
        """Lowest and highest result of each channel."""
        low, high = (self.reference(ends[None])[0] for ends in self.limits())
        return [(int(a), int(b)) for a, b in zip(low, high, strict=True)]

    def constants(self) -> "list[Callable[[int | None], Constants]]":
        """For each channel what finds its constants, with a given shift or None."""
        lowest, highest = self.limits()
        first = thresholds(self.reference, lowest, highest, self.low, self.high)

        def find(channel: int, shift: int | None) -> Constants:
            try:
                return constants(first[channel], int(lowest[channel]), int(highest[channel]),
                                 self.low, self.high, int(self.split[channel]), shift)
            except RequantiseFault as fault:
                raise FrontEndFault(f"Layer {self.name!r}, channel {channel}: {fault}") from fault

        return [lambda shift, channel=channel: find(channel, shift)
                for channel in range(len(self.matrix))]


def scaling(found: Constants, low: int, high: int) -> Scaling:
    """``found`` as hardware has it: of the product, above ``low``."""
    base = low << found.shift
    return Scaling(offset=found.offset - base, shift=found.shift, low=low, high=high,
                   split=None if found.split is None else found.factor * found.split,
                   below=0 if found.split is None else found.below - base)


def unfolded(sums: WeightedSums, levels_per_stage: int, form: Form,
             effort: int = 1) -> SumsParameters:
    """All channels at once, weights as adders, shared as ``effort`` says (``adder_graph``)."""
    graph = _graph(sums.matrix, sums.ranges, effort)
    found = [find(None) for find in sums.constants()]
    return with_offsets(
        graph, _graph(np.diag([each.factor for each in found]), graph.output_ranges),
        [scaling(each, sums.low, sums.high) for each in found], levels_per_stage, form)


def with_offsets(graph: AdderGraph, factors: AdderGraph, scalings: list[Scaling],
                 levels_per_stage: int, form: Form) -> SumsParameters:
    """Sums whose offsets are added along with the products of their factors."""
    offsets = tuple(each.offset for each in scalings)
    moved = tuple(replace(
        each, offset=0, below=each.below - each.offset,
        split=None if each.split is None else each.split + each.offset,
        more=tuple(x + each.offset for x in each.more),
        less=tuple(x + each.offset for x in each.less)) for each in scalings)
    return SumsParameters(graph=graph, factors=replace(factors, constants=offsets),
                          scalings=moved, levels_per_stage=levels_per_stage, form=form)


def folded(sums: WeightedSums, phases: int, levels_per_stage: int,
           form: Form = Form.ROWS) -> FoldedParameters:
    """``phases`` groups of channels one after the other, weights in ROMs."""
    channels = len(sums.matrix)
    if phases > channels:
        raise FrontEndFault(f"Layer {sums.name!r} of {channels} channels must be folded at most "
                            f"{channels} times, not {phases!r}")
    lanes = -(-channels // phases)
    search = sums.constants()
    places, weights, factors, scalings = [], [], [], []
    for lane in range(lanes):
        mine = [phase * lanes + lane for phase in range(phases)]
        rows = [sums.matrix[channel] if channel < channels else np.zeros_like(sums.matrix[0])
                for channel in mine]
        places.append(_places(rows))
        weights.append(tuple(tuple(int(row[place]) if used else 0 for place, used in pairs)
                             for row, pairs in zip(rows, places[-1], strict=True)))
        places[-1] = tuple(tuple(place for place, _ in pairs) for pairs in places[-1])
        least = [search[channel](None) for channel in mine if channel < channels]
        shift = max(each.shift for each in least)
        found = [search[channel](shift) if channel < channels else Constants(0, 0, shift)
                 for channel in mine]
        factors.append(tuple(each.factor for each in found))
        scalings.append(tuple(scaling(each, sums.low, sums.high) for each in found))
    products = [_product_range(sums.ranges, lane, used)
                for lanes_places, lanes_weights in zip(places, weights, strict=True)
                for lane, used in zip(zip(*lanes_places, strict=True),
                                      zip(*lanes_weights, strict=True), strict=True)]
    counts = [len(lane[0]) for lane in places]
    ones = np.repeat(np.eye(lanes, dtype=np.int64), counts, axis=1)
    return FoldedParameters(
        inputs=tuple(sums.ranges), places=tuple(places), weights=tuple(weights),
        tree=_graph(ones, products), factors=tuple(factors), scalings=tuple(scalings),
        channels=channels, levels_per_stage=levels_per_stage, form=form)


def _places(rows: list[np.ndarray]) -> list[list[tuple[int, bool]]]:
    """For each row the values of its products, and whether each product is used: in the columns of
    all rows, unless every row by itself needs less than half as many."""
    own = [np.flatnonzero(row).tolist() for row in rows]
    union = sorted(set().union(*own)) or [0]
    longest = max(map(len, own))
    if 2 * longest > len(union):
        return [[(place, True) for place in union] for _ in rows]
    return [[(place, True) for place in places] + [(union[0], False)] * (longest - len(places))
            for places in own]


def _product_range(ranges: list[Range], places: tuple[int, ...],
                   weights: tuple[int, ...]) -> Range:
    ends = [weight * end for place, weight in zip(places, weights, strict=True)
            for end in ranges[place]]
    return min(ends), max(ends)


def _graph(matrix: np.ndarray, ranges: list[Range], effort: int = 1) -> AdderGraph:
    """The adder graph of ``matrix``, found by itself for each block of rows that share columns."""
    blocks: list[tuple[set[int], list[int]]] = []
    for row in range(len(matrix)):
        columns = set(np.flatnonzero(matrix[row]).tolist())
        rows = [row]
        for block in [block for block in blocks if block[0] & columns]:
            columns |= block[0]
            rows = block[1] + rows
            blocks.remove(block)
        blocks.append((columns, rows))
    if len(blocks) == 1:
        return adder_graph(matrix, ranges, effort=effort)
    nodes: list[tuple[Operand, ...]] = []
    outputs: list[Operand | None] = [None] * len(matrix)
    for columns, rows in blocks:
        if not columns:
            continue
        used = sorted(columns)
        part = adder_graph(matrix[np.ix_(rows, used)], [ranges[column] for column in used],
                           effort=effort)
        sources = used + [len(ranges) + len(nodes) + index for index in range(len(part.nodes))]

        def moved(operand: Operand, sources=sources) -> Operand:
            return Operand(sources[operand.source], operand.shift, operand.negative)

        nodes += [tuple(map(moved, operands)) for operands in part.nodes]
        for row, output in zip(rows, part.outputs, strict=True):
            outputs[row] = None if output is None else moved(output)
    return AdderGraph(tuple(ranges), tuple(nodes), tuple(outputs))
