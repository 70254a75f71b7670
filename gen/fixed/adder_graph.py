# SPDX-License-Identifier: Apache-2.0
"""From a constant matrix to an adder graph."""

import heapq
from collections.abc import Sequence

import numpy as np

from ...rtl.fixed.graph import AdderGraph, Operand, Range
from .digits import canonical_digits

__all__ = ["adder_graph"]


def adder_graph(matrix: np.ndarray, ranges: Sequence[Range], *, effort: int = 1) -> AdderGraph:
    """The graph of ``matrix`` (integers, [outputs, inputs]) for inputs of ``ranges``.

    Deterministic. ``effort``: 0 for the quickest. Raises ValueError.
    """
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[1] != len(ranges):
        raise ValueError(f"Matrix must be [outputs, {len(ranges)}] for {len(ranges)} ranges, "
                         f"not {list(matrix.shape)!r}")
    nodes: list[tuple[Operand, ...]] = []
    outputs = [_sum(row, nodes, len(ranges)) for row in matrix.tolist()]
    return AdderGraph(tuple(ranges), tuple(nodes), tuple(outputs))


def _sum(row: Sequence[int], nodes: list[tuple[Operand, ...]], inputs: int) -> Operand | None:
    """A row's sum as a balanced tree of additions of the earliest terms, which go to ``nodes``."""
    terms = [(0, order, Operand(source, shift, sign < 0))
             for order, (shift, source, sign) in enumerate(sorted(
                 (shift, source, sign) for source, value in enumerate(row)
                 for shift, sign in canonical_digits(value)))]
    heapq.heapify(terms)
    order = len(terms)
    while len(terms) > 1:
        level, _, left = heapq.heappop(terms)
        other, _, right = heapq.heappop(terms)
        shift = min(left.shift, right.shift)
        negative = left.negative and right.negative
        nodes.append(tuple(Operand(each.source, each.shift - shift, each.negative != negative)
                           for each in (left, right)))
        total = Operand(inputs + len(nodes) - 1, shift, negative)
        heapq.heappush(terms, (1 + max(level, other), order, total))
        order += 1
    return terms[0][2] if terms else None
