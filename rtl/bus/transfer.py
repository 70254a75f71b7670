# SPDX-License-Identifier: Apache-2.0
"""The two directions of the DMA, between AXI4 data channels and the local bus."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..stream import Queue
from .local import WORD_BYTES, LocalBus

__all__ = ["BURST_BEATS", "ReadBeat", "ReadIn", "WriteBeat", "WriteOut", "burst_layout"]

BURST_BEATS = 16

ReadBeat = data.StructLayout({"data": 8 * WORD_BYTES, "resp": 2, "last": 1})
WriteBeat = data.StructLayout({"data": 8 * WORD_BYTES, "strb": WORD_BYTES, "last": 1})


def burst_layout(address_width: int) -> data.StructLayout:
    """A burst's first local byte ``address`` and its length ``len``, as ``AxLEN``."""
    return data.StructLayout({"address": address_width, "len": range(BURST_BEATS)})


class ReadIn(wiring.Component):
    """Writes R beats to consecutive local words, from each burst's address on.

    The word of a beat with an error response keeps its value.

    *Timing*: one beat a cycle, combinational from ``i`` to ``bus.request``. ``burst_ended`` in the
    cycle in which a last beat is taken; ``failed`` in the cycle of an error. ``idle``: every write
    was answered.

    *Parameters*: ``address_width`` in bits, ``bursts`` that may be outstanding.

    *Members*: ``bursts`` (in the order of their beats), ``i``, ``bus``, ``burst_ended``,
    ``failed``, ``idle``.
    """

    UNANSWERED = 15

    bursts: stream.Interface
    i: stream.Interface
    bus: wiring.PureInterface
    burst_ended: Signal
    failed: Signal
    idle: Signal

    def __init__(self, *, address_width: int, bursts: int):
        self.address_width = address_width
        self.depth = bursts
        super().__init__({
            "bursts": In(stream.Signature(burst_layout(address_width))),
            "i": In(stream.Signature(ReadBeat)),
            "bus": Out(LocalBus(address_width)),
            "burst_ended": Out(1),
            "failed": Out(1),
            "idle": Out(1),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.waiting = waiting = Queue(burst_layout(self.address_width), depth=self.depth)
        connect(m, flipped(self.bursts), waiting.i)
        request, response = self.bus.request, self.bus.response
        beat = self.i.payload
        done = Signal(range(BURST_BEATS))  # beats of the burst
        unanswered = Signal(range(self.UNANSWERED + 1))
        room = unanswered != self.UNANSWERED
        bad = beat.resp[1]
        taken = self.i.valid & self.i.ready
        m.d.comb += [
            request.valid.eq(self.i.valid & room & ~bad),
            request.payload.write.eq(1),
            request.payload.address.eq(waiting.o.payload.address + done * WORD_BYTES),
            request.payload.data.eq(beat.data),
            request.payload.strobe.eq(~0),
            self.i.ready.eq((room & request.ready) | bad),
            response.ready.eq(1),
            waiting.o.ready.eq(taken & beat.last),
            self.burst_ended.eq(taken & beat.last),
            self.failed.eq((taken & bad) | (response.valid & response.payload.error)),
            self.idle.eq(unanswered == 0),
        ]
        m.d.sync += unanswered.eq(unanswered + (request.valid & request.ready) - response.valid)
        with m.If(taken):
            m.d.sync += done.eq(Mux(beat.last, 0, done + 1))
        return m


class WriteOut(wiring.Component):
    """Reads consecutive local words, from each burst's address on, as W beats.

    A word whose read failed goes out without strobes.

    *Timing*: one beat a cycle, no combinational paths. ``failed`` in the cycle of an error.
    ``idle``: every beat of the bursts taken has left.

    *Parameters*: ``address_width`` in bits, ``bursts`` that may be outstanding.

    *Members*: ``bursts``, ``o``, ``bus``, ``failed``, ``idle``.
    """

    BUFFER_WORDS = 16

    bursts: stream.Interface
    o: stream.Interface
    bus: wiring.PureInterface
    failed: Signal
    idle: Signal

    def __init__(self, *, address_width: int, bursts: int):
        self.address_width = address_width
        self.depth = bursts
        super().__init__({
            "bursts": In(stream.Signature(burst_layout(address_width))),
            "o": Out(stream.Signature(WriteBeat)),
            "bus": Out(LocalBus(address_width)),
            "failed": Out(1),
            "idle": Out(1),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.unread = unread = Queue(burst_layout(self.address_width), depth=self.depth)
        m.submodules.lengths = lengths = Queue(range(BURST_BEATS), depth=self.depth)
        m.submodules.words = words = Queue(self.bus.response.payload.shape(),
                                           depth=self.BUFFER_WORDS)
        request, response = self.bus.request, self.bus.response
        asked = Signal(range(BURST_BEATS))  # words of the burst
        # Places of the buffer that are taken or promised to a read under way.
        reserved = Signal(range(self.BUFFER_WORDS + 1))
        sent = Signal(range(BURST_BEATS))
        asks = request.valid & request.ready
        leaves = self.o.valid & self.o.ready
        beat = self.o.payload
        burst = unread.o.payload
        m.d.comb += [
            unread.i.payload.eq(self.bursts.payload),
            lengths.i.payload.eq(self.bursts.payload.len),
            # A burst's length leaves the queue last: where there is room for it, there is for all.
            self.bursts.ready.eq(lengths.i.ready),
            unread.i.valid.eq(self.bursts.valid & lengths.i.ready),
            lengths.i.valid.eq(self.bursts.valid),
            request.valid.eq(unread.o.valid & (reserved != self.BUFFER_WORDS)),
            request.payload.address.eq(burst.address + asked * WORD_BYTES),
            unread.o.ready.eq(asks & (asked == burst.len)),
            words.i.valid.eq(response.valid),
            words.i.payload.eq(response.payload),
            response.ready.eq(1),
            self.failed.eq(response.valid & response.payload.error),
            self.o.valid.eq(words.o.valid),
            beat.data.eq(words.o.payload.data),
            beat.strb.eq((~words.o.payload.error).replicate(WORD_BYTES)),
            beat.last.eq(sent == lengths.o.payload),
            words.o.ready.eq(self.o.ready),
            lengths.o.ready.eq(leaves & beat.last),
            self.idle.eq(~unread.o.valid & (reserved == 0)),
        ]
        m.d.sync += reserved.eq(reserved + asks - leaves)
        with m.If(asks):
            m.d.sync += asked.eq(Mux(unread.o.ready, 0, asked + 1))
        with m.If(leaves):
            m.d.sync += sent.eq(Mux(beat.last, 0, sent + 1))
        return m
