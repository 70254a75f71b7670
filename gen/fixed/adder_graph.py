# SPDX-License-Identifier: Apache-2.0
"""From a constant matrix to an adder graph."""

from collections.abc import Sequence

import numpy as np

from ...rtl.fixed.graph import AdderGraph, Operand, Range
from .sharing import Sharing

__all__ = ["adder_graph"]


def adder_graph(matrix: np.ndarray, ranges: Sequence[Range], *, effort: int = 1) -> AdderGraph:
    """The graph of ``matrix`` (integers, [outputs, inputs]) for inputs of ``ranges``.

    Deterministic. ``effort``: 0 for sums that share nothing. Raises ValueError.
    """
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[1] != len(ranges):
        raise ValueError(f"Matrix must be [outputs, {len(ranges)}] for {len(ranges)} ranges, "
                         f"not {list(matrix.shape)!r}")
    rows = [tuple(row) for row in matrix.tolist()]
    distinct = list(dict.fromkeys(rows))
    sharing = Sharing(distinct, ranges)
    if effort:
        sharing.share()
    nodes: list[tuple[Operand, ...]] = [*sharing.nodes]
    sums: dict[tuple[int, ...], Operand | None] = {}
    for row, terms in zip(distinct, sharing.terms, strict=True):
        operands = [Operand(source, shift, sign < 0) for source, shifts in terms.items()
                    for shift, sign in shifts.items()]
        negative = all(operand.negative for operand in operands)
        if len(operands) > 1:
            nodes.append(tuple(Operand(each.source, each.shift, each.negative != negative)
                               for each in operands))
            operands = [Operand(len(ranges) + len(nodes) - 1, 0, negative)]
        sums[row] = operands[0] if operands else None
    return AdderGraph(tuple(ranges), tuple(nodes), tuple(sums[row] for row in rows))
