# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from systolith.gen.fixed.adder_graph import adder_graph

WEIGHTS = st.one_of(st.just(0), st.sampled_from([1, -1, 2, -64, 64, 127, -127, -128]),
                    st.integers(-128, 127), st.integers(-70000, 70000))


@st.composite
def problems(draw):
    """A matrix, ranges, and inputs at their ends and between."""
    outputs, inputs = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    matrix = draw(st.lists(st.lists(WEIGHTS, min_size=inputs, max_size=inputs),
                           min_size=outputs, max_size=outputs))
    ranges = [tuple(sorted(draw(st.tuples(st.integers(-300, 300), st.integers(-300, 300)))))
              for _ in range(inputs)]
    vectors = draw(st.lists(st.tuples(*(st.one_of(st.sampled_from(ends), st.integers(*ends))
                                        for ends in ranges)), min_size=1, max_size=4))
    return np.array(matrix), ranges, [*vectors, [low for low, _ in ranges],
                                      [high for _, high in ranges]]


@settings(max_examples=150, deadline=None)
@given(problems())
def test_the_graph_is_the_matrix(problem):
    matrix, ranges, vectors = problem
    graph = adder_graph(matrix, ranges)
    assert graph.matrix == tuple(map(tuple, matrix.tolist()))
    for vector in vectors:
        assert graph.evaluate(vector) == tuple((matrix @ vector).tolist())


def test_the_same_again():
    matrix = np.random.default_rng(1).integers(-128, 128, (6, 9))
    assert adder_graph(matrix, [(-128, 127)] * 9) == adder_graph(matrix, [(-128, 127)] * 9)


def test_nothing_is_added_for_zeros_and_powers_of_two():
    graph = adder_graph(np.array([[0, 64], [0, 0], [-2, 0]]), [(-128, 127)] * 2)
    assert graph.nodes == ()
    assert graph.matrix == ((0, 64), (0, 0), (-2, 0))


def test_matrix_must_fit_the_ranges():
    with pytest.raises(ValueError, match=r"^Matrix must be \[outputs, 2\] for 2 ranges, not \[3\]"):
        adder_graph(np.zeros(3, int), [(0, 1)] * 2)
