# SPDX-License-Identifier: Apache-2.0
"""Rows of stripes, against a computation of which row touches which."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from systolith.gen.compile.external.stripes import (
    Segment,
    boundary,
    share,
    source_rows,
    stripe_rows,
)
from systolith.rtl.sequencer.descriptor import Opcode


@dataclass(frozen=True)
class Layer:
    """What stripes know of a layer: rows alone."""

    sources: tuple[int, ...]
    output: int
    height: int  # of the source
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    below: int = 0
    opcode: Opcode = Opcode.WINDOW

    @property
    def source_shape(self):
        return self.height, 1, 8

    @property
    def output_shape(self):
        rows = self.height + self.padding[0] + self.below - self.kernel[0]
        return rows // self.stride[0] + 1, 1, 8

    def touched(self, row):
        """Rows of a source that a row of the result is computed from."""
        if self.opcode is Opcode.ADD:
            return {row}
        first = row * self.stride[0] - self.padding[0]
        return {y for y in range(first, first + self.kernel[0]) if 0 <= y < self.height}


@st.composite
def layers(draw):
    """A chain of windows and sums, each over one or two tensors of its height."""
    heights = {0: draw(st.integers(4, 30))}
    chain = []
    for output in range(1, draw(st.integers(2, 7))):
        source = draw(st.integers(max(0, output - 2), output - 1))
        rivals = [tensor for tensor, height in heights.items() if height == heights[source]]
        if draw(st.booleans()) and draw(st.booleans()):
            layer = Layer((source, draw(st.sampled_from(rivals))), output, heights[source],
                          opcode=Opcode.ADD)
        else:
            kernel = draw(st.integers(1, min(5, heights[source])))
            layer = Layer((source,), output, heights[source], (kernel, 1),
                          (draw(st.integers(1, 2)), 1), (draw(st.integers(0, kernel - 1)), 0),
                          draw(st.integers(0, kernel - 1)))
        heights[output] = layer.output_shape[0]
        chain.append(layer)
    return chain


@settings(deadline=None, derandomize=True)
@given(st.integers(1, 60), st.integers(1, 60))
def test_shares_are_every_row_once(height, stripes):
    rows = [row for stripe in range(stripes) for row in range(*share(height, stripes, stripe))]
    assert rows == list(range(height))
    if stripes <= height:
        assert all(len(range(*share(height, stripes, stripe))) for stripe in range(stripes))


@settings(deadline=None, derandomize=True)
@given(layers(), st.data())
def test_rows_of_a_source_are_all_that_are_touched(chain, data):
    layer = data.draw(st.sampled_from(chain))
    first = data.draw(st.integers(0, layer.output_shape[0] - 1))
    end = data.draw(st.integers(first + 1, layer.output_shape[0]))
    touched = set().union(*(layer.touched(row) for row in range(first, end)))
    if touched:
        found = set(range(*source_rows(layer, (first, end))))
        assert found >= touched
        assert {min(found), max(found)} == {min(touched), max(touched)}


@settings(deadline=None, derandomize=True)
@given(layers(), st.data())
def test_a_stripe_has_every_row_that_its_share_is_computed_from(chain, data):
    least = min(layer.output_shape[0] for layer in chain)
    segment = Segment(0, len(chain) - 1, data.draw(st.integers(1, least)))
    for stripe in range(segment.stripes):
        rows = stripe_rows(chain, segment, stripe)
        for layer in chain:
            mine = set(range(*rows[layer.output]))
            assert mine >= set(range(*share(layer.output_shape[0], segment.stripes, stripe)))
            assert mine <= set(range(layer.output_shape[0]))
            for row in mine:
                for source in layer.sources:
                    assert layer.touched(row) <= set(range(*rows[source]))


@pytest.mark.parametrize(("first", "last", "reads", "makes"), [
    (0, 0, [0], [1]), (0, 1, [0], [1, 2]), (1, 2, [1], [3]), (0, 3, [0], [4]), (3, 3, [1, 3], [4])])
def test_boundary(first, last, reads, makes):
    chain = [Layer((0,), 1, 8), Layer((1,), 2, 8), Layer((2,), 3, 8),
             Layer((1, 3), 4, 8, opcode=Opcode.ADD)]
    assert boundary(chain, Segment(first, last, 2), 4) == (reads, makes)
