# SPDX-License-Identifier: Apache-2.0
"""From an AXI4 burst to its beats."""

from amaranth import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .axi import Burst
from .local import WORD_BYTES

__all__ = ["Beat", "BurstRequest", "BurstWalker"]


class BurstRequest(data.StructLayout):
    """The part of an AXI4 address channel that says which beats to make.

    *Members*: ``id``, ``addr``, ``len``, ``size``, ``burst``: as in AXI4.
    """

    def __init__(self, address_width: int, id_width: int):
        super().__init__({
            "id": id_width, "addr": address_width, "len": 8, "size": 3, "burst": 2,
        })


class Beat(data.StructLayout):
    """One beat of a burst.

    *Members*: ``id`` of the burst, ``address`` of the 64-bit word (a byte address), ``last`` of
    the burst, ``refused``: the burst is of a kind that is not served.
    """

    def __init__(self, address_width: int, id_width: int):
        super().__init__({"id": id_width, "address": address_width, "last": 1, "refused": 1})


class BurstWalker(wiring.Component):
    """Lists the beats of AXI4 bursts on a 64-bit data bus.

    INCR: beat ``n`` lies in the word of ``addr + n * 2 ** size``, be ``addr`` aligned or not.
    FIXED: all beats lie in the word of ``addr``. WRAP bursts, the reserved kind and sizes above
    8 bytes are refused: they have the same number of beats, without meaningful addresses.

    *Timing*: the first beat comes one cycle after the burst was taken; one beat a cycle, also from
    one burst to the next. ``i.ready`` depends on ``o.ready`` combinationally.

    *Parameters*: ``address_width``, ``id_width`` in bits.

    *Members*: ``i``, ``o``.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, *, address_width: int, id_width: int):
        self.address_width = address_width
        self.id_width = id_width
        super().__init__({
            "i": In(stream.Signature(BurstRequest(address_width, id_width))),
            "o": Out(stream.Signature(Beat(address_width, id_width))),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        burst = Signal(BurstRequest(self.address_width, self.id_width))
        beat = self.o.payload
        step = Signal(range(WORD_BYTES + 1))
        m.d.comb += [
            self.i.ready.eq(~self.o.valid | (self.o.ready & beat.last)),
            beat.id.eq(burst.id),
            beat.address.eq(burst.addr & -WORD_BYTES),
            beat.last.eq(burst.len == 0),
            beat.refused.eq((burst.burst > Burst.INCR) | burst.size[2]),
            step.eq(1 << burst.size[:2]),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += burst.len.eq(burst.len - 1)
            with m.If(burst.burst == Burst.INCR):
                m.d.sync += burst.addr.eq(burst.addr + step)
        with m.If(self.i.ready):
            m.d.sync += self.o.valid.eq(self.i.valid)
            with m.If(self.i.valid):
                m.d.sync += burst.eq(self.i.payload)
        return m
