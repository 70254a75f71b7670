# SPDX-License-Identifier: Apache-2.0
"""Integers that do the same as onnxruntime's float32: parameters of golden layers that give the
same int8 for every input there is, for all 65,536 pairs of a sum, for all 256 values of a function
of one tensor."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ....golden.numerics import (
    Requantise,
    Rounding,
    multiply_float,
    multiply_single,
    requantise,
)
from .mlas import BYTES, Scaling, scale_parameters, sum_ratios

__all__ = ["Sum", "find_map", "find_sum"]

ADD_SHIFT = 20
"""Left shift of the operands of golden's Add."""
SEARCH = 12
"""Steps by which a sum's multipliers may be off on either side."""
COARSER = 4
"""Units of a sum that are tried, each twice the one before."""
REACH = 64
"""Units, more than steps and offset can move a sum: pairs that are further from a tie are sure."""
FAR = 1 << 62


@dataclass(frozen=True)
class Sum:
    """Parameters of golden's Add with FLOAT rounding and operands' zero points of 0."""

    multipliers: tuple[int, int, int]
    shifts: tuple[int, int, int]
    zero_point: int
    offset: int


def find_sum(table: np.ndarray, first: Scaling, second: Scaling, output: Scaling) -> Sum | None:
    """Integers that add as ``table`` says, for every pair of int8 values; None if none are found.

    ``table`` [256, 256]: results of QLinearAdd by first and second operand.
    Both operands become fixed-point numbers, so that their sum with an offset needs only the last
    rounding, which is that of the kernel's own sum. float32 is rounded at two more places, which
    moves pairs that are next to a tie: multipliers beside the nearest ones and coarser units,
    whose operands are rounded elsewhere, are tried until all of them fall alike. The rounding of
    the kernel's inner sum has no counterpart here, so scales that make many ties, short decimals
    for example, often have no solution.
    """
    a, b, _ = sum_ratios(first, second, output)
    ratios = np.array([a, b], np.float64)
    if not np.all(np.isfinite(ratios) & (ratios > 0) & (ratios < 16)):
        return None
    zero_point = -128 * output.unsigned
    offset = (output.zero_point - zero_point - ratios[0] * first.zero_point
              - ratios[1] * second.zero_point)
    finest = ADD_SHIFT - max(int(np.frexp(ratios.max())[1]), 0)
    for places in range(finest, finest - COARSER, -1):
        for found in _sums(table, ratios, offset, zero_point, places):
            if np.array_equal(_results(found), table):
                return found
    return None


