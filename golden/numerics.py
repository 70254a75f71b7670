# SPDX-License-Identifier: Apache-2.0
"""Integer arithmetic of quantised layers, as LiteRT's reference kernels and onnxruntime do it.

Everything works on int64 arrays that hold int32 values, so that no intermediate overflows.
"""

import enum
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["Requantise", "Rounding", "high_multiply", "multiply_double", "multiply_float",
           "multiply_odd", "multiply_single", "quantise_multiplier", "quantise_multipliers",
           "requantise", "rounding_shift", "significant"]


class Rounding(enum.Enum):
    """How an accumulator times a Q31 multiplier is rounded."""

    DOUBLE = "double"  # high product, then shift, each rounded: CONV_2D, DEPTHWISE_CONV_2D, ADD
    SINGLE = "single"  # one rounding of the whole product: FULLY_CONNECTED
    FLOAT = "float"    # as a float32 product, then to the nearest even integer: onnxruntime


@dataclass(frozen=True, eq=False)
class Requantise:
    """From an int32 accumulator (bias included) to int8.

    ``multiplier``: int32 [channels], 0 or 2**30 ... 2**31 - 1; ``shift``: right shift, int32
    [channels], 0 ... 31; ``zero_point`` of the output; ``low``, ``high``: clamp of the fused
    activation, -128 ... 127.
    """

    multiplier: np.ndarray
    shift: np.ndarray
    zero_point: int
    low: int
    high: int
    rounding: Rounding


def quantise_multipliers(values: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Q31 multipliers and left shifts, both int32, with ``value ~ multiplier * 2**(shift - 31)``.

    TFLite's QuantizeMultiplier in double precision: the significand of 31 bits is rounded half
    away from zero; values below 2**-32 become 0. ``values`` must be finite and not negative, else
    ValueError.
    """
    values = np.asarray(values, np.float64)
    if not np.all(np.isfinite(values) & (values >= 0)):
        raise ValueError(f"Multiplier must be finite and not negative, not {values!r}")
    fraction, shift = np.frexp(values)
    multiplier = np.floor(fraction * 2.0**31 + 0.5).astype(np.int64)
    overflow = multiplier == 1 << 31
    multiplier = np.where(overflow, 1 << 30, multiplier)
    shift = shift + overflow
    tiny = shift < -31
    return (np.where(tiny, 0, multiplier).astype(np.int32),
            np.where(tiny, 0, shift).astype(np.int32))


def quantise_multiplier(value: float) -> tuple[int, int]:
    """``quantise_multipliers`` of one value."""
    multiplier, shift = quantise_multipliers(value)
    return int(multiplier), int(shift)


def high_multiply(x: np.ndarray, multiplier: ArrayLike) -> np.ndarray:
    """``x * multiplier / 2**31``, rounded half up, saturated: int32 values in, int32 values out.

    gemmlowp's SaturatingRoundingDoublingHighMul; only (-2**31)**2 saturates.
    """
    product = np.asarray(x, np.int64) * np.asarray(multiplier, np.int64)
    return np.minimum((product + (1 << 30)) >> 31, (1 << 31) - 1)


def rounding_shift(x: np.ndarray, shift: ArrayLike) -> np.ndarray:
    """``x / 2**shift`` rounded half away from zero, ``shift`` 0 ... 62.

    gemmlowp's RoundingDivideByPOT.
    """
    shift = np.asarray(shift, np.int64)
    half = (np.int64(1) << shift) >> 1
    return (x + half - ((x < 0) & (shift > 0))) >> shift


def multiply_double(x: np.ndarray, multiplier: ArrayLike, shift: ArrayLike) -> np.ndarray:
    """``x * multiplier / 2**(31 + shift)``, rounded twice: ``high_multiply``, ``rounding_shift``.

    ``x`` holds int32 values; ``shift`` is 0 ... 31.
    """
    return rounding_shift(high_multiply(x, multiplier), shift)


def multiply_single(x: np.ndarray, multiplier: ArrayLike, shift: ArrayLike) -> np.ndarray:
    """``x * multiplier / 2**(31 + shift)``, rounded once, half away from zero.

    ``x`` holds int32 values; ``shift`` is 0 ... 31. LiteRT's FULLY_CONNECTED computes
    ``round(x * scale)`` in double precision.
    """
    product = np.asarray(x, np.int64) * np.asarray(multiplier, np.int64)
    return rounding_shift(product, np.asarray(shift, np.int64) + 31)


def multiply_float(x: np.ndarray, multiplier: ArrayLike, shift: ArrayLike) -> np.ndarray:
    """``x * multiplier / 2**(31 + shift)``, first to 24 significant bits, then to an integer.

    Both roundings are half to even: the float32 product of a multiplier of 24 significant bits,
    converted to the nearest integer, as onnxruntime's MlasRequantizeOutput has it. That takes
    ``x`` as float32, so the two are equal where ``x`` is below 2**24, or the result saturates.
    ``x`` holds int32 values; ``shift`` is 0 ... 31.
    """
    product = significant(np.asarray(x, np.int64) * np.asarray(multiplier, np.int64))
    return np.sign(product) * _half_even_shift(np.abs(product), np.asarray(shift, np.int64) + 31)


def multiply_odd(x: np.ndarray, multiplier: ArrayLike, shift: ArrayLike) -> np.ndarray:
    """``x * multiplier / 2**(31 + shift)``, of two integers that it lies between the odd one.

    Whatever is rounded later sees on which side of it the product was (von Neumann's rounding).
    """
    product = np.asarray(x, np.int64) * np.asarray(multiplier, np.int64)
    places = np.asarray(shift, np.int64) + 31
    whole = product >> places
    return whole | (whole << places != product)


def significant(x: np.ndarray) -> np.ndarray:
    """``x`` rounded to 24 significant bits, half to even: int64 integers as float32 holds them."""
    magnitude = np.abs(x)
    spare = np.maximum(_bit_length(magnitude) - 24, 0)
    return np.sign(x) * (_half_even_shift(magnitude, spare) << spare)


def _half_even_shift(x: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """``x / 2**shift`` of ``x >= 0``, rounded half to even, ``shift`` 0 ... 62."""
    whole = x >> shift
    rest = x - (whole << shift)
    half = (np.int64(1) << shift) >> 1
    return whole + ((rest > half) | ((rest == half) & (shift > 0) & (whole & 1 == 1)))


def _bit_length(x: np.ndarray) -> np.ndarray:
    """Bits of ``x``, 0 ... 2**63 - 1, without its leading zeros."""
    upper, lower = x >> 32, x & 0xFFFFFFFF  # each exact as a float
    return np.where(upper > 0, np.frexp(upper.astype(np.float64))[1] + 32,
                    np.frexp(lower.astype(np.float64))[1]).astype(np.int64)


_MULTIPLY = {Rounding.DOUBLE: multiply_double, Rounding.SINGLE: multiply_single,
             Rounding.FLOAT: multiply_float}


def requantise(accumulator: np.ndarray, r: Requantise) -> np.ndarray:
    """``clamp(zero_point + rounded(accumulator * multiplier / 2**(31 + shift)))`` as int8.

    ``accumulator``: integers [..., channels], taken modulo 2**32 as int32.
    """
    wrapped = accumulator.astype(np.int32).astype(np.int64)
    scaled = _MULTIPLY[r.rounding](wrapped, r.multiplier, r.shift)
    return np.clip(scaled + r.zero_point, r.low, r.high).astype(np.int8)
