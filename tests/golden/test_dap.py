# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from systolith.golden.dap import MAX_BOUND, prune_activations, stream
from systolith.golden.dbb import BLOCK

TRACE = np.array([5, 0, -7, 3, 0, 2, 9, -1], np.int8)  # papers, section 4.8
activations = arrays(np.int8, array_shapes(min_dims=1, max_dims=4, max_side=20),
                     elements=st.integers(-128, 127) | st.sampled_from([-128, -127, -1, 0, 1, 127]))
zero_points = st.sampled_from([-128, 0]) | st.integers(-128, 127)
pruning = st.integers(1, MAX_BOUND)
bounds = pruning | st.just(BLOCK)


def slow_prune(row: list[int], zero_point: int, bound: int) -> list[int]:
    kept = []
    for first in range(0, len(row), BLOCK):
        block = row[first:first + BLOCK]
        order = sorted(range(len(block)), key=lambda i: (-abs(block[i] - zero_point), i))
        kept += [value if i in order[:bound] else zero_point for i, value in enumerate(block)]
    return kept


def operands(values, zero_point):
    return values.astype(np.int16) - zero_point


@given(activations, zero_points, bounds)
def test_keeps_the_largest_of_every_block(values, zero_point, bound):
    before = values.copy()
    pruned = prune_activations(values, zero_point=zero_point, bound=bound)
    assert pruned.dtype == np.int8 and pruned.shape == values.shape
    assert np.array_equal(values, before)
    rows = values.reshape(-1, values.shape[-1]).tolist()
    assert pruned.reshape(-1, values.shape[-1]).tolist() == [
        slow_prune(row, zero_point, bound) for row in rows]


@given(activations, zero_points, pruning)
def test_at_most_the_bound_is_left_of_a_block(values, zero_point, bound):
    pruned = operands(prune_activations(values, zero_point=zero_point, bound=bound), zero_point)
    for first in range(0, values.shape[-1], BLOCK):
        left = np.count_nonzero(pruned[..., first:first + BLOCK], axis=-1)
        present = np.count_nonzero(operands(values, zero_point)[..., first:first + BLOCK], axis=-1)
        assert np.array_equal(left, np.minimum(present, bound))


@given(activations, zero_points, bounds)
def test_is_idempotent(values, zero_point, bound):
    once = prune_activations(values, zero_point=zero_point, bound=bound)
    assert np.array_equal(prune_activations(once, zero_point=zero_point, bound=bound), once)


@given(activations, zero_points)
def test_a_whole_block_is_kept(values, zero_point):
    assert np.array_equal(prune_activations(values, zero_point=zero_point, bound=BLOCK), values)


@given(activations, zero_points, pruning)
def test_a_higher_bound_keeps_more(values, zero_point, bound):
    def kept(n):
        return operands(prune_activations(values, zero_point=zero_point, bound=n), zero_point) != 0
    assert not (kept(bound) & ~kept(min(bound + 1, MAX_BOUND))).any()


def test_ties_go_to_the_lowest_channel():
    block = np.array([3, -3, 1, 3, -3, 0, 0, 2], np.int8)
    assert prune_activations(block, zero_point=0, bound=2).tolist() == [3, -3, 0, 0, 0, 0, 0, 0]
    assert prune_activations(block, zero_point=0, bound=3).tolist() == [3, -3, 0, 3, 0, 0, 0, 0]


def test_the_least_value_is_the_largest_magnitude():
    assert prune_activations(np.array([127, -128], np.int8), zero_point=0,
                             bound=1).tolist() == [0, -128]


def test_magnitudes_are_those_of_operands():
    values = np.array([-128, 127, -100, -1, 0], np.int8)
    assert prune_activations(values, zero_point=-128, bound=2).tolist() == [
        -128, 127, -128, -128, 0]
    assert prune_activations(values, zero_point=127, bound=2).tolist() == [-128, 127, -100, 127,
                                                                         127]


def test_last_block_may_be_short():
    values = np.arange(1, 12, dtype=np.int8)
    assert prune_activations(values, zero_point=0, bound=2).tolist() == [
        0, 0, 0, 0, 0, 0, 7, 8, 0, 10, 11]


@pytest.mark.parametrize(("bound", "mask"), [(2, 0b01000100), (3, 0b01000101), (4, 0b01001101)])
def test_masks_of_the_worked_trace(bound, mask):
    pruned = prune_activations(TRACE, zero_point=0, bound=bound)
    assert (pruned != 0).tolist() == [bool(mask >> p & 1) for p in range(8)]
    assert np.array_equal(pruned[pruned != 0], TRACE[pruned != 0])


@pytest.mark.parametrize("bound", [-1, 0, 6, 7, 9])
def test_bound_that_does_not_prune(bound):
    with pytest.raises(ValueError, match=f"^Activation bound must be 1 ... 5 or 8, not {bound}$"):
        prune_activations(TRACE, zero_point=0, bound=bound)


@given(st.data(), st.sampled_from([-128, 0]), bounds)
def test_stream_holds_what_pruning_keeps(data, zero_point, bound):
    shape = (*data.draw(array_shapes(max_dims=3, max_side=4)), BLOCK)
    values = data.draw(arrays(np.int8, shape))
    blocks = operands(values, zero_point)
    found, channels = stream(blocks, 0xFF, bound)
    assert found.shape == channels.shape == (*shape[:-1], bound) and channels.dtype == np.uint8
    rebuilt = np.zeros(shape, np.int16)
    np.put_along_axis(rebuilt, channels.astype(int), found, axis=-1)
    pruned = prune_activations(values, zero_point=zero_point, bound=bound)
    assert np.array_equal(rebuilt, operands(pruned, zero_point))


@given(arrays(np.int16, (3, BLOCK), elements=st.integers(-128, 255)), st.integers(0, 255),
       st.integers(1, 8))
def test_stream_is_ordered_and_keeps_to_its_positions(blocks, positions, steps):
    found, channels = stream(blocks, positions, steps)
    count = min(positions.bit_count(), steps)
    for block, values, places in zip(blocks, found.tolist(), channels.tolist(), strict=True):
        mine = [p for p in range(BLOCK) if positions >> p & 1]
        order = sorted(mine, key=lambda p: (-abs(int(block[p])), p))[:count]
        assert places == order + [0] * (steps - count)
        assert values == [int(block[p]) for p in order] + [0] * (steps - count)


def test_stream_of_the_worked_trace():
    values, channels = stream(TRACE, 0xFF, 3)
    assert list(zip(values.tolist(), channels.tolist(), strict=True)) == [(9, 6), (-7, 2), (5, 0)]


def test_stream_of_bytes_knows_the_least_value():
    values, channels = stream(np.array([127, 1, -128, 0, -127, 0, 0, 0], np.int8), 0xFF, 3)
    assert values.tolist() == [-128, 127, -127] and channels.tolist() == [2, 0, 4]


def test_stream_of_a_short_block_ends_in_zeros():
    values, channels = stream(np.array([1, -2, 9, 9, 9, 9, 9, 9], np.int16), 0b11, 4)
    assert values.tolist() == [-2, 1, 0, 0] and channels.tolist() == [1, 0, 0, 0]


def test_passes_over_shares_of_the_positions_meet_every_operand():
    halves = [stream(TRACE, own, 4) for own in (0x0F, 0xF0)]
    met = {int(p): int(v) for values, places in halves
           for v, p in zip(values, places, strict=True)}
    assert met == dict(enumerate(TRACE.tolist()))
