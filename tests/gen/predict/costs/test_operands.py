# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from systolith.gen.predict.costs import drawn_activations, mean_toggles
from systolith.gen.predict.costs import toggles_of as toggles_as
from systolith.rtl.arith.arithmetic import Arithmetic

from .shapes import KINDS, facts

STEP, END, MOVE = range(3)
PARTIAL = 0


def toggles_of(f, *arguments, **options):
    return toggles_as(f, Arithmetic(inverting=True), *arguments, **options)


def _dense(x, w, **options):
    """One product a step: rows [steps] and columns [steps]."""
    x, w = (np.pad(np.array(values, np.int16).reshape(1, -1, 1), ((0, 0), (0, 0), (0, 7)))
            for values in (x, w))
    return toggles_of(facts("sa", **options), x, w.astype(np.int8), np.ones(x.shape[1], int))


def test_toggles_by_hand():
    found = _dense([0, 1, 3, 3], [1, 1, 1, 5])
    assert found.west == found.activation == pytest.approx((1 + 1 + 0) / 3)
    assert found.north == found.weight == pytest.approx(1 / 3)
    # Partial products: 0, 1, 2, 4 of them set, and none as the next tile begins.
    assert found.gates[STEP, PARTIAL] == pytest.approx((1 + 1 + 2 + 4) / 4)
    assert found.live == pytest.approx(3 / 4)
    # Sums 0, 1, 4, 19: 0b1, 0b101, 0b10111; the finished one against none above it.
    assert found.accumulator == pytest.approx((1 + 2 + 4) / 3)
    assert found.moved == 3


def test_ends_of_tiles_in_place():
    found = _dense([0, 1, 3, 3], [1, 1, 1, 5], overlapped=False)
    # The last step's go to zero on their own, and not as the next tile begins.
    assert found.gates[END, PARTIAL] == 4 + 0 - 4
    assert found.gates[MOVE, PARTIAL] == 0
    assert not _dense([0, 1, 3, 3], [1, 1, 1, 5]).gates[[END, MOVE]].any()


@pytest.mark.parametrize("kind", KINDS)
def test_zeros_do_not_toggle(kind):
    x, w = np.zeros((4, 3, 8), np.int16), np.zeros((4, 3, 8), np.int8)
    found = toggles_of(facts(kind), x, w, np.ones(3, int))
    assert found.accumulator == found.live == found.weight == 0
    assert not found.gates.any()


@pytest.mark.parametrize("kind", KINDS)
def test_more_zeros_toggle_less(kind):
    rng = np.random.default_rng(1)
    w = rng.integers(-127, 128, (4, 16, 8)).astype(np.int8)
    f = facts(kind)
    passes = np.full(16, f.passes(8))
    found = [toggles_of(f, drawn_activations(zeros, 8, 16), w, passes, steps=f.pass_steps(8))
             for zeros in (0.2, 0.5, 0.9)]
    for values in ([each.accumulator for each in found], [each.live for each in found],
                   *([each.gates[STEP, group] for each in found] for group in range(3))):
        assert values == sorted(values, reverse=True) and values[0] > values[-1]


def test_operands_follow_the_positions_of_weights():
    """Dense activations whose channels differ: only channel 5 meets a weight."""
    x = np.tile(np.arange(8, dtype=np.int16), (1, 2, 1))
    x[0, 1] += 8
    w = np.zeros((1, 2, 8), np.int8)
    w[..., 5] = 1
    found = toggles_of(facts("vdbb"), x, w, np.array([1, 1]))
    assert found.activation == 1  # 5 and 13
    assert found.gates[STEP, PARTIAL] == 1


def test_held_activations_are_taken_once_a_block():
    f = facts("vdbb")
    x = np.ones((1, 2, 8), np.int16)
    w = np.ones((1, 2, 8), np.int8)
    found = toggles_of(f, x, w, np.array([8, 8]))
    assert (found.west_taken, found.north_taken) == (2 / 16, 1)
    held = toggles_of(facts("s2ta-aw", nnz=8), x, w, np.array([1, 1]), steps=8)
    assert (held.west_taken, held.north_taken) == (1, 1 / 8)


def test_means_are_weighted():
    few, many = _dense([0, 1, 3, 3], [1, 1, 1, 5]), _dense([0, 0, 0, 0], [1, 1, 1, 1])
    mean = mean_toggles([few, many], [1, 3])
    assert mean.west == pytest.approx(few.west / 4)
    assert mean.gates == pytest.approx(few.gates / 4)
