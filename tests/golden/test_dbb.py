# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from systolith.golden.dbb import (
    BLOCK,
    decode,
    decode_indexed,
    diagonal,
    encode,
    encode_indexed,
    max_nnz,
    prune,
)

weights = arrays(np.int8, array_shapes(min_dims=1, max_dims=4, max_side=20),
                 elements=st.integers(-128, 127) | st.integers(-1, 1))
bounds = st.integers(1, BLOCK)


def slow_prune(row: list[int], nnz: int) -> list[int]:
    kept = []
    for first in range(0, len(row), BLOCK):
        block = row[first:first + BLOCK]
        chosen = sorted(range(len(block)), key=lambda i: (-abs(block[i]), i))[:nnz]
        kept += [value if i in chosen else 0 for i, value in enumerate(block)]
    return kept


@given(weights, bounds)
def test_prune_keeps_the_largest_of_every_block(values, nnz):
    pruned = prune(values, nnz=nnz)
    assert pruned.dtype == np.int8 and pruned.shape == values.shape
    rows = values.reshape(-1, values.shape[-1]).tolist()
    assert pruned.reshape(-1, values.shape[-1]).tolist() == [slow_prune(r, nnz) for r in rows]
    assert max_nnz(pruned) <= nnz


@given(weights, bounds)
def test_prune_is_idempotent(values, nnz):
    pruned = prune(values, nnz=nnz)
    assert np.array_equal(prune(pruned, nnz=nnz), pruned)


@given(st.data(), bounds)
def test_non_zeros_one_at_a_time(data, nnz):
    shape = (*data.draw(array_shapes(max_dims=3, max_side=4)), BLOCK)
    blocks = prune(data.draw(arrays(np.int8, shape)), nnz=nnz)
    values, positions = encode_indexed(blocks, nnz)
    assert values.dtype == np.int8 and positions.dtype == np.uint8
    assert values.shape == positions.shape == (*shape[:-1], nnz)
    assert np.array_equal(decode_indexed(values, positions), blocks)
    assert (np.diff(positions.astype(int), axis=-1) >= 0).all()
    assert np.array_equal(values, encode(blocks, nnz)[0])


def test_stream_of_the_worked_trace():
    block = np.array([0, 4, 0, -2, 0, 0, 3, 0], np.int8)  # papers, section 4.8
    values, positions = encode_indexed(block, 4)
    assert values.tolist() == [4, -2, 3, 0] and positions.tolist() == [1, 3, 6, 6]


@given(st.data(), bounds)
def test_decode_restores_what_encode_was_given(data, nnz):
    shape = (*data.draw(array_shapes(max_dims=3, max_side=4)), BLOCK)
    dense = data.draw(arrays(np.int8, shape, elements=st.integers(-128, 127)))
    blocks = prune(dense, nnz=nnz)
    values, mask = encode(blocks, nnz)
    assert values.dtype == np.int8 and values.shape == (*shape[:-1], nnz)
    assert mask.dtype == np.uint8 and mask.shape == shape[:-1]
    assert np.array_equal(decode(values, mask), blocks)


def test_ties_go_to_the_lowest_index():
    block = np.array([3, -3, 1, 3, -3, 0, 0, 2], np.int8)
    assert prune(block, nnz=2).tolist() == [3, -3, 0, 0, 0, 0, 0, 0]
    assert prune(block, nnz=3).tolist() == [3, -3, 0, 3, 0, 0, 0, 0]


def test_the_least_value_is_the_largest_magnitude():
    assert prune(np.array([127, -128], np.int8), nnz=1).tolist() == [0, -128]


def test_another_block_size():
    assert prune(np.array([1, 2, 3, 4], np.int8), block=2, nnz=1).tolist() == [0, 2, 0, 4]


def test_word_of_a_block():
    values, mask = encode(np.array([0, 7, 0, 0, -2, 0, 0, 1], np.int8), 4)
    assert values.tolist() == [7, -2, 1, 0]
    assert mask == 0b10010010


def test_max_nnz_counts_a_partial_block():
    assert max_nnz(np.array([1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1], np.int8)) == 3
    assert max_nnz(np.zeros((2, 8), np.int8)) == 0


def test_depthwise_weights_lie_on_the_diagonal():
    weights = np.arange(1, 13, dtype=np.int8).reshape(1, 2, 6)
    dense = diagonal(weights, multiplier=2)
    assert dense.shape == (6, 1, 2, 3)
    for k in range(6):
        np.testing.assert_array_equal(dense[k, :, :, k // 2], weights[:, :, k])
        assert np.count_nonzero(dense[k]) == 2


@pytest.mark.parametrize("nnz", [0, 9])
def test_bound_out_of_range(nnz):
    with pytest.raises(ValueError, match=f"Non-zeros of a block must be 1 ... 8, not {nnz}"):
        prune(np.zeros(8, np.int8), nnz=nnz)
    with pytest.raises(ValueError, match=f"Non-zeros of a block must be 1 ... 8, not {nnz}"):
        encode(np.zeros(8, np.int8), nnz)


def test_block_that_is_too_dense():
    with pytest.raises(ValueError, match="Blocks must hold at most 4 non-zeros, not 8"):
        encode(np.ones(8, np.int8), 4)


def test_blocks_of_another_size():
    with pytest.raises(ValueError, match=r"Blocks must be of shape \[..., 8\], not \(7,\)"):
        encode(np.ones(7, np.int8), 8)


def test_mask_that_names_more_than_there_is():
    with pytest.raises(ValueError, match="Masks must have at most 1 bits set, not 2"):
        decode(np.ones((1, 1), np.int8), np.array([3], np.uint8))
