# SPDX-License-Identifier: Apache-2.0
"""Which blocks are issued, with how many stored words and array steps."""

import numpy as np
import pytest
from systolith.gen.compile.plan import block_plan, block_weights
from systolith.rtl.kinds import KINDS

from ...rtl.engine.shapes import facts_of


def facts_for(kind, slots=4):
    if kind == "sa":
        return facts_of(kind, m=4, n=4)
    return facts_of(kind, a=2, b=4 if kind == "sta" else 8, c=2, nnz=slots)


def dense(outputs, channels, nnz, kernel=(1, 1)):
    """Weights whose blocks all have their first ``nnz`` positions in use, as far as they go."""
    weights = np.zeros((outputs, *kernel, channels), np.int8)
    weights[..., np.arange(channels) % 8 < nnz] = 1
    return weights


@pytest.mark.parametrize(("kind", "slots", "density", "channels", "bound", "passes", "steps"), [
    ("sta", 4, 8, 12, 8, (2, 1), (2, 1)),
    ("sta-dbb", 4, 8, 12, 8, (2, 1), (2, 1)),
    ("sta-dbb", 4, 4, 9, 8, (1, 1), (1, 1)),
    ("vdbb", 8, 8, 9, 8, (8, 1), (8, 1)),
    ("vdbb", 8, 3, 16, 8, (3, 3), (3, 3)),
    ("s2ta-aw", 4, 4, 16, 4, (1, 1), (4, 4)),
    ("s2ta-aw", 4, 4, 9, 8, (1, 1), (8, 1)),
    ("s2ta-aw", 4, 4, 1, 8, (1,), (1,)),
    *(("s2ta-aw", slots, 8, 14, 8, (-(-8 // slots), -(-6 // slots)), (8, 6))
      for slots in range(1, 8)),  # split: each position once, whatever the slots
    ("s2ta-aw", 4, 5, 16, 8, (2, 2), (8, 8)),
    ("s2ta-aw", 4, 8, 16, 3, (2, 2), (6, 6)),
    ("s2ta-aw", 8, 8, 16, 5, (1, 1), (5, 5)),
])
def test_words_and_steps(kind, slots, density, channels, bound, passes, steps):
    plan = block_plan(facts_for(kind, slots), dense(2, channels, density), bound)
    assert tuple(plan.passes[0, :, 0, 0]) == passes
    assert tuple(plan.steps[0, :, 0, 0]) == steps
    assert plan.split == (kind == "s2ta-aw" and density > slots and bound == 8)
    assert plan.skipped == 0


def test_passes_that_share_out_positions_end_with_the_last_in_use():
    weights = dense(2, 24, 8)
    weights[..., 8:16] = 0
    weights[1, 0, 0, 9] = 1
    weights[..., 20:] = 0
    plan = block_plan(facts_for("s2ta-aw", 4), weights, 8)
    assert plan.split
    assert tuple(plan.passes[0, :, 0, 0]) == (2, 1, 1)
    assert tuple(plan.steps[0, :, 0, 0]) == (8, 4, 4)


@pytest.mark.parametrize("kind", KINDS)
def test_every_tile_and_block_takes_its_own_densest_column(kind):
    rng = np.random.default_rng(3)
    facts = facts_for(kind)
    weights = rng.integers(1, 99, (13, 2, 3, 20)).astype(np.int8)
    weights *= rng.random(weights.shape) < rng.choice([0, 0.1, 0.5, 1], (13, 2, 3, 1))
    plan = block_plan(facts, weights, 8)
    for at in np.ndindex(plan.nnz.shape):
        tile, block, ky, kx = at
        part = weights[facts.columns * tile:facts.columns * (tile + 1), ky, kx,
                       8 * block:8 * block + 8]
        nnz = np.count_nonzero(part, axis=-1).max()
        assert plan.nnz[at] == nnz
        if not facts.compressed:
            assert plan.passes[at] == facts.passes(8, part.shape[1])
        elif not plan.split:
            assert plan.passes[at] == -(-nnz // facts.nnz)


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_without_a_weight_are_skipped_where_weights_are_compressed(kind):
    facts = facts_for(kind)
    weights = dense(3 * facts.columns, 24, 8, kernel=(2, 2))
    weights[:facts.columns, 0, 1] = 0
    weights[facts.columns:2 * facts.columns] = 0
    weights[2 * facts.columns:, ..., 8:] = 0
    plan = block_plan(facts, weights, 8)
    taps = [{(issued.block, issued.ky, issued.kx) for issued in tile} for tile in plan.tiles]
    everything = {(b, ky, kx) for b in range(3) for ky in (0, 1) for kx in (0, 1)}
    if facts.compressed:
        assert taps == [everything - {(b, 0, 1) for b in range(3)}, {(0, 0, 0)},
                        {(0, ky, kx) for ky in (0, 1) for kx in (0, 1)}]
        assert plan.tiles[1][0].steps == plan.tiles[1][0].passes == 1
        assert plan.skipped == pytest.approx(1 - 14 / 36)
    else:
        assert taps == [everything] * 3


def shares(present, stride):
    """(near, far) of the taps of a row of a kernel that have weights."""
    weights = np.zeros((1, 1, len(present), 8), np.int8)
    weights[0, 0, np.array(present, bool)] = 1
    return [(issued.near, issued.far)
            for issued in block_plan(facts_for("vdbb"), weights, 8, stride).tiles[0]]


OWN, NEAR, FAR = (False, False), (True, False), (False, True)


@pytest.mark.parametrize(("present", "stride", "expected"), [
    ([1, 1, 1], 1, [OWN, NEAR, NEAR]),
    ([1, 0, 1], 1, [OWN, OWN]),
    ([0, 1, 1], 1, [OWN, NEAR]),
    ([1, 1, 1, 1], 2, [OWN, OWN, FAR, FAR]),
    ([1, 0, 1, 1], 2, [OWN, NEAR, OWN]),
    ([0, 1, 1, 1], 2, [OWN, OWN, FAR]),
    ([1, 1, 0, 1], 2, [OWN, OWN, NEAR]),
])
def test_words_are_shared_where_the_earlier_tap_was_issued(present, stride, expected):
    assert shares(present, stride) == expected


def test_words_are_not_shared_between_rows_of_the_kernel_or_blocks():
    plan = block_plan(facts_for("vdbb"), dense(1, 16, 8, kernel=(2, 2)), 8)
    assert [issued.shared for issued in plan.tiles[0]] == [False, True] * 4
    np.testing.assert_array_equal(plan.taps, [[[2, 0], [2, 0]], [[0, 2], [0, 2]]])


def test_blocks_lie_in_the_order_of_issue():
    weights = np.arange(5 * 2 * 3 * 11).reshape(5, 2, 3, 11).astype(np.int8)
    blocks = block_weights(weights, 4)
    assert blocks.shape == (2, 2, 2, 3, 4, 8)
    np.testing.assert_array_equal(blocks[0, 1, 1, 2, 3, :3], weights[3, 1, 2, 8:])
    assert not blocks[1, ..., 1:, :].any() and not blocks[:, 1, ..., 3:].any()
