# SPDX-License-Identifier: Apache-2.0
"""Constants against the reference's rounding, for every accumulator."""

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from systolith.gen.fixed.requantise import Constants, RequantiseFault, constants, thresholds
from systolith.golden.numerics import Requantise, Rounding, requantise

SEARCH = settings(derandomize=True, deadline=None, max_examples=60, phases=[Phase.generate])


def found_for(r, bias, lowest, highest):
    """Constants of the only channel, and the reference of every accumulator."""
    every = np.arange(lowest, highest + 1)
    right = requantise(every[:, None] + bias, r)[:, 0].astype(int)
    first = thresholds(lambda x: requantise(x + bias, r).astype(int), np.array([lowest]),
                       np.array([highest]), r.low, r.high)
    return constants(first[0], lowest, highest, r.low, r.high, -bias), every, right


@SEARCH
@given(multiplier=st.one_of(st.just(0), st.just(1 << 30), st.integers(1 << 30, (1 << 31) - 1)),
       shift=st.integers(0, 12), bias=st.integers(-5000, 5000), zero_point=st.integers(-128, 127),
       clamp=st.sampled_from([(-128, 127), (-100, 90), (-128, -128), (3, 4)]),
       lowest=st.integers(-40_000, 0), size=st.integers(0, 60_000),
       rounding=st.sampled_from([Rounding.DOUBLE, Rounding.SINGLE]))
def test_equals_the_reference(multiplier, shift, bias, zero_point, clamp, lowest, size, rounding):
    r = Requantise(np.array([multiplier]), np.array([shift]), zero_point, *clamp, rounding)
    found, every, right = found_for(r, bias, lowest, lowest + size)
    assert np.array_equal(np.clip(found(every), *clamp), right)


@pytest.mark.parametrize("bias", [1 << 30, -1 << 30])
def test_huge_bias(bias):
    r = Requantise(np.array([1 << 30]), np.array([25]), -128, -128, 127, Rounding.DOUBLE)
    found, every, right = found_for(r, bias, -9000, 9000)
    assert np.array_equal(np.clip(found(every), -128, 127), right)


def test_one_result_needs_no_product():
    r = Requantise(np.array([0]), np.array([0]), 7, -128, 127, Rounding.DOUBLE)
    assert found_for(r, 99, -5000, 5000)[0] == Constants(0, 7, 0)


def test_results_of_both_signs_need_two_offsets_where_ties_go_away_from_zero():
    r = Requantise(np.array([(1 << 30) + 12345]), np.array([5]), 0, -128, 127, Rounding.DOUBLE)
    found, every, right = found_for(r, 17, -9000, 9000)
    assert found.split == -17
    assert np.array_equal(np.clip(found(every), -128, 127), right)


def test_a_given_shift():
    r = Requantise(np.array([(1 << 30) + 12345]), np.array([7]), -128, -128, 127, Rounding.DOUBLE)
    every = np.arange(-9000, 30_000)
    first = thresholds(lambda x: requantise(x, r).astype(int), every[:1], every[-1:], -128, 127)
    least = constants(first[0], -9000, 29_999, -128, 127, 0)
    found = constants(first[0], -9000, 29_999, -128, 127, 0, least.shift + 3)
    assert found.shift == least.shift + 3
    assert np.array_equal(np.clip(found(every), -128, 127), requantise(every[:, None], r)[:, 0])
    with pytest.raises(RequantiseFault, match="accumulators of -9000 ... 29999"):
        constants(first[0], -9000, 29_999, -128, 127, 0, 3)


def test_thresholds_at_the_ends():
    found = thresholds(lambda x: x >> 2, np.array([-3, 8]), np.array([9, 9]), -2, 3)
    assert found.tolist() == [[-3, 0, 4, 8, 10], [8, 8, 8, 8, 10]]
