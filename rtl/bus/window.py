# SPDX-License-Identifier: Apache-2.0
"""The window: an AXI4 slave onto the local bus."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..stream import Queue
from .axi import Axi4, Response
from .burst import BurstRequest, BurstWalker
from .local import WORD_BYTES, LocalArbiter, LocalBus

__all__ = ["Window", "WindowRead", "WindowWrite"]


class WindowRead(wiring.Component):
    """Read half of ``Window``: bursts in, R beats out.

    Every beat reads its word; a narrow one leaves the choice of bytes to the master. A refused
    burst, and a word that the local bus answers with an error, give SLVERR on their beats only.

    *Timing*: as ``Window``. At most ``outstanding`` beats are asked for and not yet taken.

    *Parameters*: ``address_width``, ``id_width`` in bits, ``outstanding`` beats.

    *Members*: ``i`` (bursts), ``o`` (R channel), ``bus``.
    """

    i: stream.Interface
    o: stream.Interface
    bus: wiring.PureInterface

    def __init__(self, *, address_width: int, id_width: int, outstanding: int):
        self.address_width = address_width
        self.id_width = id_width
        self.outstanding = outstanding
        self.channel = data.StructLayout(
            {"id": id_width, "data": 8 * WORD_BYTES, "resp": 2, "last": 1})
        super().__init__({
            "i": In(stream.Signature(BurstRequest(address_width, id_width))),
            "o": Out(stream.Signature(self.channel)),
            "bus": Out(LocalBus(address_width)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.walker = walker = BurstWalker(
            address_width=self.address_width, id_width=self.id_width)
        m.submodules.asked = asked = Queue(
            data.StructLayout({"id": self.id_width, "last": 1, "refused": 1}),
            depth=self.outstanding)
        m.submodules.answers = answers = Queue(self.channel, depth=self.outstanding)
        connect(m, flipped(self.i), walker.i)
        connect(m, answers.o, flipped(self.o))
        beat = walker.o.payload
        request, response = self.bus.request, self.bus.response

        # A beat is asked for only once its place in the queue of answers is free.
        reserved = Signal(range(self.outstanding + 1))
        room = reserved != self.outstanding
        m.d.sync += reserved.eq(reserved + (walker.o.valid & walker.o.ready)
                                - (answers.o.valid & answers.o.ready))
        m.d.comb += [
            request.valid.eq(walker.o.valid & room & ~beat.refused),
            request.payload.address.eq(beat.address),
            walker.o.ready.eq(room & (request.ready | beat.refused)),
            asked.i.valid.eq(walker.o.valid & walker.o.ready),
            asked.i.payload.id.eq(beat.id),
            asked.i.payload.last.eq(beat.last),
            asked.i.payload.refused.eq(beat.refused),
        ]

        oldest = asked.o.payload
        m.d.comb += [
            response.ready.eq(asked.o.valid & ~oldest.refused),
            asked.o.ready.eq(response.valid | oldest.refused),
            answers.i.valid.eq(asked.o.valid & asked.o.ready),
            answers.i.payload.id.eq(oldest.id),
            answers.i.payload.last.eq(oldest.last),
            answers.i.payload.data.eq(response.payload.data),
            answers.i.payload.resp.eq(Mux(
                oldest.refused | response.payload.error, Response.SLVERR, Response.OKAY)),
        ]
        with m.If(oldest.refused):
            m.d.comb += answers.i.payload.data.eq(0)
        return m


class WindowWrite(wiring.Component):
    """Write half of ``Window``: bursts and W beats in, B out.

    Every beat writes the bytes that its strobes name. The beats of a refused burst are dropped.
    B tells of an error in any beat of its burst; the other beats are written.

    *Timing*: as ``Window``. At most ``outstanding`` beats are unanswered, and at most
    ``outstanding`` bursts have a B that is not taken.

    *Parameters*: ``address_width``, ``id_width`` in bits, ``outstanding``.

    *Members*: ``i`` (bursts), ``i_data`` (W channel), ``o`` (B channel), ``bus``.
    """

    i: stream.Interface
    i_data: stream.Interface
    o: stream.Interface
    bus: wiring.PureInterface

    def __init__(self, *, address_width: int, id_width: int, outstanding: int):
        self.address_width = address_width
        self.id_width = id_width
        self.outstanding = outstanding
        self.channel = data.StructLayout({"id": id_width, "resp": 2})
        super().__init__({
            "i": In(stream.Signature(BurstRequest(address_width, id_width))),
            "i_data": In(stream.Signature(
                data.StructLayout({"data": 8 * WORD_BYTES, "strb": WORD_BYTES}))),
            "o": Out(stream.Signature(self.channel)),
            "bus": Out(LocalBus(address_width)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.walker = walker = BurstWalker(
            address_width=self.address_width, id_width=self.id_width)
        m.submodules.asked = asked = Queue(
            data.StructLayout({"id": self.id_width, "last": 1, "refused": 1}),
            depth=self.outstanding)
        m.submodules.answers = answers = Queue(self.channel, depth=self.outstanding)
        connect(m, flipped(self.i), walker.i)
        connect(m, answers.o, flipped(self.o))
        beat = walker.o.payload
        request, response = self.bus.request, self.bus.response

        # A last beat passes only once the place of its B in the queue of answers is free.
        reserved = Signal(range(self.outstanding + 1))
        present = Signal()
        told = Signal()
        passed = Signal()
        m.d.comb += [
            told.eq(~beat.refused | beat.last),
            present.eq(walker.o.valid & self.i_data.valid & (asked.i.ready | ~told)
                       & (~beat.last | (reserved != self.outstanding))),
            request.valid.eq(present & ~beat.refused),
            request.payload.write.eq(1),
            request.payload.address.eq(beat.address),
            request.payload.data.eq(self.i_data.payload.data),
            request.payload.strobe.eq(self.i_data.payload.strb),
            passed.eq(present & (request.ready | beat.refused)),
            walker.o.ready.eq(passed),
            self.i_data.ready.eq(passed),
            asked.i.valid.eq(passed & told),
            asked.i.payload.id.eq(beat.id),
            asked.i.payload.last.eq(beat.last),
            asked.i.payload.refused.eq(beat.refused),
        ]
        m.d.sync += reserved.eq(reserved + (passed & beat.last)
                                - (answers.o.valid & answers.o.ready))

        oldest = asked.o.payload
        earlier = Signal()
        error = Signal()
        m.d.comb += [
            response.ready.eq(asked.o.valid & ~oldest.refused),
            asked.o.ready.eq(response.valid | oldest.refused),
            error.eq(earlier | oldest.refused | response.payload.error),
            answers.i.valid.eq(asked.o.valid & asked.o.ready & oldest.last),
            answers.i.payload.id.eq(oldest.id),
            answers.i.payload.resp.eq(Mux(error, Response.SLVERR, Response.OKAY)),
        ]
        with m.If(asked.o.valid & asked.o.ready):
            m.d.sync += earlier.eq(error & ~oldest.last)
        return m


class Window(wiring.Component):
    """AXI4 slave, 64 bits wide, that shows the local bus as memory.

    INCR and FIXED bursts of any length, narrow and unaligned ones included. WRAP bursts, sizes
    above 8 bytes and errors of the local bus are answered with SLVERR after all their beats; an
    exclusive access is answered as an ordinary one. Bursts are served in order, reads and writes
    independently of each other: a read may overtake an earlier write whose B has not come.

    *Timing*: one beat a cycle each way as far as the local bus, which both share in turn, takes
    them. No combinational paths between AXI inputs and outputs. Full back-pressure: a channel that
    is held off holds off its own direction only, never the local bus: an answer waits there at
    most while refused beats before it are dealt with.

    *Parameters*: ``address_width``, ``id_width`` in bits; ``outstanding``: beats asked for and not
    answered, each way. The local bus's latency in cycles plus 3 keeps one beat a cycle.

    *Members*: ``s_axi``, ``bus``.
    """

    s_axi: wiring.PureInterface
    bus: wiring.PureInterface

    def __init__(self, *, address_width: int, id_width: int = 4, outstanding: int = 8):
        if outstanding < 1:
            raise ValueError(f"Outstanding beats must be at least 1, not {outstanding!r}")
        self.address_width = address_width
        self.id_width = id_width
        self.outstanding = outstanding
        super().__init__({
            "s_axi": In(Axi4(address_width, 8 * WORD_BYTES, id_width)),
            "bus": Out(LocalBus(address_width)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        axi = self.s_axi
        parameters = {"address_width": self.address_width, "id_width": self.id_width,
                      "outstanding": self.outstanding}
        m.submodules.read = read = WindowRead(**parameters)
        m.submodules.write = write = WindowWrite(**parameters)
        m.submodules.arbiter = arbiter = LocalArbiter(
            address_width=self.address_width, count=2, outstanding=2 * self.outstanding)
        connect(m, read.bus, arbiter.ports[0])
        connect(m, write.bus, arbiter.ports[1])
        connect(m, arbiter.bus, flipped(self.bus))

        def take(channel: str, target):
            """Feed ``target`` from an AXI channel, two places deep."""
            queue = Queue(target.payload.shape(), depth=2)
            m.submodules[f"{channel}_queue"] = queue
            connect(m, queue.o, target)
            m.d.comb += [
                queue.i.valid.eq(getattr(axi, f"{channel}valid")),
                getattr(axi, f"{channel}ready").eq(queue.i.ready),
            ]
            for name, _ in target.payload.shape():
                m.d.comb += queue.i.payload[name].eq(getattr(axi, f"{channel}{name}"))

        def give(source, channel: str):
            """Show ``source`` at an AXI channel."""
            m.d.comb += [
                getattr(axi, f"{channel}valid").eq(source.valid),
                source.ready.eq(getattr(axi, f"{channel}ready")),
            ]
            for name, _ in source.payload.shape():
                m.d.comb += getattr(axi, f"{channel}{name}").eq(source.payload[name])

        take("ar", read.i)
        give(read.o, "r")
        take("aw", write.i)
        take("w", write.i_data)
        give(write.o, "b")
        return m
