# SPDX-License-Identifier: Apache-2.0
"""How many of many bits are ones."""

from collections import deque

from amaranth import Cat, Const, Module, Signal, Value
from amaranth.lib.wiring import In, Out

from ..cell import Cell
from .total import total

__all__ = ["Popcount", "popcount"]

LANES = 32


class Popcount(Cell):
    """``o`` is the number of ones of ``i``.

    A platform with ``get_popcount`` may replace the plain description by one of its own technology
    (carry-save trees).

    *Timing*: combinational.

    *Parameters*: ``width`` (of ``i``, at least 1).

    *Members*: ``i``, ``o``.
    """

    def __init__(self, width: int):
        if width < 1:
            raise ValueError(f"Width must be at least 1, not {width!r}")
        self.width = width
        super().__init__({"i": In(width), "o": Out(range(width + 1))})

    @property
    def module_name(self) -> str:
        return f"popcount_{self.width}"

    def body(self, platform) -> Module:
        replace = getattr(platform, "get_popcount", Popcount.plain)
        return replace(self)

    def plain(self) -> Module:
        """Adders left to the synthesiser."""
        m = Module()
        m.d.comb += self.o.eq(popcount(m, "ones", self.i))
        return m


def popcount(m: Module, name: str, bits: Value) -> Value:
    """The number of ones of at least one bit, through signals of ``m`` named after ``name``.

    Bits lie in ``LANES`` columns, each of which is counted by full and half adders, all lanes
    alike and at once; then the lanes' counts are added in a tree. About as many full adders as
    bits. Combinational.
    """
    lanes = min(LANES, len(bits))
    bits = Cat(bits, Const(0, -len(bits) % lanes))
    column = deque(bits[first:first + lanes] for first in range(0, len(bits), lanes))
    counts: list[Value] = []
    while column:
        carries: deque[Value] = deque()
        while len(column) > 1:
            a, b = column.popleft(), column.popleft()
            c = column.popleft() if column else None
            place = f"{name}_{len(counts)}_{len(carries)}"
            ones = Signal(lanes, name=f"{place}_sum")
            carry = Signal(lanes, name=f"{place}_carry")
            if c is None:
                m.d.comb += [ones.eq(a ^ b), carry.eq(a & b)]
            else:
                m.d.comb += [ones.eq(a ^ b ^ c), carry.eq((a & b) | (c & (a | b)))]
            column.append(ones)
            carries.append(carry)
        counts.append(column[0])
        column = carries
    return total(Cat(count[lane] for count in counts) for lane in range(lanes))
