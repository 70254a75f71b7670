# SPDX-License-Identifier: Apache-2.0
"""How many of many bits are ones."""

from amaranth import Cat, Const, Module, Signal, Value
from amaranth.lib.wiring import In, Out

from ..cell import Cell

__all__ = ["Popcount", "popcount"]


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

    Of three bits of one weight a full adder makes a sum and a carry, until two bits of every weight
    are left, which are added: about as many full adders as bits. They are written a vector at a
    time, its three thirds together. Combinational.
    """
    rows: tuple[list[Value], list[Value]] = [], []
    column: Value = bits
    weight = 0
    while len(column):
        carries: list[Value] = []
        while len(column) > 2:
            third = len(column) // 3
            a, b, c = (column[index * third:(index + 1) * third] for index in range(3))
            place = f"{name}_{weight}_{len(carries)}"
            total = Signal(third, name=f"{place}_sum")
            carry = Signal(third, name=f"{place}_carry")
            m.d.comb += [total.eq(a ^ b ^ c), carry.eq((a & b) | (c & (a | b)))]
            carries.append(carry)
            column = Cat(total, column[3 * third:])
        for index, row in enumerate(rows):
            row.append(column[index] if index < len(column) else Const(0, 1))
        column = Cat(*carries)
        weight += 1
    return Cat(*rows[0]) + Cat(*rows[1])
