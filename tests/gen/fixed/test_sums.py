# SPDX-License-Identifier: Apache-2.0
import numpy as np
from systolith.gen.fixed.adder_graph import adder_graph
from systolith.gen.fixed.sums import shifted


def test_offsets_are_added_to_outputs():
    matrix = np.array([[3, -5], [0, 0], [1, 0], [7, 7]])
    graph = adder_graph(matrix, [(-8, 7), (0, 15)])
    found = shifted(graph, [1000, -6, 0, -1])
    assert found.inputs == (*graph.inputs, (1, 1))
    for values in ((-8, 0), (7, 15), (-3, 4)):
        expected = (matrix @ values + [1000, -6, 0, -1]).tolist()
        assert list(found.evaluate([*values, 1])) == expected
    assert found.output_ranges[1] == (-6, -6)
