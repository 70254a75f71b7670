# SPDX-License-Identifier: Apache-2.0
"""The two directions of the DMA, between AXI4 data channels and the local bus."""

from amaranth import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..stream import Queue
from .local import WORD_BYTES, LocalBus

__all__ = ["BURSTS", "BURST_BEATS", "ReadBeat", "ReadIn", "WriteBeat", "WriteOut"]

BURST_BEATS = 16
BURSTS = 4

ReadBeat = data.StructLayout({"data": 8 * WORD_BYTES, "resp": 2, "last": 1})
WriteBeat = data.StructLayout({"data": 8 * WORD_BYTES, "strb": WORD_BYTES, "last": 1})


class ReadIn(wiring.Component):
    """Writes R beats to consecutive local words, from ``address`` at ``start`` on.

    The word of a beat with an error response keeps its value.

    *Timing*: one beat a cycle, combinational from ``i`` to ``bus.request``. ``burst_ended`` in the
    cycle in which a last beat is taken; ``failed`` in the cycle of an error. ``idle``: every write
    was answered.

    *Parameters*: ``address_width`` in bits.

    *Members*: ``start``, ``address``, ``i``, ``bus``, ``burst_ended``, ``failed``, ``idle``.
    """

    UNANSWERED = 15

    start: Signal
    address: Signal
    i: stream.Interface
    bus: wiring.PureInterface
    burst_ended: Signal
    failed: Signal
    idle: Signal

    def __init__(self, *, address_width: int):
        super().__init__({
            "start": In(1),
            "address": In(address_width),
            "i": In(stream.Signature(ReadBeat)),
            "bus": Out(LocalBus(address_width)),
            "burst_ended": Out(1),
            "failed": Out(1),
            "idle": Out(1),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        request, response = self.bus.request, self.bus.response
        beat = self.i.payload
        address = Signal.like(self.address)
        unanswered = Signal(range(self.UNANSWERED + 1))
        room = unanswered != self.UNANSWERED
        bad = beat.resp[1]
        taken = self.i.valid & self.i.ready
        m.d.comb += [
            request.valid.eq(self.i.valid & room & ~bad),
            request.payload.write.eq(1),
            request.payload.address.eq(address),
            request.payload.data.eq(beat.data),
            request.payload.strobe.eq(~0),
            self.i.ready.eq((room & request.ready) | bad),
            response.ready.eq(1),
            self.burst_ended.eq(taken & beat.last),
            self.failed.eq((taken & bad) | (response.valid & response.payload.error)),
            self.idle.eq(unanswered == 0),
        ]
        m.d.sync += unanswered.eq(unanswered + (request.valid & request.ready) - response.valid)
        with m.If(taken):
            m.d.sync += address.eq(address + WORD_BYTES)
        with m.If(self.start):
            m.d.sync += address.eq(self.address)
        return m


class WriteOut(wiring.Component):
    """Reads consecutive local words, from ``address`` at ``start`` on, as the W beats of bursts.

    ``i`` brings the length of each burst as ``AxLEN``, at most ``BURSTS`` ahead of its last beat.
    A word whose read failed goes out without strobes.

    *Timing*: one beat a cycle, no combinational paths. ``failed`` in the cycle of an error.
    ``idle``: every beat of the bursts taken has left.

    *Parameters*: ``address_width`` in bits.

    *Members*: ``start``, ``address``, ``i``, ``o``, ``bus``, ``failed``, ``idle``.
    """

    BUFFER_WORDS = 16

    start: Signal
    address: Signal
    i: stream.Interface
    o: stream.Interface
    bus: wiring.PureInterface
    failed: Signal
    idle: Signal

    def __init__(self, *, address_width: int):
        super().__init__({
            "start": In(1),
            "address": In(address_width),
            "i": In(stream.Signature(range(BURST_BEATS))),
            "o": Out(stream.Signature(WriteBeat)),
            "bus": Out(LocalBus(address_width)),
            "failed": Out(1),
            "idle": Out(1),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.lengths = lengths = Queue(range(BURST_BEATS), depth=BURSTS)
        m.submodules.words = words = Queue(self.bus.response.payload.shape(),
                                           depth=self.BUFFER_WORDS)
        request, response = self.bus.request, self.bus.response
        address = Signal.like(self.address)
        unasked = Signal(range(BURSTS * BURST_BEATS + 1))
        # Places of the buffer that are taken or promised to a read under way.
        reserved = Signal(range(self.BUFFER_WORDS + 1))
        sent = Signal(range(BURST_BEATS))
        asked = request.valid & request.ready
        taken = self.i.valid & self.i.ready
        leaves = self.o.valid & self.o.ready
        beat = self.o.payload
        m.d.comb += [
            lengths.i.valid.eq(self.i.valid),
            lengths.i.payload.eq(self.i.payload),
            self.i.ready.eq(lengths.i.ready),
            request.valid.eq((unasked != 0) & (reserved != self.BUFFER_WORDS)),
            request.payload.address.eq(address),
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
            self.idle.eq((unasked == 0) & (reserved == 0)),
        ]
        m.d.sync += reserved.eq(reserved + asked - leaves)
        with m.If(taken):
            m.d.sync += unasked.eq(unasked + self.i.payload + 1 - asked)
        with m.Else():
            m.d.sync += unasked.eq(unasked - asked)
        with m.If(leaves):
            m.d.sync += sent.eq(sent + 1)
            with m.If(beat.last):
                m.d.sync += sent.eq(0)
        with m.If(asked):
            m.d.sync += address.eq(address + WORD_BYTES)
        with m.If(self.start):
            m.d.sync += address.eq(self.address)
        return m
