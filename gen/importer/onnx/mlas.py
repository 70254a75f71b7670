# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of onnxruntime's kernels for x86-64 (MLAS), and integers that do the same.

Its quantised kernels work in float32. Here they are emulated bit for bit, FMA included, and
parameters of golden layers are found that give the same int8 for every input there is: for all
65,536 pairs of a sum, for all 256 values of a function of one tensor. Sources: onnxruntime,
``core/mlas/lib``: ``quantize.cpp`` (MlasRequantizeOutput, MlasQuantizeLinear),
``intrinsics/avx2/qladd_avx2.cpp``, ``qlgavgpool.cpp``; ``contrib_ops/cpu/qlinear_pool.cc``.
"""

from dataclasses import dataclass

import numpy as np

from ....golden.numerics import (
    Requantise,
    Rounding,
    multiply_float,
    multiply_single,
    requantise,
)

__all__ = ["BYTES", "Scaling", "Sum", "add_constant", "average_moves", "constant_offset",
           "find_map", "find_sum", "pool_scale", "product_scales", "requantise_table",
           "scale_parameters", "sum_table"]

BYTES = np.arange(-128, 128)
ADD_SHIFT = 20
"""Left shift of the operands of golden's Add."""
SEARCH = 12
"""Steps by which a sum's multipliers may be off on either side."""


@dataclass(frozen=True)
class Scaling:
    """Scale (float32) and zero point, which is that of int8 even where the model's is uint8.

    ``unsigned``: the kernel computes with uint8, so that its zero points are 128 larger.
    """

    scale: np.float32
    zero_point: int
    unsigned: bool

    @property
    def kernel_zero_point(self) -> int:
        """The zero point that the kernel is given."""
        return self.zero_point + 128 * self.unsigned

    @property
    def kernel_values(self) -> np.ndarray:
        """What the kernel sees for the int8 values -128 ... 127: float64 [256]."""
        return (BYTES + 128 * self.unsigned).astype(np.float64)


def product_scales(source: Scaling, weights: np.ndarray, output: Scaling) -> np.ndarray:
    """float32 [channels]: QLinearConv's, QGemm's and QLinearMatMul's output scales."""
    with np.errstate(all="ignore"):
        return source.scale * weights.astype(np.float32) / output.scale


def pool_scale(source: Scaling, output: Scaling, count: int) -> np.float32:
    """QLinearGlobalAveragePool's scale of a sum of ``count``."""
    with np.errstate(all="ignore"):
        return source.scale / (output.scale * np.float32(count))


