# SPDX-License-Identifier: Apache-2.0
"""Signed digits of constants."""

__all__ = ["canonical_digits"]


def canonical_digits(value: int) -> tuple[tuple[int, int], ...]:
    """``(shift, sign)`` of the digits of ``value`` in canonical signed digits, lowest first: no two
    are neighbours, and no signed-digit form has fewer (Reitwiesner, "Binary arithmetic", 1960)."""
    digits = []
    shift = 0
    while value:
        if value & 1:
            sign = 2 - (value & 3)
            digits.append((shift, sign))
            value -= sign
        value >>= 1
        shift += 1
    return tuple(digits)
