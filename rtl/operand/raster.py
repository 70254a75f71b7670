# SPDX-License-Identifier: Apache-2.0
"""Raster-order walk over a layer's pixels with the address of each."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["RasterWalker"]


class RasterWalker(wiring.Component):
    """Visits ``width x height`` pixels in raster order, computing addresses by addition alone.

    ``address = base + f(y) + g(x)``, where each step in x adds ``step_x[0]`` and ``step_x[1]`` in
    turn, and each step in y ``step_y[0]`` and ``step_y[1]`` in turn.

    *Timing*: ``restart`` loads pixel (0, 0) at the end of its cycle, ``step`` moves on by one
    pixel; after the last pixel the walk starts over.

    *Parameters*: ``address_width`` in bits.

    *Members*: ``restart``, ``step``, ``base``, ``width``, ``height``, ``step_x``, ``step_y``,
    ``address``, ``x``, ``y``, ``last``.
    """

    def __init__(self, *, address_width: int):
        self.address_width = address_width
        super().__init__({
            "restart": In(1),
            "step": In(1),
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
        next_row = Signal(self.address_width)
        last_x = Signal()
        last_y = Signal()
        m.d.comb += [
            last_x.eq(self.x == self.width - 1),
            last_y.eq(self.y == self.height - 1),
            self.last.eq(last_x & last_y),
            next_row.eq(row + Mux(self.y[0], self.step_y[1], self.step_y[0])),
        ]

        def to_start():
            return [self.x.eq(0), self.y.eq(0), row.eq(self.base), self.address.eq(self.base)]

        with m.If(self.restart | (self.step & self.last)):
            m.d.sync += to_start()
        with m.Elif(self.step & last_x):
            m.d.sync += [self.x.eq(0), self.y.eq(self.y + 1), row.eq(next_row),
                         self.address.eq(next_row)]
        with m.Elif(self.step):
            m.d.sync += [
                self.x.eq(self.x + 1),
                self.address.eq(self.address + Mux(self.x[0], self.step_x[1], self.step_x[0])),
            ]
        return m