def _sums(table: np.ndarray, ratios: np.ndarray, offset: float, zero_point: int,
          places: int) -> Iterator[Sum]:
    """Sums in units of ``2**-places`` that are ``table`` at all pairs next to a tie."""
    base = round(offset * 2**places)
    least = _thresholds(places, zero_point) - base
    low = np.where(table > -128, least[table + 128], -FAR)
    high = np.where(table < 127, np.append(least[1:], 0)[table + 128] - 1, FAR)
    about = np.add.outer(BYTES * ratios[0], BYTES * ratios[1]) * 2**places
    near = np.nonzero((low > about - REACH) | (high < about + REACH))
    low, high = low[near], high[near]
    operands = [[_operand(ratio, places, step) for step in range(-SEARCH, SEARCH + 1)]
                for ratio in ratios]
    steps = range(2 * SEARCH + 1)
    for i, j in sorted(((i, j) for i in steps for j in steps),
                       key=lambda pair: abs(pair[0] - SEARCH) + abs(pair[1] - SEARCH)):
        (x, mx, sx), (y, my, sy) = operands[0][i], operands[1][j]
        total = x[near[0]] + y[near[1]]
        lowest = int((low - total).max(initial=-REACH // 2))
        highest = int((high - total).min(initial=REACH // 2))
        if lowest <= highest:
            yield Sum((mx, my, 1 << 30), (sx, sy, places - 1), zero_point,
                      base + (lowest + highest) // 2)


def _results(found: Sum) -> np.ndarray:
    """What golden's Add makes of all pairs: int64 [256, 256]."""
    first, second = (multiply_single(BYTES << ADD_SHIFT, multiplier, shift) for multiplier, shift
                     in zip(found.multipliers[:2], found.shifts[:2], strict=True))
    total = np.add.outer(first, second) + found.offset
    if max(np.abs(total).max(), abs(found.offset)) >= 2**31:
        raise ValueError("sum must fit 32 bits")
    return np.clip(multiply_float(total, found.multipliers[2], found.shifts[2]) + found.zero_point,
                   -128, 127)


def _operand(ratio: float, places: int, step: int) -> tuple[np.ndarray, int, int]:
    """All values times ``ratio`` with ``places`` of fraction; the multiplier and shift for that.

    ``step`` moves the multiplier by so many halves of what the largest value can tell.
    """
    fraction, exponent = np.frexp(ratio)
    shift = ADD_SHIFT - places - int(exponent)
    multiplier = int(fraction * 2**31) + (step << max(_idle_bits(shift), 0))
    multiplier, shift = (multiplier, shift) if shift <= 31 else (0, 0)
    multiplier = min(max(multiplier, 0), 2**31 - 1)
    return multiply_single(BYTES << ADD_SHIFT, multiplier, shift), multiplier, shift


def _idle_bits(shift: int) -> int:
    """Low bits of a multiplier that move no product of 7 bits by more than half."""
    return min(shift + 31 - ADD_SHIFT - 8, 24)


def _thresholds(places: int, zero_point: int) -> np.ndarray:
    """The least sum that becomes k, for k = -128 ... 127."""
    wanted = (BYTES - zero_point).astype(np.int64)
    below, reached = (wanted - 1) << places, wanted << places
    while np.any(reached - below > 1):
        middle = (below + reached) // 2
        good = multiply_float(middle, 1 << 30, places - 1) >= wanted
        reached, below = np.where(good, middle, reached), np.where(good, below, middle)
    return reached


def find_map(table: np.ndarray, source: Scaling, gain: float, offset: np.ndarray,
             zero_point: int) -> tuple[np.ndarray, np.ndarray, Requantise] | None:
    """A depthwise 1x1 convolution that is ``table`` [channels, 256] of int8 values.

    ``gain`` and ``offset`` [channels]: about what it is, ``gain * (x - source zero point) +
    offset``, before it is clamped to the table's range. ``zero_point``, the output's, may be part
    of what is rounded or not: where it is odd, ties fall differently. Returns weights int8
    [channels], biases int32 and how they are requantised, or None if none are found.
    """
    operand = BYTES - source.zero_point
    low, high = int(table.min()), int(table.max())
    for point in (0, zero_point):
        lines = [_find_line(row - point, low - point, high - point, operand, gain,
                            float(channel_offset) - point)
                 for row, channel_offset in zip(table, offset, strict=True)]
        if None in lines:
            continue
        weight, bias, scale = (np.array(values) for values in zip(*lines, strict=True))
        multiplier, shift = scale_parameters(scale)
        scaling = Requantise(multiplier, shift, point, low, high, Rounding.FLOAT)
        if np.array_equal(requantise(operand[:, None] * weight + bias, scaling), table.T):
            return weight.astype(np.int8), bias.astype(np.int32), scaling
    return None


def _find_line(row: np.ndarray, low: int, high: int, operand: np.ndarray, gain: float,
               offset: float) -> tuple[int, int, np.float32] | None:
    """Weight w, bias b and scale s with which ``s * (w * x + b)``, rounded and clamped to ``low``
    and ``high``, is ``row``, for every operand x.

    A bias moves the line by 1 / w of a step: trying every weight finds nearly any offset. Larger
    ones come first. A scale must lie where no x is on the wrong side of a tie; its bounds are
    tried too, since some x may have to be on one.
    """
    if not (2.0**-8 < gain < 64 and abs(offset) < 2**16):
        return None
    least = np.where(row > low, row - 0.5, -np.inf)
    most = np.where(row < high, row + 0.5, np.inf)
    near = np.arange(-4, 5)
    weight = np.repeat(np.arange(127, 0, -1), near.size)
    bias = np.rint(weight * (offset / gain)).astype(np.int64) + np.tile(near, 127)
    total = weight[:, None] * operand + bias[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        one, other = least / total, most / total
    lower = np.where(total > 0, one, np.where(total < 0, other, 0)).max(1)
    upper = np.where(total > 0, other, np.where(total < 0, one, np.inf)).min(1)
    passes = ((total != 0) | ((least <= 0) & (most >= 0))).all(1)
    passes &= (lower <= upper * (1 + 2.0**-22)) & (upper > 2.0**-31)
    for index in np.flatnonzero(passes):
        bounds = max(float(lower[index]), 0.0), min(float(upper[index]), 1.0)
        for scale in (sum(bounds) / 2, *bounds):
            if 2.0**-31 < np.float32(scale) < 1:
                reached = multiply_float(total[index], *scale_parameters(np.float32(scale)))
                if np.array_equal(np.clip(reached, low, high), row):
                    return int(weight[index]), int(bias[index]), np.float32(scale)
    return None
