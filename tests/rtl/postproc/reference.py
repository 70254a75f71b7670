# SPDX-License-Identifier: Apache-2.0
"""Requantisation in Python's integers, straight from the definition."""

from fractions import Fraction

from systolith.rtl.sequencer.descriptor import Rounding

__all__ = ["as_float32", "half_away", "half_even", "requantised", "wrap"]


def wrap(value, bits=32):
    return (value + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


def half_away(value, places):
    """``value / 2**places``, rounded half away from zero."""
    rounded = (2 * abs(value) + (1 << places)) // (2 << places)
    return rounded if value >= 0 else -rounded


def half_even(value, places):
    """``value / 2**places`` to the nearest integer, half to even."""
    return round(Fraction(value, 1 << places))


def as_float32(value):
    """An integer with the 24 significant bits that float32 keeps."""
    spare = max(abs(value).bit_length() - 24, 0)
    return half_even(value, spare) << spare


def requantised(i, multiplier, bias, shift, *, rounding, zero_point, low, high):
    if rounding == Rounding.MAGNITUDE:
        scaled = (abs(i) + bias) * multiplier // (1 << 31 + shift)
        scaled = -scaled if i < 0 else scaled
    else:
        product = wrap(i + bias) * multiplier
        if rounding == Rounding.FLOAT:
            scaled = half_even(as_float32(product), 31 + shift)
        elif rounding == Rounding.DOUBLE:
            scaled = half_away((product + (1 << 30)) // (1 << 31), shift)
        else:
            scaled = half_away(product, 31 + shift)
    return min(max(scaled + zero_point, low), high)
