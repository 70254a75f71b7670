# SPDX-License-Identifier: Apache-2.0
"""Raster-order walk over a layer's pixels with the address of each."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["RasterWalker"]


class RasterWalker(wiring.Component):
    """Visits ``width x height`` pixels in raster order, computing addresses by addition alone.

    ``address = base + f(y) + g(x)``, where each step in x adds ``step_x[0]`` and ``step_x[1]`` in
    turn, and each step in y ``step_y[0]`` and ``step_y[1]`` in turn.

    *Timing*: ``restart`` loads pixel (0, 0) at the end of its cycle, ``step`` moves on by one
    pixel; after the last pixel the walk starts over. ``mark`` with a ``step`` remembers the pixel
    that it moves to, ``back`` returns to that one, at first pixel (0, 0).

    *Parameters*: ``address_width`` in bits.

    *Members*: ``restart``, ``step``, ``mark``, ``back``, ``base``, ``width``, ``height``,
    ``step_x``, ``step_y``, ``address``, ``x``, ``y``, ``last``.
    """

    def __init__(self, *, address_width: int):
        self.address_width = address_width
        super().__init__({
            "restart": In(1),
            "step": In(1),
            "mark": In(1),
            "back": In(1),
            "base": In(address_width),
            "width": In(16),
            "height": In(16),
            "step_x": In(data.ArrayLayout(address_width, 2)),
            "step_y": In(data.ArrayLayout(address_width, 2)),
            "address": Out(address_width),
            "x": Out(16),
            "y": Out(16),
            "last": Out(1),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        row = Signal(self.address_width)
        last_x = Signal()
        last_y = Signal()
        place = data.StructLayout({"x": 16, "y": 16, "row": self.address_width,
                                   "address": self.address_width})
        first, following, marked = (Signal(place, name=name)
                                    for name in ("first", "following", "marked"))
        next_row = row + Mux(self.y[0], self.step_y[1], self.step_y[0])
        beside = self.address + Mux(self.x[0], self.step_x[1], self.step_x[0])
        m.d.comb += [
            last_x.eq(self.x == self.width - 1),
            last_y.eq(self.y == self.height - 1),
            self.last.eq(last_x & last_y),
            first.row.eq(self.base),
            first.address.eq(self.base),
            following.x.eq(Mux(last_x, 0, self.x + 1)),
            following.y.eq(Mux(last_x, self.y + 1, self.y)),
            following.row.eq(Mux(last_x, next_row, row)),
            following.address.eq(Mux(last_x, next_row, beside)),
        ]
        with m.If(self.last):
            m.d.comb += following.eq(first)
        target = Mux(self.restart, first, Mux(self.back, marked, following))
        with m.If(self.restart | self.back | self.step):
            m.d.sync += Cat(self.x, self.y, row, self.address).eq(target)
        with m.If(self.restart | (self.step & self.mark)):
            m.d.sync += marked.eq(target)
        return m
