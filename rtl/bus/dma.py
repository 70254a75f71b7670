# SPDX-License-Identifier: Apache-2.0
"""The DMA: copies between an AXI4 memory and the local bus."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect

from ..stream import Queue
from .axi import Axi4, Burst
from .local import WORD_BYTES, LocalBus
from .transfer import BURST_BEATS, ReadBeat, ReadIn, WriteOut

__all__ = ["Dma", "DmaCommand"]

_WORD_SIZE = WORD_BYTES.bit_length() - 1
_PAGE_WORDS = 4096 // WORD_BYTES
_CACHE = 0b0011  # normal, non-cacheable, bufferable

DmaCommand = data.StructLayout({
    "external": 64,
    "local": 32,
    "length": 32,
    "more": 16,
    "external_step": 32,
    "local_step": 32,
    "write_out": 1,
    "chained": 1,
})
"""Bytes: ``length`` of a segment, of which there are ``more`` behind the first, each ``*_step``
behind the one before. ``chained``: it may begin before a chained one in the same direction has
ended."""


class Dma(wiring.Component):
    """Copies segments of ``length`` bytes from ``external`` to ``local``, or back if ``write_out``.

    Uses INCR bursts of 64-bit beats, up to ``BURST_BEATS`` long, none across a 4 KiB boundary.
    A segment fails (``error``) without any access if an address or the length is not
    a multiple of 8 or the local range leaves the local address space. It fails when AXI or the
    local bus answers with an error: no further burst is started, and a word whose read failed is
    not written. Length 0 succeeds. ``external`` plus ``length`` must not exceed 2^64.

    *Timing*: one beat a cycle as far as both sides take them, with up to ``bursts`` bursts
    outstanding: ``bursts * BURST_BEATS`` words hide a memory's latency of as many cycles. ``done``
    is high for the one cycle in which a command ends; ``error`` says how and holds until the next
    command is taken. ``done`` comes only when every burst has been answered and every local write
    too. After ``stop`` (a pulse or longer) no further burst is started; once the outstanding ones
    are complete the command ends without ``done``, and while ``stop`` is high no command is taken.
    A chained command is done with its last burst, in that cycle, and bursts of the next one may be
    outstanding then; ``error`` there concerns all that are. ``beat`` is high when 8 bytes cross the
    AXI port; ``stall`` when only the AXI side keeps a transfer waiting: for data or, writing, for
    readiness or B. The local bus's responses are always taken at once. No combinational paths
    between AXI inputs and outputs.

    *Parameters*: ``address_width`` (local) in bits, ``id_width`` in bits, ``bursts`` outstanding,
    at least 1; the identifier is 0.

    *Members*: ``i`` (``DmaCommand``), ``stop``, ``busy``, ``done``, ``error``, ``beat``,
    ``stall``, ``m_axi``, ``bus``.
    """

    BURST_BEATS = BURST_BEATS

    i: stream.Interface
    stop: Signal
    busy: Signal
    done: Signal
    error: Signal
    beat: Signal
    stall: Signal
    m_axi: wiring.PureInterface
    bus: wiring.PureInterface

    def __init__(self, *, address_width: int, id_width: int = 4, bursts: int = 4):
        if not 4 <= address_width <= 32:
            raise ValueError(f"Local address width must be from 4 to 32, not {address_width!r}")
        if bursts < 1:
            raise ValueError(f"Outstanding bursts must be at least 1, not {bursts!r}")
        self.bursts = bursts
        self.address_width = address_width
        self.id_width = id_width
        super().__init__({
            "i": In(stream.Signature(DmaCommand)),
            "stop": In(1),
            "busy": Out(1),
            "done": Out(1),
            "error": Out(1),
            "beat": Out(1),
            "stall": Out(1),
            "m_axi": Out(Axi4(64, 8 * WORD_BYTES, id_width)),
            "bus": Out(LocalBus(address_width)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.reader = reader = ReadIn(
            address_width=self.address_width, bursts=self.bursts)
        m.submodules.writer = writer = WriteOut(
            address_width=self.address_width, bursts=self.bursts)
        m.submodules.bursts = bursts = Queue(
            data.StructLayout({"addr": 64, "len": range(BURST_BEATS)}), depth=2)
        m.submodules.read_beats = read_beats = Queue(ReadBeat, depth=2)
        connect(m, read_beats.o, reader.i)

        axi = self.m_axi
        command = Signal(DmaCommand)  # its addresses and length: what is left of the segment
        segment = Signal(data.StructLayout({"external": 64, "local": 32, "length": 32}))
        beats = Signal(range(BURST_BEATS + 1))
        outstanding = Signal(range(self.bursts + 1))
        stopping = Signal()
        settled = Signal()
        issue = Signal()
        ended = Signal()
        final = Signal()  # the burst at hand is a chained command's last one
        promised = Signal()  # ... and is outstanding, or was: the command is done with it
        # One for each outstanding burst.
        m.submodules.finals = finals = Queue(1, depth=self.bursts)
        m.d.comb += [
            settled.eq((outstanding == 0) & reader.idle & writer.idle),
            ended.eq(reader.burst_ended | (axi.bvalid & axi.bready)),
            final.eq(command.chained & (command.more == 0)
                     & (command.length == beats * WORD_BYTES)),
            finals.i.valid.eq(issue),
            finals.i.payload.eq(final),
            finals.o.ready.eq(ended),
        ]
        m.d.sync += outstanding.eq(outstanding + issue - ended)
        with m.If(issue):
            m.d.sync += promised.eq(final)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += promised.eq(0)
        with m.If(self.busy & self.stop):
            m.d.sync += stopping.eq(1)
        fails = Signal()
        m.d.comb += fails.eq(
            reader.failed | writer.failed | (axi.bvalid & axi.bready & axi.bresp[1]))
        with m.If(fails):
            m.d.sync += self.error.eq(1)
        halted = self.stop | stopping | self.error

        with m.FSM() as fsm:
            with m.State("Idle"):
                m.d.comb += self.i.ready.eq(~self.stop)
                with m.If(self.i.valid & self.i.ready):
                    m.d.sync += [command.eq(self.i.payload), stopping.eq(0), self.error.eq(0)]
                    m.d.sync += [segment[name].eq(self.i.payload[name])
                                 for name in ("external", "local", "length")]
                    m.next = "Check"
            with m.State("Check"):
                m.next = "Plan"
                with m.If(self._malformed(command)):
                    m.d.sync += self.error.eq(1)
                    m.next = "Settle"
            with m.State("Plan"):
                m.d.sync += beats.eq(_burst_beats(command))
                m.next = "Issue"
                with m.If(halted | ((command.length == 0) & (command.more == 0))):
                    m.next = "Settle"
                with m.Elif(command.length == 0):
                    m.next = "Segment"
            with m.State("Segment"):
                external = segment.external + command.external_step
                local = segment.local + command.local_step
                m.d.sync += [
                    segment.external.eq(external), segment.local.eq(local),
                    command.external.eq(external), command.local.eq(local),
                    command.length.eq(segment.length), command.more.eq(command.more - 1),
                ]
                m.next = "Check"
            with m.State("Issue"):
                with m.If(halted):
                    m.next = "Settle"
                with m.Elif((outstanding != self.bursts) & bursts.i.ready):
                    m.d.comb += issue.eq(1)
                    m.d.sync += [
                        command.external.eq(command.external + beats * WORD_BYTES),
                        command.local.eq(command.local + beats * WORD_BYTES),
                        command.length.eq(command.length - beats * WORD_BYTES),
                    ]
                    m.next = "Plan"
            with m.State("Settle"):
                following = self.i.payload
                with m.If(settled):
                    with m.If(~stopping & (~promised | self.error)):
                        m.d.comb += self.done.eq(1)
                    m.next = "Idle"
                with m.Elif(~halted & promised & following.chained
                            & (following.write_out == command.write_out)):
                    m.d.comb += self.i.ready.eq(1)
                    with m.If(self.i.valid):
                        m.d.sync += [command.eq(following)]
                        m.d.sync += [segment[name].eq(following[name])
                                     for name in ("external", "local", "length")]
                        m.next = "Check"
        with m.If(ended & finals.o.payload & ~(fails | self.error)):
            m.d.comb += self.done.eq(1)
        m.d.comb += [
            self.busy.eq(~fsm.ongoing("Idle")),
            bursts.i.valid.eq(issue),
            bursts.i.payload.addr.eq(command.external),
            bursts.i.payload.len.eq(beats - 1),
            # They have room for every outstanding burst.
            reader.bursts.valid.eq(issue & ~command.write_out),
            writer.bursts.valid.eq(issue & command.write_out),
        ]
        for side in (reader, writer):
            m.d.comb += [side.bursts.payload.address.eq(command.local),
                         side.bursts.payload.len.eq(beats - 1)]
        self._connect_local(m, reader.bus, writer.bus, command.write_out)
        self._connect_axi(m, bursts.o, read_beats.i, writer.o, command.write_out)

        m.d.comb += self.beat.eq((axi.rvalid & axi.rready) | (axi.wvalid & axi.wready))
        with m.If(outstanding == 0):
            m.d.comb += self.stall.eq(0)
        with m.Elif(command.write_out):
            m.d.comb += self.stall.eq((axi.wvalid & ~axi.wready) | writer.idle)
        with m.Else():
            m.d.comb += self.stall.eq(~read_beats.o.valid)
        return m

    def _malformed(self, command):
        end = command.local + command.length
        return ((command.external | command.local | command.length)[:_WORD_SIZE].any()
                | (end > 1 << self.address_width))

    def _connect_local(self, m: Module, reader, writer, write_out):
        for bus, active in ((reader, ~write_out), (writer, write_out)):
            with m.If(active):
                m.d.comb += [
                    self.bus.request.payload.eq(bus.request.payload),
                    self.bus.request.valid.eq(bus.request.valid),
                    bus.request.ready.eq(self.bus.request.ready),
                    bus.response.valid.eq(self.bus.response.valid),
                    self.bus.response.ready.eq(bus.response.ready),
                ]
            m.d.comb += bus.response.payload.eq(self.bus.response.payload)

    def _connect_axi(self, m: Module, bursts, read_beats, write_beats, write_out):
        axi = self.m_axi
        for channel in ("ar", "aw"):
            for name, value in (("addr", bursts.payload.addr), ("len", bursts.payload.len),
                                ("size", _WORD_SIZE), ("burst", Burst.INCR), ("cache", _CACHE)):
                m.d.comb += getattr(axi, f"{channel}{name}").eq(value)
        m.d.comb += [
            axi.arvalid.eq(bursts.valid & ~write_out),
            axi.awvalid.eq(bursts.valid & write_out),
            bursts.ready.eq(Mux(write_out, axi.awready, axi.arready)),
            read_beats.valid.eq(axi.rvalid),
            axi.rready.eq(read_beats.ready),
            axi.wvalid.eq(write_beats.valid),
            write_beats.ready.eq(axi.wready),
            axi.bready.eq(1),
        ]
        for name in ("data", "resp", "last"):
            m.d.comb += read_beats.payload[name].eq(getattr(axi, f"r{name}"))
        for name in ("data", "strb", "last"):
            m.d.comb += getattr(axi, f"w{name}").eq(write_beats.payload[name])


def _burst_beats(command):
    """Beats of the next burst: to the end, to the page's end, or the most there may be."""
    left = command.length[_WORD_SIZE:]
    page = _PAGE_WORDS - command.external[_WORD_SIZE:12]
    beats = Mux(left < BURST_BEATS, left, BURST_BEATS)
    return Mux(page < beats, page, beats)
