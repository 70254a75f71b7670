# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.constants.graph import AdderGraph, Operand
from systolith.rtl.constants.plan import plan

from .evaluation import bit_of, row_of

INT8 = (-128, 127)


def drawn_graph(rng):
    """Any graph: nodes of two to five operands, outputs of any source."""
    inputs = tuple(tuple(sorted(rng.randint(-200, 200) for _ in range(2)))
                   for _ in range(rng.randint(1, 4)))
    nodes = []
    for index in range(rng.randint(0, 7)):
        operands = [Operand(rng.randrange(len(inputs) + index), rng.randrange(5),
                            rng.random() < 0.4) for _ in range(rng.randint(2, 5))]
        first = operands[0]
        nodes.append((Operand(first.source, first.shift), *operands[1:]))
    outputs = [Operand(rng.randrange(len(inputs) + len(nodes)), rng.randrange(3),
                       rng.random() < 0.3) for _ in range(rng.randint(1, 4))]
    constants = [rng.choice([0, rng.randint(-9999, 9999)]) for _ in range(len(outputs) + 1)]
    return AdderGraph(inputs, tuple(nodes), (*outputs, None), tuple(constants))


def outputs_of(planned, graph, values):
    """By the rows."""
    known = []
    for value, (lowest, highest) in zip(values, graph.inputs, strict=True):
        width = max(abs(lowest), abs(highest), 1).bit_length() + 2
        if lowest < 0:
            width = max((-lowest - 1).bit_length(), max(highest, 0).bit_length()) + 1
            value += 1 << width - 1
        known.append(value)
    for row in planned.rows:
        known.append(row_of(known, row))
    found = []
    for bits, (lowest, _) in zip(planned.outputs, graph.output_ranges, strict=True):
        number = sum(bit_of(known, bit) << column for column, bit in enumerate(bits))
        found.append(number - (1 << len(bits)) * (lowest < 0 and number >> len(bits) - 1))
    return tuple(found)


@pytest.mark.parametrize("seed", range(60))
def test_rows_make_what_the_graph_says(seed):
    rng = random.Random(seed)
    graph = drawn_graph(rng)
    planned = plan(graph)
    ends = [[low for low, _ in graph.inputs], [high for _, high in graph.inputs]]
    for values in [*ends, *([rng.choice([low, high, rng.randint(low, high)])
                             for low, high in graph.inputs] for _ in range(12))]:
        assert outputs_of(planned, graph, values) == graph.evaluate(values)


def test_a_node_used_once_is_dissolved():
    nodes = ((Operand(0), Operand(1)), (Operand(2), Operand(3)), (Operand(4), Operand(5)))
    graph = AdderGraph((INT8,) * 4, nodes, (Operand(6),))
    assert plan(graph).depth == 2  # the sum of four, not of two sums
    assert plan(graph).size < 8 + 8 + 9


def test_a_node_used_twice_is_made_once():
    nodes = ((Operand(0), Operand(1)), (Operand(2), Operand(0, 3)), (Operand(2), Operand(1, 4)))
    both = plan(AdderGraph((INT8,) * 2, nodes, (Operand(3), Operand(4))))
    alone = [plan(AdderGraph((INT8,) * 2, nodes, (Operand(each),))) for each in (3, 4)]
    assert both.size < sum(each.size for each in alone)


def test_outputs_by_themselves():
    planned = plan(AdderGraph(((0, 7),), (), (Operand(0, 2), None)))
    assert planned.rows == () and planned.depth == 0
    assert [len(bits) for bits in planned.outputs] == [5, 1]
