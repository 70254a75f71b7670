# SPDX-License-Identifier: Apache-2.0
"""Sums as dots: single bits, each of the weight of its column, and one constant."""

from dataclasses import dataclass, field

from amaranth import Value

__all__ = ["Dot", "Dots"]


@dataclass(frozen=True, eq=False)
class Dot:
    """One bit. ``value`` is the bit, or its inverse if ``inverted``; where that is None, ``value``
    is the bit and its inverse costs no more. ``time``: when it settles, in full adders."""

    value: Value
    inverted: bool | None = None
    time: float = 0.0

    def inverse(self) -> "Dot":
        """The inverse bit."""
        if self.inverted is None:
            return Dot(~self.value, None, self.time)
        return Dot(self.value, not self.inverted, self.time)

    def wire(self, inverted: bool) -> Value:
        """The bit, or its inverse."""
        return ~self.value if inverted != bool(self.inverted) else self.value


@dataclass
class Dots:
    """``constant + sum of dot * 2 ** column``, modulo ``2 ** width``."""

    width: int
    constant: int = 0
    columns: list[list[Dot]] = field(init=False)

    def __post_init__(self):
        self.columns = [[] for _ in range(self.width)]

    def add(self, column: int, value: Value, *, time: float = 0.0) -> None:
        """Add bit ``value``; its inverse must cost no more."""
        if column < self.width:
            self.columns[column].append(Dot(value, None, time))

    def add_inverse(self, column: int, inverse: Value, *, time: float = 0.0) -> None:
        """Add the bit whose inverse is given."""
        if column < self.width:
            self.columns[column].append(Dot(inverse, True, time))

    def subtract_inverse(self, column: int, inverse: Value, *, time: float = 0.0) -> None:
        """Subtract the bit whose inverse is given."""
        if column < self.width:
            self.columns[column].append(Dot(inverse, False, time))
        self.constant = (self.constant - (1 << column)) % (1 << self.width)

    def subtract(self, column: int, value: Value, *, time: float = 0.0) -> None:
        """Subtract bit ``value``: add its inverse less one."""
        self.add(column, ~value, time=time)
        self.constant = (self.constant - (1 << column)) % (1 << self.width)
