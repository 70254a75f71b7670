# SPDX-License-Identifier: Apache-2.0
"""Requantisation in Python's integers, straight from the definition."""

from systolith.rtl.sequencer.descriptor import Rounding

__all__ = ["half_away", "requantised", "wrap"]


def wrap(value, bits=32):
    return (value + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


def half_away(value, places):
    """``value / 2**places``, rounded half away from zero."""
    rounded = (2 * abs(value) + (1 << places)) // (2 << places)
    return rounded if value >= 0 else -rounded


def requantised(i, multiplier, bias, shift, *, rounding, zero_point, low, high):
    if rounding == Rounding.MAGNITUDE:
        scaled = (abs(i) + bias) * multiplier // (1 << 31 + shift)
        scaled = -scaled if i < 0 else scaled
    else:
        product = wrap(i + bias) * multiplier
        if rounding == Rounding.DOUBLE:
            scaled = half_away((product + (1 << 30)) // (1 << 31), shift)
        else:
            scaled = half_away(product, 31 + shift)
    return min(max(scaled + zero_point, low), high)
