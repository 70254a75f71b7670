# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of onnxruntime's kernels for x86-64 (MLAS), bit for bit.

Its quantised kernels work in float32, FMA included. Sources: onnxruntime, ``core/mlas/lib``:
``quantize.cpp`` (MlasRequantizeOutput, MlasQuantizeLinear), ``intrinsics/avx2/qladd_avx2.cpp``,
``qlgavgpool.cpp``; ``contrib_ops/cpu/quantization``: ``qlinear_pool.cc``, ``qlinear_concat.cc``.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["BYTES", "Scaling", "add_constant", "average_bounds", "constant_offset", "exact_scale",
           "pool_scale", "product_scales", "requantise_table", "scale_parameters", "sum_ratios",
           "sum_table"]

BYTES = np.arange(-128, 128)
SIGNIFICANT = 24
"""Bits of a float32."""
LONGEST_WINDOW = 16
"""Values whose float32 sums are followed one by one."""


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


def requantise_table(source: Scaling, output: Scaling, low: float = -np.inf,
                     high: float = np.inf) -> np.ndarray:
    """DequantizeLinear, clip to [``low``, ``high``], QuantizeLinear of all values: int64 [256].

    Without bounds what QLinearConcat does to an operand.
    """
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


def sum_ratios(first: Scaling, second: Scaling, output: Scaling):
    """The two ratios of QLinearAdd and its fixed part, all float32."""
    a, b = first.scale / output.scale, second.scale / output.scale
    inner = _fma(a, np.float64(first.kernel_zero_point), b * np.float32(second.kernel_zero_point))
    return a, b, np.float32(output.kernel_zero_point) - np.float32(inner)


def _to_int8(total: np.ndarray, output: Scaling) -> np.ndarray:
    return np.clip(np.rint(total.astype(np.float64)) - 128 * output.unsigned, -128,
                   127).astype(np.int64)


def sum_table(first: Scaling, second: Scaling, output: Scaling) -> np.ndarray:
    """QLinearAdd of every pair of int8 values: int64 [256, 256]."""
    a, b, fixed = sum_ratios(first, second, output)
    inner = _fma(b, second.kernel_values, fixed)
    return _to_int8(_fma(a, first.kernel_values[:, None], inner[None, :]), output)


def add_constant(source: Scaling, constant: Scaling, values: np.ndarray, output: Scaling, *,
                 constant_first: bool, alone: bool) -> np.ndarray:
    """QLinearAdd of all 256 values and int8 constants [channels]: int64 [channels, 256].

    ``alone``: the kernel is called for each constant by itself, and adds it to the fixed part.
    """
    first, second = (constant, source) if constant_first else (source, constant)
    a, b, fixed = sum_ratios(first, second, output)
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


def average_bounds(source: Scaling, output: Scaling,
                   count: int) -> tuple[np.ndarray, np.ndarray]:
    """The least and the greatest int8 that QLinearAveragePool makes of windows of one sum.

    Both int64 [255 * count + 1], by the sum of ``count`` int8 values from ``-128 * count`` on.
    It adds dequantised values in float32, one after the other, so that windows of equal sums may
    differ. Every step is monotone: what bounds a partial sum bounds the next one, and is reached.
    For more than ``LONGEST_WINDOW`` values the bounds are those of the errors, wider than needed.
    """
    with np.errstate(all="ignore"):
        if count > LONGEST_WINDOW:
            ratio = float(source.scale) / float(output.scale)
            sums = np.arange(-128 * count, 127 * count + 1) - source.zero_point * count
            mean = sums * (ratio / count) + output.zero_point
            reach = 2.0**-SIGNIFICANT * (255 * ratio * (count + 6) + 1024)
            return tuple(np.clip(np.rint(mean + error), -128, 127).astype(np.int64)
                         for error in (-reach, reach))
        real = (BYTES - source.zero_point).astype(np.float32) * source.scale
        least = greatest = real
        for _ in range(count - 1):
            least = _partial_sums(least, real, np.minimum, np.inf)
            greatest = _partial_sums(greatest, real, np.maximum, -np.inf)
        return tuple(_to_int8(total / np.float32(count) / output.scale
                              + np.float32(output.kernel_zero_point), output)
                     for total in (least, greatest))


def _partial_sums(sums: np.ndarray, real: np.ndarray, choose: np.ufunc,
                  start: float) -> np.ndarray:
    """One more value: of all float32 sums to one integer sum the one to ``choose``."""
    found = np.full(sums.size + 255, start, np.float32)
    for place, value in enumerate(real):
        part = found[place:place + sums.size]
        choose(part, sums + value, out=part)
    return found


def exact_scale(scale: np.float32, count: int) -> np.float32:
    """The scale next to ``scale`` with which float32 sums of ``count`` values are exact."""
    fraction, exponent = np.frexp(float(scale))
    places = SIGNIFICANT - (255 * count).bit_length()
    return np.float32(np.rint(fraction * 2.0**places) * 2.0 ** (int(exponent) - places))
