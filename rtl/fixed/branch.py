# SPDX-License-Identifier: Apache-2.0
"""Where streams of pixels part and meet."""

from amaranth import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .window import pixel_layout

__all__ = ["Fork", "Join"]


class Fork(wiring.Component):
    """Every pixel to all of ``ways`` streams, each of which takes it when it can.

    *Timing*: combinational; a pixel is taken when the last stream takes it.

    *Parameters*: ``channels``, ``ways``.

    *Members*: ``i``, ``o`` (``ways`` streams), ``clear`` (forget who has taken the pixel).
    """

    def __init__(self, *, channels: int, ways: int):
        if ways < 2:
            raise ValueError(f"Ways of a fork must be at least 2, not {ways!r}")
        signature = stream.Signature(pixel_layout(channels))
        super().__init__({"i": In(signature), "o": Out(signature).array(ways), "clear": In(1)})

    def elaborate(self, platform) -> Module:
        m = Module()
        done = Signal(len(self.o))
        taken = Signal(len(self.o))
        for way, o in enumerate(self.o):
            m.d.comb += [o.payload.eq(self.i.payload), o.valid.eq(self.i.valid & ~done[way]),
                         taken[way].eq(done[way] | (o.valid & o.ready))]
        m.d.comb += self.i.ready.eq(taken.all())
        m.d.sync += done.eq(taken)
        with m.If(self.i.ready | self.clear):
            m.d.sync += done.eq(0)
        return m


class Join(wiring.Component):
    """A pixel of each stream as one, with the channels of the first stream first.

    *Timing*: combinational; both are taken together.

    *Parameters*: ``channels`` of each stream.

    *Members*: ``i`` (as many streams), ``o``.
    """

    def __init__(self, *, channels: tuple[int, ...]):
        if len(channels) < 2:
            raise ValueError(f"Streams to join must be at least 2, not {len(channels)!r}")
        if len(set(channels)) != 1:
            raise ValueError(f"Streams to join must have the same channels, not {channels!r}")
        super().__init__({
            "i": In(stream.Signature(pixel_layout(channels[0]))).array(len(channels)),
            "o": Out(stream.Signature(pixel_layout(sum(channels)))),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        m.d.comb += [
            self.o.payload.eq(Cat(i.payload.as_value() for i in self.i)),
            self.o.valid.eq(Cat(i.valid for i in self.i).all()),
        ]
        for i in self.i:
            m.d.comb += i.ready.eq(self.o.valid & self.o.ready)
        return m
