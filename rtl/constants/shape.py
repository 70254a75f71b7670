# SPDX-License-Identifier: Apache-2.0
"""How wide a number must be."""

from collections.abc import Iterable

from amaranth import Shape

from .graph import Range

__all__ = ["shape_of"]


def shape_of(ranges: Iterable[Range]) -> Shape:
    """The narrowest shape that holds all values of all ``ranges``, signed if any is negative; at
    least one bit."""
    ranges = list(ranges)
    lowest = min((low for low, _ in ranges), default=0)
    highest = max((high for _, high in ranges), default=0)
    if lowest < 0:
        return Shape(max((-lowest - 1).bit_length(), max(highest, 0).bit_length()) + 1, True)
    return Shape(max(1, highest.bit_length()), False)
