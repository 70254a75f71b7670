# SPDX-License-Identifier: Apache-2.0
"""A small window: an AXI4 slave onto the local bus that serves one burst, and one beat, at a time.
"""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .axi import Axi4, Burst, Response
from .local import WORD_BYTES, LocalBus

__all__ = ["SingleWindow"]


class SingleWindow(wiring.Component):
    """AXI4 slave, 64 bits wide, that shows the local bus as memory: ``Window`` without its queues.

    The same bursts are served with the same answers, but a burst, read or write, only begins when
    the one before has ended; waiting reads and writes take turns.

    *Timing*: a beat takes at least 2 cycles more than the local bus. No combinational paths between
    AXI inputs and outputs as long as there is none from request to response on the local bus, nor
    from ``valid`` to ``ready``. A read's answer stays on the local bus until it is taken.

    *Parameters*: ``address_width``, ``id_width`` in bits.

    *Members*: ``s_axi``, ``bus``.
    """

    s_axi: wiring.PureInterface
    bus: wiring.PureInterface

    def __init__(self, *, address_width: int, id_width: int = 4):
        self.address_width = address_width
        self.id_width = id_width
        super().__init__({
            "s_axi": In(Axi4(address_width, 8 * WORD_BYTES, id_width)),
            "bus": Out(LocalBus(address_width)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        axi = self.s_axi
        request, response = self.bus.request, self.bus.response
        write = Signal()
        address = Signal(self.address_width)
        left = Signal(8)       # beats behind this one
        size = Signal(2)
        moves = Signal()
        refused = Signal()
        failed = Signal()      # a beat of the burst
        step = Signal(range(WORD_BYTES + 1))
        last = Signal()
        m.d.comb += [
            step.eq(1 << size),
            last.eq(left == 0),
            request.payload.address.eq(address & -WORD_BYTES),
            request.payload.write.eq(write),
            request.payload.data.eq(axi.wdata),
            request.payload.strobe.eq(axi.wstrb),
            axi.rid.eq(axi.bid),
            axi.rdata.eq(Mux(refused, 0, response.payload.data)),
            axi.rlast.eq(last),
            axi.rresp.eq(Mux(refused | response.payload.error, Response.SLVERR, Response.OKAY)),
            axi.bresp.eq(Mux(failed, Response.SLVERR, Response.OKAY)),
        ]

        def take(channel: str):
            fields = {name: getattr(axi, f"{channel}{name}")
                      for name in ("id", "addr", "len", "size", "burst")}
            m.d.comb += getattr(axi, f"{channel}ready").eq(1)
            m.d.sync += [
                axi.bid.eq(fields["id"]), address.eq(fields["addr"]), left.eq(fields["len"]),
                size.eq(fields["size"]), moves.eq(fields["burst"] == Burst.INCR),
                refused.eq((fields["burst"] > Burst.INCR) | fields["size"][2]), failed.eq(0),
            ]
            m.next = "ASK"

        def next_beat(end: str):
            m.next = "ASK"
            m.d.sync += left.eq(left - 1)
            with m.If(moves):
                m.d.sync += address.eq(address + step)
            with m.If(last):
                m.next = end

        with m.FSM():
            with m.State("IDLE"):
                with m.If(axi.awvalid & ~(axi.arvalid & write)):
                    m.d.sync += write.eq(1)
                    m.next = "TAKE"
                with m.Elif(axi.arvalid):
                    m.d.sync += write.eq(0)
                    m.next = "TAKE"
            with m.State("TAKE"):
                with m.If(write):
                    take("aw")
                with m.Else():
                    take("ar")
            with m.State("ASK"):
                m.d.comb += [
                    request.valid.eq(~refused & (~write | axi.wvalid)),
                    axi.wready.eq(write & (refused | request.ready)),
                ]
                with m.If((refused | request.ready) & (~write | axi.wvalid)):
                    m.next = "ANSWER"
            with m.State("ANSWER"):
                with m.If(write):
                    m.d.comb += response.ready.eq(~refused)
                    with m.If(refused | response.valid):
                        m.d.sync += failed.eq(failed | refused | response.payload.error)
                        next_beat("TELL")
                with m.Else():
                    m.d.comb += [axi.rvalid.eq(refused | response.valid),
                                 response.ready.eq(axi.rready & ~refused)]
                    with m.If(axi.rvalid & axi.rready):
                        next_beat("IDLE")
            with m.State("TELL"):
                m.d.comb += axi.bvalid.eq(1)
                with m.If(axi.bready):
                    m.next = "IDLE"
        return m
