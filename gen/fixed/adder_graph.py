# SPDX-License-Identifier: Apache-2.0
"""From a constant matrix to an adder graph."""

from collections.abc import Sequence

import numpy as np

from ...rtl.constants.graph import AdderGraph, Operand, Range
from ...rtl.constants.plan import Form, plan
from .sharing import Sharing

__all__ = ["adder_graph"]


RATES = {Form.ROWS: (1.35, 1.05, 1.6, 1.2, 1.45), Form.TREES: (1.0, 1.2, 0.85)}
"""Bits that a look-up table of a row, or a full adder, is taken to take away; the first is the best
most often."""


def adder_graph(matrix: np.ndarray, ranges: Sequence[Range], *, constants: Sequence[int] = (),
                form: Form = Form.ROWS, effort: int = 1) -> AdderGraph:
    """The graph of ``matrix`` (integers, [outputs, inputs]) for inputs of ``ranges``, with
    ``constants`` added to the outputs, which costs next to nothing.

    Deterministic. ``form``: what it will be built as. ``effort``: 0 for sums that share nothing, or
    the number of tries, of which the smallest is taken. Raises ValueError.
    """
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[1] != len(ranges):
        raise ValueError(f"Matrix must be [outputs, {len(ranges)}] for {len(ranges)} ranges, "
                         f"not {list(matrix.shape)!r}")
    rows = [tuple(row) for row in matrix.tolist()]
    tried = []
    for rate in RATES[form][:max(1, effort)]:
        distinct = list(dict.fromkeys(rows))
        sharing = Sharing(distinct, ranges, rate)
        if effort:
            sharing.share()
        nodes, sums = _sums(sharing)
        found = dict(zip(distinct, sums, strict=True))
        tried.append(AdderGraph(tuple(ranges), nodes, tuple(found[row] for row in rows),
                                tuple(map(int, constants))))
    return tried[0] if len(tried) == 1 else min(tried, key=lambda graph: plan(graph, form).size)


def _sums(sharing: Sharing) -> tuple[tuple[tuple[Operand, ...], ...], list[Operand | None]]:
    """All nodes, the sums among them, and of each sum where it is."""
    nodes: list[tuple[Operand, ...]] = [*sharing.nodes]
    found: list[Operand | None] = []
    for terms in sharing.terms:
        operands = [Operand(source, shift, sign < 0) for source, shifts in terms.items()
                    for shift, sign in shifts.items()]
        negative = all(operand.negative for operand in operands)
        if len(operands) > 1:
            nodes.append(tuple(Operand(each.source, each.shift, each.negative != negative)
                               for each in operands))
            operands = [Operand(sharing.inputs + len(nodes) - 1, 0, negative)]
        found.append(operands[0] if operands else None)
    return tuple(nodes), found
