# SPDX-License-Identifier: Apache-2.0
"""The bridge: requests on a byte stream become AXI transfers, and answers go back."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out, connect, flipped

from ..bus.axi import Axi4, AxiLite, Burst
from .framing import CRC_BYTES, Deframer, Framer
from .protocol import (
    BURST_BOUNDARY,
    HEADER,
    IDENTITY,
    MAGIC,
    REGISTER_BYTES,
    VERSION,
    WINDOW_BYTES,
    WORDS,
    Status,
)
from .uart import ReceivedByte

__all__ = ["Bridge"]

BUFFER = WORDS * WINDOW_BYTES
TOKEN_BYTES = 4
FIXED_BYTES = IDENTITY.size - TOKEN_BYTES


class _Header(StructLayout):
    """As ``HEADER`` packs it; the command's bits are those of ``Command``."""

    def __init__(self):
        super().__init__({"write": 1, "access": 1, "window": 1, "unused": 5, "sequence": 8,
                          "words": 8, "address": 32})


class Bridge(wiring.Component):
    """Serves the requests of ``protocol``, one at a time.

    *Timing*: an answer begins when the request has been carried out; words read go out as they
    come, so that R is held off meanwhile. A request in which nothing comes for ``timeout`` cycles
    is forgotten. A request that the accelerator never answers hangs.

    *Parameters*: ``control_width``, ``window_width``: address bits of the two ports, at most 32;
    ``id_width``; ``clock_hz``, ``baud``: what IDENTIFY tells; ``timeout`` in cycles.

    *Members*: ``i``, ``o`` (bytes), ``m_axil``, ``m_axi``, ``token``: 0 after a reset.
    """

    i: stream.Interface
    o: stream.Interface
    m_axil: wiring.PureInterface
    m_axi: wiring.PureInterface
    token: Signal

    def __init__(self, *, control_width: int, window_width: int, id_width: int = 4,
                 clock_hz: int, baud: int, timeout: int):
        for name, width in (("Control", control_width), ("Window", window_width)):
            if not 12 <= width <= 32:
                raise ValueError(f"{name} address width must be from 12 to 32, not {width!r}")
        for name, value in (("Clock", clock_hz), ("Baud rate", baud)):
            if not 0 < value < 1 << 32:
                raise ValueError(f"{name} must be from 1 to {(1 << 32) - 1}, not {value!r}")
        self.control_width = control_width
        self.window_width = window_width
        self.clock_hz = clock_hz
        self.baud = baud
        self.timeout = timeout
        super().__init__({
            "i": In(stream.Signature(ReceivedByte(), always_ready=True)),
            "o": Out(stream.Signature(8)),
            "m_axil": Out(AxiLite(control_width)),
            "m_axi": Out(Axi4(window_width, 8 * WINDOW_BYTES, id_width)),
            "token": Out(8 * TOKEN_BYTES),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.deframer = deframer = Deframer(timeout=self.timeout)
        m.submodules.framer = framer = Framer()
        connect(m, flipped(self.i), deframer.i)
        connect(m, framer.o, flipped(self.o))
        m.submodules.buffer = buffer = memory.Memory(shape=8, depth=BUFFER, init=[])
        store, fetch = buffer.write_port(), buffer.read_port()

        header = Signal(_Header())
        missing = Signal(range(HEADER.size + 1))   # bytes of the header
        index = Signal(range(2 * BUFFER))          # byte behind the header, or of the answer
        lane = Signal(range(WINDOW_BYTES))         # byte of the word
        left = Signal(range(WORDS + 1))            # words
        value = Signal(8 * WINDOW_BYTES)           # to write
        latest = Signal(8)                         # sequence number of what was carried out
        armed = Signal()
        status = Signal(Status)
        error = Signal()                           # of what was carried out
        addressing = Signal()                      # an address is on its way

        window, control = self.m_axi, self.m_axil
        size = Mux(header.window, WINDOW_BYTES, REGISTER_BYTES)
        last_lane = lane == size - 1
        m.d.comb += [
            store.addr.eq(index),
            store.data.eq(deframer.o.payload),
            store.en.eq(deframer.o.valid & (missing == 0) & ~index[-1]),
            fetch.addr.eq(index),
            *self._constants(header),
            window.wdata.eq(value),
            control.wdata.eq(value[8 * (WINDOW_BYTES - REGISTER_BYTES):]),
            window.wlast.eq(left == 1),
        ]

        def offer(byte, *, last=0) -> None:
            m.d.comb += [framer.i.valid.eq(1), framer.i.payload.data.eq(byte),
                         framer.i.payload.last.eq(last)]

        def next_register() -> None:
            m.d.sync += header.address[2:12].eq(header.address[2:12] + 1)

        read_valid = Mux(header.window, window.rvalid, control.rvalid)
        read_byte = Mux(header.window, window.rdata.word_select(lane, 8),
                        control.rdata.word_select(lane[:2], 8))
        read_error = Mux(header.window, window.rresp[1], control.rresp[1])

        with m.FSM():
            with m.State("Receive"):
                m.d.comb += deframer.enable.eq(1)
                m.d.sync += status.eq(Status.GARBLED)
                with m.If(deframer.start):
                    m.d.sync += [missing.eq(HEADER.size), index.eq(0)]
                with m.Elif(deframer.o.valid):
                    with m.If(missing != 0):
                        m.d.sync += [
                            missing.eq(missing - 1),
                            header.eq(Cat(header.as_value()[8:], deframer.o.payload)),
                        ]
                    with m.Elif(~index.all()):
                        m.d.sync += index.eq(index + 1)
                with m.If(deframer.end):
                    m.next = "Answer"
                    with m.If(deframer.good):
                        m.next = "Check"
            with m.State("Check"):
                m.d.sync += [status.eq(Status.OK), index.eq(0), lane.eq(0),
                             left.eq(header.words)]
                m.next = "Answer"
                with m.If((missing != 0) | self._is_bad(m, header, index)):
                    m.d.sync += status.eq(Status.BAD_COMMAND)
                with m.Elif(header.access & ~armed):
                    m.d.sync += status.eq(Status.NOT_ARMED)
                with m.Elif(header.access | header.write):
                    m.d.sync += latest.eq(header.sequence)
                    with m.If(~header.access):
                        m.d.sync += [armed.eq(1), self.token.eq(header.address)]
                    with m.Elif(~header.write | (header.sequence != latest)):
                        m.d.sync += [error.eq(0), addressing.eq(1)]
                        with m.If(header.write):
                            m.next = "Fetch"
            with m.State("Fetch"):
                m.next = "Shift"
            with m.State("Shift"):
                m.d.sync += [value.eq(Cat(value[8:], fetch.data)), index.eq(index + 1),
                             lane.eq(lane + 1)]
                m.next = "Fetch"
                with m.If(last_lane):
                    m.d.sync += lane.eq(0)
                    m.next = "Write"
            with m.State("Write"):
                m.d.comb += [window.wvalid.eq(header.window), control.wvalid.eq(~header.window)]
                with m.If(Mux(header.window, window.wready, control.wready)):
                    m.d.sync += left.eq(left - 1)
                    m.next = "Fetch"
                    with m.If(~header.window | (left == 1)):
                        m.next = "Acknowledge"
            with m.State("Acknowledge"):
                m.d.comb += [window.bready.eq(header.window), control.bready.eq(~header.window)]
                with m.If(Mux(header.window, window.bvalid, control.bvalid)):
                    m.d.sync += error.eq(error | Mux(
                        header.window, window.bresp[1], control.bresp[1]))
                    m.next = "Answer"
                    with m.If(left != 0):
                        next_register()
                        m.d.sync += addressing.eq(1)
                        m.next = "Fetch"
            with m.State("Answer"):
                offer(header.sequence)
                with m.If(framer.i.ready):
                    m.next = "End"
                    with m.If((status == Status.OK) & ~header.write):
                        m.next = "Identify"
                        with m.If(header.access):
                            m.next = "Read"
            with m.State("Identify"):
                offer(self._identity(index))
                with m.If(framer.i.ready):
                    m.d.sync += index.eq(index + 1)
                    with m.If(index == IDENTITY.size - 1):
                        m.next = "End"
            with m.State("Read"):
                with m.If(read_valid):
                    offer(read_byte)
                    with m.If(framer.i.ready):
                        m.d.sync += lane.eq(lane + 1)
                        with m.If(last_lane):
                            m.d.comb += [window.rready.eq(header.window),
                                         control.rready.eq(~header.window)]
                            m.d.sync += [lane.eq(0), left.eq(left - 1),
                                         error.eq(error | read_error)]
                            with m.If(left == 1):
                                m.next = "End"
                            with m.Elif(~header.window):
                                next_register()
                                m.d.sync += addressing.eq(1)
            with m.State("End"):
                failed = (status == Status.OK) & header.access & error
                offer(Mux(failed, Status.BUS_ERROR, status), last=1)
                with m.If(framer.i.ready):
                    m.next = "Receive"

        for port, chosen in ((window, header.window), (control, ~header.window)):
            m.d.comb += [port.awvalid.eq(addressing & chosen & header.write),
                         port.arvalid.eq(addressing & chosen & ~header.write)]
            with m.If((port.awvalid & port.awready) | (port.arvalid & port.arready)):
                m.d.sync += addressing.eq(0)
        return m

    def _constants(self, header) -> list:
        """Addresses, and what is the same in every transfer."""
        statements = [self.m_axil.wstrb.eq(-1), self.m_axi.wstrb.eq(-1)]
        for channel in ("aw", "ar"):
            statements += [
                getattr(self.m_axil, f"{channel}addr").eq(header.address),
                getattr(self.m_axi, f"{channel}addr").eq(header.address),
                getattr(self.m_axi, f"{channel}len").eq(header.words - 1),
                getattr(self.m_axi, f"{channel}size").eq(WINDOW_BYTES.bit_length() - 1),
                getattr(self.m_axi, f"{channel}burst").eq(Burst.INCR),
            ]
        return statements

    def _is_bad(self, m: Module, header, index):
        """Whether a request with ``index`` bytes behind its header is none."""
        size = Mux(header.window, header.words << 3, header.words << 2)
        length = Mux(header.access & header.write, size, 0)
        first = header.address % BURST_BOUNDARY >> 3
        bad = Signal()
        m.d.comb += bad.eq(header.unused.any() | (header.window & ~header.access)
                           | (index != length + CRC_BYTES))
        with m.If(header.access):
            with m.If((header.words == 0) | (header.words > WORDS)
                      | header.address[:2].any()):
                m.d.comb += bad.eq(1)
            with m.If(header.window):
                with m.If(header.address[2] | (header.address >> self.window_width).any()
                          | (first + header.words > BURST_BOUNDARY // WINDOW_BYTES)):
                    m.d.comb += bad.eq(1)
            with m.Elif((header.address >> self.control_width).any()):
                m.d.comb += bad.eq(1)
        with m.Elif(header.write & (header.address == 0)):
            m.d.comb += bad.eq(1)
        return bad

    def _identity(self, index):
        """Byte ``index`` of what IDENTIFY answers."""
        fixed = IDENTITY.pack(MAGIC, VERSION, WORDS, self.clock_hz, self.baud, 0)[:FIXED_BYTES]
        rom = Const(int.from_bytes(fixed, "little"), 8 * FIXED_BYTES)
        return Mux(index >= FIXED_BYTES, self.token.word_select(index[:2], 8),
                   rom.word_select(index[:4], 8))
