# SPDX-License-Identifier: Apache-2.0
"""Delay lines, made of power-of-two cells, so that few distinct modules exist."""

from amaranth import Module, Signal
from amaranth.lib.wiring import In, Out

from .cell import Cell

__all__ = ["DelayCell", "delay"]


class DelayCell(Cell):
    """``o`` is ``i`` of ``cycles`` cycles ago.

    *Parameters*: ``width`` in bits, ``cycles`` (at least 1).

    *Members*: ``i``, ``o``.
    """

    def __init__(self, *, width: int, cycles: int):
        if cycles < 1:
            raise ValueError(f"Delay must be at least 1 cycle, not {cycles!r}")
        self.width = width
        self.cycles = cycles
        super().__init__({"i": In(width), "o": Out(width)})

    @property
    def module_name(self) -> str:
        return f"delay_{self.cycles}x{self.width}"

    def body(self, platform) -> Module:
        m = Module()
        line = Signal(self.width * self.cycles)
        m.d.sync += line.eq((line << self.width) | self.i)
        m.d.comb += self.o.eq(line[-self.width:])
        return m


def delay(m: Module, name: str, value, cycles: int):
    """``value`` of ``cycles`` cycles ago, through cells named after ``name``."""
    bit = 0
    while cycles >> bit:
        if cycles >> bit & 1:
            cell = DelayCell(width=len(value), cycles=1 << bit)
            m.submodules[f"{name}_{1 << bit}"] = cell
            m.d.comb += cell.i.eq(value)
            value = cell.o
        bit += 1
    return value
