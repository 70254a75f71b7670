# SPDX-License-Identifier: Apache-2.0
"""Integer arithmetic of quantised layers, as LiteRT's reference kernels do it.

Everything works on int64 arrays that hold int32 values, so that no intermediate overflows.
"""

import enum
import math
from dataclasses import dataclass

import numpy as np

__all__ = ["Requantise", "Rounding", "multiply_double", "multiply_single", "quantise_multiplier",
           "requantise"]


class Rounding(enum.Enum):
    """How an accumulator times a Q31 multiplier is rounded."""

    DOUBLE = "double"  # high product, then shift, each rounded: CONV_2D, DEPTHWISE_CONV_2D, ADD
    SINGLE = "single"  # one rounding of the whole product: FULLY_CONNECTED


@dataclass(frozen=True, eq=False)
class Requantise:
    """From an int32 accumulator (bias included) to int8.

    ``multiplier``: int32 [channels], 0 or 2**30 ... 2**31 - 1; ``shift``: right shift [channels],
    0 ... 31; ``zero_point`` of the output; ``low``, ``high``: clamp of the fused activation.
    """

    multiplier: np.ndarray
    shift: np.ndarray
    zero_point: int
    low: int
    high: int
    rounding: Rounding


def quantise_multiplier(value: float) -> tuple[int, int]:
    """Q31 multiplier and left shift with ``value ~ multiplier * 2 ** (shift - 31)``.

    TFLite's QuantizeMultiplier: values below 2**-32 become 0; a left shift above 30 saturates.
    """
    if value == 0:
        return 0, 0
    fraction, shift = math.frexp(value)
    multiplier = math.floor(abs(fraction) * (1 << 31) + 0.5) * (1 if fraction > 0 else -1)
    if multiplier == 1 << 31:
        multiplier //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    if shift > 30:
        return (1 << 31) - 1, 30
    return multiplier, shift


def multiply_double(x: np.ndarray, multiplier, shift) -> np.ndarray:
    """``x * multiplier / 2 ** (31 + shift)``, rounded twice (gemmlowp).

    First ``(x * multiplier + 2**30) >> 31`` (half up), then a right shift that rounds half away
    from zero. ``shift`` is at least 0.
    """
    high = (x.astype(np.int64) * np.int64(multiplier) + (1 << 30)) >> 31
    return _rounding_divide_by_power_of_two(high, np.asarray(shift, np.int64))


def multiply_single(x: np.ndarray, multiplier, shift) -> np.ndarray:
    """``x * multiplier / 2 ** (31 + shift)``, rounded once, half up."""
    places = np.asarray(shift, np.int64) + 31
    return (x.astype(np.int64) * np.int64(multiplier) + (np.int64(1) << (places - 1))) >> places


def _rounding_divide_by_power_of_two(x: np.ndarray, shift: np.ndarray) -> np.ndarray:
    half = (np.int64(1) << shift) >> 1
    return (x + half - ((x < 0) & (shift > 0))) >> shift


def requantise(accumulator: np.ndarray, r: Requantise) -> np.ndarray:
    """``clamp(zero_point + rounded(accumulator * multiplier / 2 ** (31 + shift)))`` as int8.

    ``accumulator``: int64 [..., channels].
    """
    multiply = multiply_double if r.rounding is Rounding.DOUBLE else multiply_single
    scaled = multiply(accumulator, r.multiplier.astype(np.int64), r.shift)
    return np.clip(scaled + r.zero_point, r.low, r.high).astype(np.int8)
