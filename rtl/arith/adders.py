# SPDX-License-Identifier: Apache-2.0
"""One-bit adders that a technology maps to its own cells."""

from amaranth import Module
from amaranth.lib.wiring import In, Out

from ..cell import Cell

__all__ = ["FullAdder", "HalfAdder"]


class FullAdder(Cell):
    """``2 * carry + sum = a + b + c``; with ``inverting``, both outputs are inverted.

    An inverting adder is its own dual: of inverted inputs it makes true outputs.

    *Timing*: combinational.

    *Members*: ``a``, ``b``, ``c``, ``carry``, ``sum``.
    """

    def __init__(self, *, inverting: bool = False):
        self.inverting = inverting
        super().__init__({"a": In(1), "b": In(1), "c": In(1), "carry": Out(1), "sum": Out(1)})

    @property
    def module_name(self) -> str:
        return "inverting_full_adder" if self.inverting else "full_adder"

    def body(self, platform) -> Module:
        m = Module()
        carry = (self.a & self.b) | (self.c & (self.a | self.b))
        total = self.a ^ self.b ^ self.c
        m.d.comb += [self.carry.eq(~carry if self.inverting else carry),
                     self.sum.eq(~total if self.inverting else total)]
        return m


class HalfAdder(Cell):
    """``2 * carry + sum = a + b``; with ``inverting``, both outputs are inverted.

    Of inverted inputs an inverting adder makes ``a + b + 1``, both outputs true.

    *Timing*: combinational.

    *Members*: ``a``, ``b``, ``carry``, ``sum``.
    """

    def __init__(self, *, inverting: bool = False):
        self.inverting = inverting
        super().__init__({"a": In(1), "b": In(1), "carry": Out(1), "sum": Out(1)})

    @property
    def module_name(self) -> str:
        return "inverting_half_adder" if self.inverting else "half_adder"

    def body(self, platform) -> Module:
        m = Module()
        carry, total = self.a & self.b, self.a ^ self.b
        m.d.comb += [self.carry.eq(~carry if self.inverting else carry),
                     self.sum.eq(~total if self.inverting else total)]
        return m
