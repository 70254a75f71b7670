# SPDX-License-Identifier: Apache-2.0
"""Frames of an AXI4-Stream: checked, counted and handed on pixel by pixel."""

from amaranth import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bus.axi import AxiStream
from ..fixed.counter import counter

__all__ = ["FrameGate", "frame_pixel"]


def frame_pixel(channels: int) -> data.StructLayout:
    """A pixel of the input; ``first`` and ``last`` of its frame."""
    return data.StructLayout({"pixel": data.ArrayLayout(8, channels), "first": 1, "last": 1})


class FrameGate(wiring.Component):
    """Lets whole frames of ``pixels`` pixels through, each of which must end with ``tlast``.

    A pixel with ``tlast`` too early, or without where a frame must end, is taken and dropped, and
    ``broken`` tells: what was let through of that frame must be forgotten. Pixels up to and with
    the next ``tlast`` are dropped as well where it was missing.

    *Timing*: combinational from ``s_axis`` to ``o`` and back; ``broken`` is high in the cycle
    after, in which nothing is taken.

    *Parameters*: ``pixels`` of a frame, ``channels`` of a pixel.

    *Members*: ``s_axis`` (``tdata``: a pixel's channels, the first lowest), ``o``, ``abort`` (the
    next pixel is the first of a frame), ``broken`` (pulse).
    """

    def __init__(self, *, pixels: int, channels: int):
        if pixels < 1:
            raise ValueError(f"Pixels of a frame must be at least 1, not {pixels!r}")
        self.pixels = pixels
        super().__init__({
            "s_axis": In(AxiStream(8 * channels)),
            "o": Out(stream.Signature(frame_pixel(channels))),
            "abort": In(1),
            "broken": Out(1),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        bus, o = self.s_axis, self.o
        count = counter(self.pixels)
        skipping = Signal()
        last = Signal()
        drop = Signal()
        rest = Signal()  # nothing is taken
        m.d.comb += [
            rest.eq(self.abort | self.broken),
            last.eq(count == self.pixels - 1),
            drop.eq(skipping | (bus.tlast != last)),
            o.payload.pixel.eq(bus.tdata),
            o.payload.first.eq(count == 0),
            o.payload.last.eq(last),
            o.valid.eq(bus.tvalid & ~drop & ~rest),
            bus.tready.eq((drop | o.ready) & ~rest),
        ]
        m.d.sync += self.broken.eq(0)
        with m.If(bus.tvalid & bus.tready):
            m.d.sync += count.eq(count + 1)
            with m.If(drop | last):
                m.d.sync += [count.eq(0), self.broken.eq(drop & ~skipping),
                             skipping.eq(drop & ~bus.tlast)]
        with m.If(self.abort):
            m.d.sync += [count.eq(0), skipping.eq(0)]
        return m
