# SPDX-License-Identifier: Apache-2.0
"""Buffers of fan-out trees, which a synthesiser leaves where they are."""

from amaranth import Module, Value
from amaranth.lib.wiring import In, Out

from ..cell import Cell

__all__ = ["FanoutBuffer", "buffered"]


class FanoutBuffer(Cell):
    """``o`` is ``i``. An ASIC flow makes it a buffer, and optimises no logic across it.

    *Timing*: combinational.

    *Members*: ``i``, ``o``.
    """

    def __init__(self):
        super().__init__({"i": In(1), "o": Out(1)})

    @property
    def module_name(self) -> str:
        return "fanout_buffer"

    def body(self, platform) -> Module:
        m = Module()
        m.d.comb += self.o.eq(self.i)
        return m


def buffered(m: Module, name: str, bit: Value) -> Value:
    """``bit`` behind a buffer of its own, named ``name``."""
    m.submodules[name] = buffer = FanoutBuffer()
    m.d.comb += buffer.i.eq(bit)
    return buffer.o
