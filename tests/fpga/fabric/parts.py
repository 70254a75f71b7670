# SPDX-License-Identifier: Apache-2.0
"""Small designs that are quick to place and route."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Product(wiring.Component):
    """A registered product: one DSP."""

    def __init__(self, width: int = 8):
        super().__init__({"a": In(width), "b": In(width), "o": Out(2 * width)})

    def elaborate(self, platform):
        m = Module()
        a, b = Signal.like(self.a), Signal.like(self.b)
        m.d.sync += [a.eq(self.a), b.eq(self.b), self.o.eq(a * b)]
        return m


class Parity(wiring.Component):
    """Parity of ``width`` bits, registered by stages of 4 or in one go."""

    def __init__(self, width: int, *, staged: bool):
        self.staged = staged
        super().__init__({"i": In(width), "o": Out(1)})

    def elaborate(self, platform):
        m = Module()
        bits = self.i
        while self.staged and len(bits) > 4:
            stage = Signal(-(-len(bits) // 4))
            m.d.sync += [stage[index].eq(bits[4 * index:4 * index + 4].xor())
                         for index in range(len(stage))]
            bits = stage
        m.d.sync += self.o.eq(bits.xor())
        return m