def scale_parameters(scales: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Multipliers and right shifts, int32, that are float32 ``scales`` exactly.

    A scale below 2**-32 turns every int32 into 0: its multiplier is 0. Raises ValueError where
    a scale is not finite, negative, or not below 1.
    """
    scales = np.asarray(scales, np.float32)
    if not np.all(np.isfinite(scales) & (scales >= 0) & (scales < 1)):
        wrong = scales[~(np.isfinite(scales) & (scales >= 0) & (scales < 1))][0]
        raise ValueError(f"from 0 to below 1, not {wrong:.6g}")
    fraction, exponent = np.frexp(scales.astype(np.float64))
    gone = (exponent < -31) | (scales == 0)
    return (np.where(gone, 0, fraction * 2.0**31).astype(np.int32),
            np.where(gone, 0, -exponent).astype(np.int32))


def requantise_table(source: Scaling, output: Scaling, low: float, high: float) -> np.ndarray:
    """DequantizeLinear, clip to [``low``, ``high``], QuantizeLinear of all values: int64 [256]."""
    real = (BYTES - source.zero_point).astype(np.float32) * source.scale
    with np.errstate(all="ignore"):
        scaled = np.clip(real, np.float32(low), np.float32(high)) / output.scale
    return np.clip(np.rint(scaled.astype(np.float64)) + output.zero_point, -128,
                   127).astype(np.int64)


def _fma(a: np.ndarray | np.float32, b: np.ndarray, c: np.ndarray | np.float32) -> np.ndarray:
    """float32 ``a * b + c`` rounded once; ``b`` holds integers of at most 9 bits.

    The product is exact in float64; the sum is rounded to odd there, which leaves a second
    rounding to float32 nothing to go wrong.
    """
    product = np.float64(a) * b
    addend = np.asarray(c, np.float64)
    total = np.asarray(product + addend)
    part = total - product
    error = (product - (total - part)) + (addend - part)
    bits = total.view(np.int64)
    away = (error > 0) == (total > 0)
    odd = np.where((error != 0) & (bits & 1 == 0), np.where(away, bits + 1, bits - 1), bits)
    return odd.view(np.float64).astype(np.float32)


def _ratios(first: Scaling, second: Scaling, output: Scaling):
    """The two ratios of QLinearAdd and its fixed part, all float32."""
    a, b = first.scale / output.scale, second.scale / output.scale
    inner = _fma(a, np.float64(first.kernel_zero_point), b * np.float32(second.kernel_zero_point))
    return a, b, np.float32(output.kernel_zero_point) - np.float32(inner)


def _to_int8(total: np.ndarray, output: Scaling) -> np.ndarray:
    return np.clip(np.rint(total.astype(np.float64)) - 128 * output.unsigned, -128,
                   127).astype(np.int64)


def sum_table(first: Scaling, second: Scaling, output: Scaling) -> np.ndarray:
    """QLinearAdd of every pair of int8 values: int64 [256, 256]."""
    a, b, fixed = _ratios(first, second, output)
    inner = _fma(b, second.kernel_values, fixed)
    return _to_int8(_fma(a, first.kernel_values[:, None], inner[None, :]), output)


def add_constant(source: Scaling, constant: Scaling, values: np.ndarray, output: Scaling, *,
                 constant_first: bool, alone: bool) -> np.ndarray:
    """QLinearAdd of all 256 values and int8 constants [channels]: int64 [channels, 256].

    ``alone``: the kernel is called for each constant by itself, and adds it to the fixed part.
    """
    first, second = (constant, source) if constant_first else (source, constant)
    a, b, fixed = _ratios(first, second, output)
    known = (values.astype(np.int64) - BYTES[0])  # place among the kernel's values
    if constant_first and not alone:
        inner = _fma(b, source.kernel_values, fixed)
        return _to_int8(_fma(a, constant.kernel_values[known][:, None], inner[None, :]), output)
    ratio, of_constant = (b, a) if constant_first else (a, b)
    inner = _fma(of_constant, constant.kernel_values[known], fixed)
    return _to_int8(_fma(ratio, source.kernel_values[None, :], inner[:, None]), output)


def constant_offset(values: np.ndarray, constant: Scaling, output: Scaling) -> np.ndarray:
    """About what constants add to the output: float64 [channels]."""
    return (values.astype(np.float64) - constant.zero_point) * constant.scale / output.scale


@dataclass(frozen=True)
class Sum:
    """Parameters of golden's Add with FLOAT rounding and zero points of 0."""

    multipliers: tuple[int, int, int]
    shifts: tuple[int, int, int]
    offset: int


def find_sum(table: np.ndarray, first: Scaling, second: Scaling, output: Scaling) -> Sum | None:
    """Integers that add as ``table`` says, for every pair of int8 values; None if none are found.

    ``table`` [256, 256]: results of QLinearAdd by first and second operand.
    Both operands become fixed-point numbers, so that their sum with an offset needs only the last
    rounding. Multipliers beside the nearest ones are tried too: float32 is rounded at two more
    places, which now and then moves a pair that is next to a tie.
    """
    a, b, _ = _ratios(first, second, output)
    ratios = np.array([a, b], np.float64)
    if not np.all(np.isfinite(ratios) & (ratios > 0) & (ratios < 16)):
        return None
    places = 19 - max(int(np.frexp(ratios.max())[1]) - 1, 0)
    least = _thresholds(places)
    low, high = least[table + 128], np.append(least[1:] - 1, 2**31 - 1)[table + 128]
    operands = [[_operand(ratio, places, step) for step in range(-SEARCH, SEARCH + 1)]
                for ratio in ratios]
    steps = sorted(((i, j) for i in range(-SEARCH, SEARCH + 1) for j in range(-SEARCH, SEARCH + 1)),
                   key=lambda pair: abs(pair[0]) + abs(pair[1]))
    for i, j in steps:
        (x, mx, sx), (y, my, sy) = operands[0][i + SEARCH], operands[1][j + SEARCH]
        total = x[:, None] + y[None, :]
        lowest, highest = int((low - total).max()), int((high - total).min())
        if lowest <= highest:
            offset = (lowest + highest) // 2
            if max(abs(int(total.min()) + offset), abs(int(total.max()) + offset),
                   abs(offset)) < 2**31:
                return Sum((mx, my, 1 << 30), (sx, sy, places - 1), offset)
    return None


def _operand(ratio: float, places: int, step: int) -> tuple[np.ndarray, int, int]:
    """All values times ``ratio`` with ``places`` of fraction; the multiplier and shift for that.

    ``step`` moves the multiplier by so many halves of what the largest value can tell.
    """
    fraction, exponent = np.frexp(ratio)
    shift = ADD_SHIFT - places - int(exponent)
    multiplier = int(fraction * 2**31) + (step << max(_idle_bits(shift), 0))
    multiplier, shift = (multiplier, shift) if 0 <= shift <= 31 else (0, 0)
    multiplier = min(max(multiplier, 0), 2**31 - 1)
    return multiply_single(BYTES << ADD_SHIFT, multiplier, shift), multiplier, shift


def _idle_bits(shift: int) -> int:
    """Low bits of a multiplier that move no product of 7 bits by more than half."""
    return min(shift + 31 - ADD_SHIFT - 8, 24)


def _thresholds(places: int) -> np.ndarray:
    """The least sum that becomes k, for k = -128 ... 127; for the first, the least of all."""
    wanted = BYTES.astype(np.int64)
    below, reached = (wanted - 1) << places, wanted << places
    while np.any(reached - below > 1):
        middle = (below + reached) // 2
        good = multiply_float(middle, 1 << 30, places - 1) >= wanted
        reached, below = np.where(good, middle, reached), np.where(good, below, middle)
    reached[0] = -(2**31)
    return reached


def find_map(table: np.ndarray, source: Scaling, gain: float, offset: np.ndarray
             ) -> tuple[np.ndarray, np.ndarray, Requantise] | None:
    """A depthwise 1x1 convolution that is ``table`` [channels, 256] of int8 values.

    ``gain`` and ``offset`` [channels]: about what it is, ``gain * (x - zero_point) + offset``,
    before it is clamped to the table's range. Returns weights int8 [channels], biases int32 and
    how they are requantised, or None if none are found.
    """
    operand = BYTES - source.zero_point
    low, high = int(table.min()), int(table.max())
    lines = []
    for row, channel_offset in zip(table, offset, strict=True):
        line = _find_line(row, low, high, operand, gain, float(channel_offset))
        if line is None:
            return None
        lines.append(line)
    weight, bias, scale = (np.array(values) for values in zip(*lines, strict=True))
    multiplier, shift = scale_parameters(scale)
    scaling = Requantise(multiplier, shift, 0, low, high, Rounding.FLOAT)
    reached = requantise(operand[:, None] * weight + bias, scaling)
    if not np.array_equal(reached, table.T):
        return None
    return weight.astype(np.int8), bias.astype(np.int32), scaling


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


def average_moves(source: Scaling, output: Scaling, count: int) -> bool:
    """Whether float32 noise could move a result of QLinearAveragePool of ``count`` values.

    It adds dequantised values in float32, whose errors depend on all of them. They do not matter
    where every possible sum is further from a tie than they reach.
    """
    ratio = float(source.scale) / float(output.scale)
    mean = np.arange(-255 * count, 255 * count + 1) * (ratio / count) + output.zero_point
    distance = np.abs(mean - np.floor(mean) - 0.5)
    reach = 2.0**-24 * (255 * ratio * (count + 6) + 1024)
    return bool(np.any((distance <= reach) & (np.abs(mean) < 129)))
