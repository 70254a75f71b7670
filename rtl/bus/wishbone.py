# SPDX-License-Identifier: Apache-2.0
"""Wishbone B4 (classic, standard cycles), and its adapters onto registers and local bus."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from .axi import AxiLite, Response
from .local import WORD_BYTES, LocalBus

__all__ = ["Wishbone", "WishboneRegisters", "WishboneSlave", "WishboneWindow"]

BYTES = 4


class Wishbone(wiring.Signature):
    """Wishbone as its master sees it: classic cycles on 32 bits, bytes chosen by ``sel``.

    These are the signals, names and word addresses of LiteX's ``wishbone.Interface`` at its
    defaults, but ``cti`` and ``bte``: every access is one by itself.

    *Parameters*: ``address_width`` in bits of a byte address, at least 3.

    *Members*: ``adr`` (of a 32-bit word), ``dat_w``, ``dat_r``, ``sel``, ``cyc``, ``stb``, ``we``,
    ``ack``, ``err``.
    """

    def __init__(self, address_width: int):
        if not 3 <= address_width <= 64:
            raise ValueError(f"Wishbone address width must be 3 to 64, not {address_width!r}")
        self.address_width = address_width
        super().__init__({
            "adr": Out(address_width - 2),
            "dat_w": Out(8 * BYTES),
            "dat_r": In(8 * BYTES),
            "sel": Out(BYTES),
            "cyc": Out(1),
            "stb": Out(1),
            "we": Out(1),
            "ack": In(1),
            "err": In(1),
        })

    def __eq__(self, other):
        return type(other) is Wishbone and self.address_width == other.address_width

    def __repr__(self):
        return f"Wishbone({self.address_width})"


class WishboneSlave(wiring.Component):
    """Wishbone slave that turns accesses into a stream of requests, and answers into ``ack`` or
    ``err``.

    A cycle that its master gives up is carried out, since a request that is offered stays, but its
    answer is dropped; until then the next one waits.

    *Timing*: one access at a time: the request is offered in the cycle after ``stb``, and ``ack``
    or ``err`` is there for one cycle, that after the response: four cycles an access where the
    response takes one. Combinational from ``cyc`` and
    ``stb`` to ``ack`` and ``err`` only, which are never there without both.

    *Parameters*: ``address_width`` in bits of a byte address.

    *Members*: ``s_wb``; ``request`` and ``response``: an access and its outcome.
    """

    s_wb: wiring.PureInterface
    request: stream.Interface
    response: stream.Interface

    def __init__(self, *, address_width: int):
        super().__init__({
            "s_wb": In(Wishbone(address_width)),
            "request": Out(stream.Signature(data.StructLayout({
                "word": address_width - 2, "write": 1, "data": 8 * BYTES, "strobe": BYTES}))),
            "response": In(stream.Signature(data.StructLayout({"data": 8 * BYTES, "error": 1}))),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        bus, request, response = self.s_wb, self.request, self.response
        asked = Signal()
        given_up = Signal()
        good = Signal()
        bad = Signal()
        m.d.comb += asked.eq(bus.cyc & bus.stb)
        with m.FSM():
            with m.State("Idle"):
                with m.If(asked):
                    m.d.sync += [
                        request.payload.word.eq(bus.adr),
                        request.payload.write.eq(bus.we),
                        request.payload.data.eq(bus.dat_w),
                        request.payload.strobe.eq(bus.sel),
                        given_up.eq(0),
                    ]
                    m.next = "Ask"
            with m.State("Ask"):
                m.d.comb += request.valid.eq(1)
                m.d.sync += given_up.eq(given_up | ~asked)
                with m.If(request.ready):
                    m.next = "Wait"
            with m.State("Wait"):
                m.d.comb += response.ready.eq(1)
                m.d.sync += given_up.eq(given_up | ~asked)
                with m.If(response.valid):
                    m.d.sync += [
                        bus.dat_r.eq(response.payload.data),
                        good.eq(~response.payload.error),
                        bad.eq(response.payload.error),
                    ]
                    m.next = "Answer"
                    with m.If(given_up | ~asked):
                        m.next = "Idle"
            with m.State("Answer"):
                m.d.comb += [bus.ack.eq(asked & good), bus.err.eq(asked & bad)]
                m.next = "Idle"
        return m


class WishboneRegisters(wiring.Component):
    """Wishbone slave in front of an AXI4-Lite one of 32 bits, as the register file is.

    *Timing*: as ``WishboneSlave``; one access at a time.

    *Parameters*: ``address_width`` in bits of a byte address.

    *Members*: ``s_wb``, ``m_axil``.
    """

    s_wb: wiring.PureInterface
    m_axil: wiring.PureInterface

    def __init__(self, *, address_width: int):
        self.address_width = address_width
        super().__init__({
            "s_wb": In(Wishbone(address_width)),
            "m_axil": Out(AxiLite(address_width)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.slave = slave = WishboneSlave(address_width=self.address_width)
        connect(m, flipped(self.s_wb), slave.s_wb)
        bus, request, response = self.m_axil, slave.request, slave.response
        asks = request.payload
        address_sent = Signal()
        data_sent = Signal()
        address_goes = Signal()
        data_goes = Signal()
        m.d.comb += [
            bus.araddr.eq(Cat(0, 0, asks.word)),
            bus.awaddr.eq(Cat(0, 0, asks.word)),
            bus.wdata.eq(asks.data),
            bus.wstrb.eq(asks.strobe),
            bus.arvalid.eq(request.valid & ~asks.write),
            bus.awvalid.eq(request.valid & asks.write & ~address_sent),
            bus.wvalid.eq(request.valid & asks.write & ~data_sent),
            address_goes.eq(bus.awvalid & bus.awready),
            data_goes.eq(bus.wvalid & bus.wready),
            request.ready.eq(Mux(asks.write,
                                 (address_goes | address_sent) & (data_goes | data_sent),
                                 bus.arready)),
            bus.bready.eq(response.ready & asks.write),
            bus.rready.eq(response.ready & ~asks.write),
            response.valid.eq(Mux(asks.write, bus.bvalid, bus.rvalid)),
            response.payload.data.eq(bus.rdata),
            response.payload.error.eq(
                Mux(asks.write, bus.bresp, bus.rresp) != Response.OKAY),
        ]
        with m.If(request.valid & request.ready):
            m.d.sync += [address_sent.eq(0), data_sent.eq(0)]
        with m.Else():
            m.d.sync += [address_sent.eq(address_sent | address_goes),
                         data_sent.eq(data_sent | data_goes)]
        return m


class WishboneWindow(wiring.Component):
    """Wishbone slave that shows the local bus as memory, in halves of its words.

    A word that the local bus answers with an error is answered with ``err``.

    *Timing*: as ``WishboneSlave``; one access at a time.

    *Parameters*: ``address_width`` in bits of a byte address.

    *Members*: ``s_wb``, ``bus``.
    """

    s_wb: wiring.PureInterface
    bus: wiring.PureInterface

    def __init__(self, *, address_width: int):
        self.address_width = address_width
        super().__init__({
            "s_wb": In(Wishbone(address_width)),
            "bus": Out(LocalBus(address_width)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.slave = slave = WishboneSlave(address_width=self.address_width)
        connect(m, flipped(self.s_wb), slave.s_wb)
        asks, answer = slave.request.payload, self.bus.response.payload
        target = self.bus.request.payload
        half = asks.word[0]
        m.d.comb += [
            self.bus.request.valid.eq(slave.request.valid),
            slave.request.ready.eq(self.bus.request.ready),
            target.address.eq(asks.word[1:] << WORD_BYTES.bit_length() - 1),
            target.write.eq(asks.write),
            target.data.eq(asks.data.replicate(WORD_BYTES // BYTES)),
            target.strobe.word_select(half, BYTES).eq(asks.strobe),
            slave.response.valid.eq(self.bus.response.valid),
            self.bus.response.ready.eq(slave.response.ready),
            slave.response.payload.data.eq(answer.data.word_select(half, 8 * BYTES)),
            slave.response.payload.error.eq(answer.error),
        ]
        return m
