# SPDX-License-Identifier: Apache-2.0
"""One of three bits, chosen by one of at most one signals."""

from amaranth import Module
from amaranth.lib.wiring import In, Out

from ..cell import Cell

__all__ = ["Selector"]


class Selector(Cell):
    """``o = ~((bits[0] & choice[0]) | (bits[1] & choice[1]) | (bits[2] & choice[2]))``.

    *Timing*: combinational.

    *Members*: ``bits``, ``choice``, ``o`` (inverted).
    """

    def __init__(self):
        super().__init__({"bits": In(3), "choice": In(3), "o": Out(1)})

    @property
    def module_name(self) -> str:
        return "inverting_selector"

    def body(self, platform) -> Module:
        m = Module()
        m.d.comb += self.o.eq(~(self.bits & self.choice).any())
        return m
