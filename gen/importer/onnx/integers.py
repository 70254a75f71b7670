# SPDX-License-Identifier: Apache-2.0
"""Integers that do the same as onnxruntime's float32: parameters of golden layers that give the
same int8 for every input there is, for all 65,536 pairs of a sum, for all 256 values of a function
of one tensor."""

import numpy as np

from ....golden.network import Add
from ....golden.numerics import Requantise, Rounding, multiply_float, requantise
from ....golden.ops import FLOAT_ADD_SHIFT, add
from .mlas import BYTES, Scaling, scale_parameters, sum_ratios

__all__ = ["find_map", "find_sum"]

UNITS = 3
"""Units of a sum that are tried, each twice the one before."""
OFFSETS = (0, -1, 1)
"""By how many units a sum's offset may be off."""


def find_sum(table: np.ndarray, first: Scaling, second: Scaling, output: Scaling) -> dict | None:
    """Fields of golden's Add, FLOAT and with operands swapped, that adds as ``table`` says.

    ``table`` [256, 256]: results of QLinearAdd by first and second operand, for every pair of
    which the fields are proven; None if none are found.
    The layer rounds the sum of its first operand and its offset as QLinearAdd the inner sum, of
    the second operand. It has a fixed point there: results may differ where that sum or the whole
    is small and next to a tie. Units from the finest that fits are tried, and offsets beside it.
    """
    a, b, fixed = (float(value) for value in sum_ratios(first, second, output))
    if not (0 < a < 16 and 0 < b < 16 and abs(fixed) < 2**16):
        return None
    zero_point = -128 * output.unsigned  # the kernel's values are those of uint8 or of int8
    inner = np.array([b * BYTES[0], b * BYTES[-1]]) - b * zero_point + fixed
    total = inner + np.array([a * BYTES[0], a * BYTES[-1]]) - a * zero_point
    reach = max(abs(fixed), *np.abs(inner), *np.abs(total))
    finest = min(FLOAT_ADD_SHIFT - int(np.frexp(max(a, b))[1]),
                 31 - int(np.frexp(reach + 2.0**-16)[1]))
    for places in range(finest, finest - UNITS, -1):
        (mx, sx), (my, sy) = _multiplier(b, places), _multiplier(a, places)
        for nudge in OFFSETS:
            fields = {"zero_points": (zero_point, zero_point), "multipliers": (mx, my, 1 << 30),
                      "shifts": (sx, sy, places - 1), "zero_point": zero_point, "low": -128,
                      "high": 127, "offset": round(fixed * 2**places) + nudge,
                      "rounding": Rounding.FLOAT}
            layer = Add("", "ADD", (0, 1), 2, **fields)
            if np.array_equal(add(BYTES[None, :], BYTES[:, None], layer), table):
                return fields
    return None


def _multiplier(ratio: float, places: int) -> tuple[int, int]:
    """Multiplier and shift of an operand in units of ``2**-places``."""
    fraction, exponent = np.frexp(ratio)
    shift = FLOAT_ADD_SHIFT - places - int(exponent)
    return (int(fraction * 2**31), shift) if shift <= 31 else (0, 0)


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
