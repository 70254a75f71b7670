# SPDX-License-Identifier: Apache-2.0
"""Integer arithmetic of quantised layers, as LiteRT's reference kernels do it.

Everything works on int64 arrays that hold int32 values, so that no intermediate overflows.
"""

import enum
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["Requantise", "Rounding", "high_multiply", "multiply_double", "multiply_single",
           "quantise_multiplier", "quantise_multipliers", "requantise", "rounding_shift"]


class Rounding(enum.Enum):
    """How an accumulator times a Q31 multiplier is rounded."""

    DOUBLE = "double"  # high product, then shift, each rounded: CONV_2D, DEPTHWISE_CONV_2D, ADD
    SINGLE = "single"  # one rounding of the whole product: FULLY_CONNECTED


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


def requantise(accumulator: np.ndarray, r: Requantise) -> np.ndarray:
    """``clamp(zero_point + rounded(accumulator * multiplier / 2**(31 + shift)))`` as int8.

    ``accumulator``: integers [..., channels], taken modulo 2**32 as int32.
    """
    wrapped = accumulator.astype(np.int32).astype(np.int64)
    multiply = multiply_double if r.rounding is Rounding.DOUBLE else multiply_single
    scaled = multiply(wrapped, r.multiplier, r.shift)
    return np.clip(scaled + r.zero_point, r.low, r.high).astype(np.int8)
