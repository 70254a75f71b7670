# SPDX-License-Identifier: Apache-2.0
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from systolith.golden.numerics import (
    Requantise,
    Rounding,
    high_multiply,
    multiply_double,
    multiply_float,
    multiply_odd,
    multiply_single,
    quantise_multiplier,
    quantise_multipliers,
    requantise,
    rounding_shift,
    significant,
)

int32 = st.integers(-2**31, 2**31 - 1)
multipliers = st.just(0) | st.just(2**30) | st.integers(2**30, 2**31 - 1)
shifts = st.integers(0, 31)
ties = st.builds(lambda odd, shift: (2 * odd + 1) << shift, st.integers(-100, 99), shifts).filter(
    lambda value: -2**31 <= value < 2**31)


def half_up(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


def half_away(value: Fraction) -> int:
    return half_up(value) if value >= 0 else -half_up(-value)


def slow_double(x: int, multiplier: int, shift: int) -> int:
    return half_away(Fraction(half_up(Fraction(x * multiplier, 2**31)), 2**shift))


def slow_single(x: int, multiplier: int, shift: int) -> int:
    return half_away(Fraction(x * multiplier, 2 ** (31 + shift)))


@given(int32 | ties, multipliers, shifts)
@example(-1, 2**30, 0)
@example(-2**31, 2**31 - 1, 31)
@example(2**31 - 1, 2**31 - 1, 0)
def test_double_rounding(x, multiplier, shift):
    assert multiply_double(np.array([x]), multiplier, shift) == slow_double(x, multiplier, shift)


@given(int32 | ties, multipliers, shifts)
@example(-1, 2**30, 0)
@example(-2**31, 2**31 - 1, 31)
def test_single_rounding(x, multiplier, shift):
    assert multiply_single(np.array([x]), multiplier, shift) == slow_single(x, multiplier, shift)


significands = st.integers(2**23, 2**24 - 1) | st.sampled_from([2**23, 2**23 + 1, 2**24 - 1])


def float32(x, significand, shift) -> np.ndarray:
    scale = np.ldexp(np.float32(significand), -24 - np.asarray(shift)).astype(np.float32)
    return np.rint(np.asarray(x).astype(np.float32) * scale).astype(np.int64)


@given(st.integers(-2**24, 2**24) | ties.filter(lambda value: abs(value) <= 2**24), significands,
       shifts)
@example(3, 2**23, 0)
@example(-2**24, 2**24 - 1, 31)
def test_float_rounding(x, significand, shift):
    assert multiply_float(np.array([x]), significand << 7, shift) == float32(
        [x], significand, shift)


@pytest.mark.parametrize("shift", [0, 3, 9, 14, 15, 16])
def test_float_rounding_of_many_accumulators(shift):
    rng = np.random.default_rng(shift)
    x = np.concatenate([np.arange(-2**17, 2**17), rng.integers(-2**24, 2**24, 2**17)])
    for significand in [2**23, 2**24 - 1, *rng.integers(2**23, 2**24, 20).tolist()]:
        np.testing.assert_array_equal(multiply_float(x, significand << 7, shift),
                                      float32(x, significand, shift))


NEAR_TIES = [  # accumulator, significand, shift; rounded at once; as float32
    (13461950, 15232483, 16, 187, 186), (972284, 13817627, 12, 195, 196),
    (2971091, 10546995, 16, 29, 28), (36146, 10991105, 8, 93, 92)]


@pytest.mark.parametrize(("x", "significand", "shift", "at_once", "expected"), NEAR_TIES)
def test_float_rounding_where_24_bits_make_a_tie(x, significand, shift, at_once, expected):
    assert half_up(Fraction(x * significand, 2 ** (24 + shift))) == at_once
    for sign in (1, -1):
        assert multiply_float(np.array([sign * x]), significand << 7, shift) == sign * expected


@given(int32, int32)
@example(-2**31, -2**31)
def test_high_multiply(x, y):
    expected = min(half_up(Fraction(x * y, 2**31)), 2**31 - 1)
    assert high_multiply(np.array([x]), y) == expected


@given(int32 | ties, shifts)
def test_rounding_shift(x, shift):
    assert rounding_shift(np.array([x]), shift) == half_away(Fraction(x, 2**shift))


def test_the_two_roundings_differ_where_the_first_makes_a_tie():
    x = np.array([1])  # 0.75 / 2 = 0.375, but 0.75 rounds to 1 and 1 / 2 to 1
    assert multiply_double(x, 3 << 29, 1) == 1
    assert multiply_single(x, 3 << 29, 1) == 0


def test_exact_ties():
    x = np.array([-3, -1, 1, 3])
    assert multiply_double(x, 2**30, 0).tolist() == [-1, 0, 1, 2]
    assert multiply_single(x, 2**30, 0).tolist() == [-2, -1, 1, 2]
    assert rounding_shift(x, 1).tolist() == [-2, -1, 1, 2]


@given(st.floats(2.0**-31, 2.0**20, exclude_min=True))
def test_multiplier_is_the_nearest_of_31_bits(value):
    multiplier, shift = quantise_multiplier(value)
    assert 2**30 <= multiplier < 2**31
    error = abs(Fraction(value) / Fraction(2) ** shift - Fraction(multiplier, 2**31))
    assert error <= Fraction(1, 2**32)


@pytest.mark.parametrize(("value", "expected"), [
    (0.0, (0, 0)),
    (0.5, (2**30, 0)),
    (1.0, (2**30, 1)),
    (1.0 - 2.0**-40, (2**30, 1)),
    (1.0 - 2.0**-31, (2**31 - 1, 0)),
    (2.0**-32, (2**30, -31)),
    (2.0**-33, (0, 0)),
    (np.nextafter(2.0**-32, 0), (2**30, -31)),
    (0.5 + 2.0**-32, (2**30 + 1, 0)),
])
def test_multiplier_at_the_edges(value, expected):
    assert quantise_multiplier(value) == expected


def test_multipliers_of_an_array():
    multiplier, shift = quantise_multipliers(np.array([[0.25, 0.0], [3.0, 2.0**-40]]))
    assert multiplier.tolist() == [[2**30, 0], [3 << 29, 0]]
    assert shift.tolist() == [[-1, 0], [2, 0]]
    assert multiplier.dtype == shift.dtype == np.int32


@pytest.mark.parametrize("value", [-0.5, float("nan"), float("inf")])
def test_multiplier_of_an_impossible_value(value):
    with pytest.raises(ValueError, match="Multiplier must be finite and not negative, not"):
        quantise_multiplier(value)


def constants(rounding=Rounding.DOUBLE, **changes) -> Requantise:
    fields = {"multiplier": np.array([2**30, 0], np.int32), "shift": np.array([0, 31], np.int32),
              "zero_point": 5, "low": -128, "high": 127, "rounding": rounding} | changes
    return Requantise(**fields)


def test_requantise_takes_channels_last_and_adds_the_zero_point():
    accumulator = np.array([[10, 2**30], [-10, -2**30]])
    result = requantise(accumulator, constants())
    assert result.dtype == np.int8
    assert result.tolist() == [[10, 5], [0, 5]]


def test_requantise_clamps_to_the_fused_activation():
    accumulator = np.array([[2**20, 0], [-2**20, 0]])
    assert requantise(accumulator, constants(low=5, high=100)).tolist() == [[100, 5], [5, 5]]


def test_requantise_chooses_the_rounding():
    accumulator = np.array([[-1, 0]])
    assert requantise(accumulator, constants(Rounding.DOUBLE)).tolist() == [[5, 5]]
    assert requantise(accumulator, constants(Rounding.SINGLE)).tolist() == [[4, 5]]


def test_requantise_to_the_even_integer():
    accumulator = np.array([[-3, 0], [-1, 0], [1, 0], [3, 0]])
    assert requantise(accumulator, constants(Rounding.FLOAT))[:, 0].tolist() == [3, 5, 5, 7]


def test_requantise_wraps_accumulators_to_32_bits():
    assert requantise(np.array([[2**32 + 10, 0]]), constants()).tolist() == [[10, 5]]
    assert requantise(np.array([[2**31, 0]]), constants()).tolist() == [[-128, 5]]


def test_significant_bits_are_those_of_float32():
    rng = np.random.default_rng(0)
    bits = rng.integers(1, 63, 5000)
    x = rng.integers(-2**62, 2**62, 5000) >> bits
    ties = (rng.integers(2**23, 2**24, 500) * 2 + 1) << 9
    x = np.concatenate([x, ties, -ties, [0, 1, -1, 2**24, -2**24, 2**31 - 1]])
    np.testing.assert_array_equal(significant(x), x.astype(np.float32).astype(np.int64))


def test_odd_neighbour_of_a_quotient():
    x = np.arange(-9, 10)
    quarters = multiply_odd(x, 1 << 30, 1)  # x / 4
    exact = x % 4 == 0
    np.testing.assert_array_equal(quarters[exact], x[exact] // 4)
    assert np.all(quarters[~exact] % 2 == 1) and np.all(np.abs(quarters - x / 4) < 1)
