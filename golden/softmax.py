# SPDX-License-Identifier: Apache-2.0
"""Softmax in integers, as LiteRT's reference kernel does it with gemmlowp's fixed point.

A value of format Qm is ``raw / 2**(31 - m)``; raw values are int32 held in int64.
"""

import numpy as np

from .numerics import high_multiply, rounding_shift

__all__ = ["INTEGER_BITS", "softmax"]

INTEGER_BITS = 5
"""Distances enter the exponential in Q5."""
SUM_BITS = 12
ONE = (1 << 31) - 1  # of Q0: just below 1


def softmax(x: np.ndarray, *, multiplier: int, left_shift: int, reach: int) -> np.ndarray:
    """``q = round(256 * exp(-d) / sum of exp(-d)) - 128`` over the last axis.

    ``x``: int8 [..., K], K below 4096. ``d`` is the distance to the row's largest value, scaled
    into Q5 by the Q31 ``multiplier`` after ``left_shift``; values further than ``reach`` give -128
    and add nothing to the sum.
    """
    steps = np.arange(min(reach, 255) + 1, dtype=np.int64)
    table = np.zeros(256, np.int64)
    table[:steps.size] = _exponential(high_multiply(-steps << left_shift, multiplier))
    distance = x.max(-1, keepdims=True).astype(np.int64) - x
    exponentials = table[distance]
    total = rounding_shift(exponentials, SUM_BITS).sum(-1, keepdims=True)
    inverse, excess = _reciprocal(total)
    result = rounding_shift(high_multiply(inverse, exponentials), excess + 31 - 8) - 128
    return np.where(distance <= reach, np.clip(result, -128, 127), -128).astype(np.int8)


def _exponential(x: np.ndarray) -> np.ndarray:
    """``exp(x)`` in Q0 of ``x <= 0`` in Q5: a Taylor series within 1/4, then a barrel of factors.

    gemmlowp's exp_on_negative_values. ``factors`` are ``exp(-2**e)`` in Q0, e from -2 to 4.
    """
    factors = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
    quarter = 1 << 31 - INTEGER_BITS - 2
    within = (x & (quarter - 1)) - quarter
    result = _exponential_within_a_quarter(within << INTEGER_BITS)
    rest = within - x
    for place, factor in enumerate(factors):
        result = np.where(rest & (quarter << place), high_multiply(result, factor), result)
    return np.where(x == 0, ONE, result)


def _exponential_within_a_quarter(x: np.ndarray) -> np.ndarray:
    """``exp(x)`` in Q0 of ``-1/4 <= x < 0`` in Q0, by the series around -1/8."""
    exp_of_an_eighth = np.int64(1895147668)
    third = 715827883
    y = x + (1 << 28)
    y2 = high_multiply(y, y)
    y3 = high_multiply(y2, y)
    y4 = high_multiply(y2, y2)
    tail = rounding_shift(high_multiply(rounding_shift(y4, 2) + y3, third) + y2, 1)
    return exp_of_an_eighth + high_multiply(y + tail, exp_of_an_eighth)


def _reciprocal(total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``1 / total`` of ``total >= 1`` in Q12, as Q0 ``inverse`` with ``inverse / 2**excess``.

    Three Newton-Raphson steps in Q2 towards ``1 / h``, ``h`` between 1/2 and 1 in Q0, which start
    at ``48/17 - 32/17 h``: gemmlowp's one_over_one_plus_x_for_x_in_0_1.
    """
    length = np.frexp(total.astype(np.float64))[1].astype(np.int64)
    excess = length - (32 - SUM_BITS)
    fraction = (total << (32 - length)) - (1 << 31)
    half = (fraction + ONE + 1) >> 1
    guess = 1515870810 + high_multiply(half, -1010580540)
    for _ in range(3):
        error = (1 << 29) - high_multiply(half, guess)
        guess = guess + _left(high_multiply(guess, error), 2)
    return _left(guess, 1), excess


def _left(x: np.ndarray, places: int) -> np.ndarray:
    """``x * 2**places``, saturated to int32."""
    return np.clip(x << places, -(1 << 31), (1 << 31) - 1)
