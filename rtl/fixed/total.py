# SPDX-License-Identifier: Apache-2.0
"""Sums over whole frames."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .window import pixel_layout

__all__ = ["FrameTotal"]


class FrameTotal(wiring.Component):
    """The sum of all pixels of a frame, channel by channel.

    *Timing*: one pixel a cycle; the sum is at ``o`` in the cycle after the frame's last one was
    taken, and nothing is taken until it is. No combinational path from ``o`` to ``i``.

    *Parameters*: ``pixels`` of a frame, ``channels``.

    *Members*: ``i``, ``o`` (int8 pixels' sums), ``clear`` (forget all; nothing is taken).
    """

    def __init__(self, *, pixels: int, channels: int):
        if pixels < 1:
            raise ValueError(f"Pixels of a frame must be at least 1, not {pixels!r}")
        self.pixels = pixels
        self.channels = channels
        total = signed(8 + (pixels - 1).bit_length())
        super().__init__({
            "i": In(stream.Signature(pixel_layout(channels))),
            "o": Out(stream.Signature(data.ArrayLayout(total, channels))),
            "clear": In(1),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        count = Signal(range(self.pixels))
        take = Signal()
        m.d.comb += [self.i.ready.eq(~self.o.valid & ~self.clear),
                     take.eq(self.i.valid & self.i.ready)]
        with m.If(take):
            for channel in range(self.channels):
                total = self.o.payload[channel]
                m.d.sync += total.eq(Mux(count == 0, 0, total)
                                     + self.i.payload[channel].as_signed())
            m.d.sync += [count.eq(count + 1)]
            with m.If(count == self.pixels - 1):
                m.d.sync += [count.eq(0), self.o.valid.eq(1)]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(self.clear):
            m.d.sync += [count.eq(0), self.o.valid.eq(0)]
        return m
