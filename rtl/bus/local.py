# SPDX-License-Identifier: Apache-2.0
"""The local bus onto the core's memories, and its arbiter."""

from amaranth import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..stream import Queue

__all__ = ["WORD_BYTES", "LocalArbiter", "LocalBus", "LocalRequest", "LocalResponse"]

WORD_BYTES = 8


class LocalRequest(data.StructLayout):
    """One access of one 64-bit word.

    *Members*: ``address`` (bytes, a multiple of ``WORD_BYTES``), ``write``, ``data``, ``strobe``
    (one bit a byte, lowest byte first; both without meaning for a read).
    """

    def __init__(self, address_width: int):
        super().__init__({
            "address": address_width,
            "write": 1,
            "data": 8 * WORD_BYTES,
            "strobe": WORD_BYTES,
        })


LocalResponse = data.StructLayout({"data": 8 * WORD_BYTES, "error": 1})


class LocalBus(wiring.Signature):
    """A stream of requests and a stream of responses, as the asker sees them.

    Every request, read or write, is answered by one response, in order. ``data`` has no meaning
    in the answer to a write; after an ``error`` nothing was written.

    *Timing*: a response comes at least one cycle after its request was taken. An asker asks only
    when it has room for the answer, so that answers never block the bus.

    *Parameters*: ``address_width`` in bits of a byte address, at least 4.

    *Members*: ``request``, ``response``.
    """

    def __init__(self, address_width: int):
        if address_width < 4:
            raise ValueError(f"Local address width must be at least 4, not {address_width!r}")
        self.address_width = address_width
        super().__init__({
            "request": Out(stream.Signature(LocalRequest(address_width))),
            "response": In(stream.Signature(LocalResponse)),
        })

    def __eq__(self, other):
        return type(other) is LocalBus and self.address_width == other.address_width

    def __repr__(self):
        return f"LocalBus({self.address_width})"


class LocalArbiter(wiring.Component):
    """Lets ``count`` askers share one local bus, in turn, one request at a time.

    Of the askers that wait, the next one after the latest that was served goes first; a request
    once offered at ``bus`` is not taken back. Responses return to their askers in order.

    *Timing*: no added latency, one request a cycle: combinational from request to request, from
    response to response and, against them, from ready to ready. While ``outstanding`` requests
    are unanswered none is offered. An asker that holds off its response holds off all.

    *Parameters*: ``address_width`` (bits), ``count`` of askers, ``outstanding`` requests; both at
    least 1.

    *Members*: ``ports`` (the askers), ``bus``.
    """

    ports: list[wiring.PureInterface]
    bus: wiring.PureInterface

    def __init__(self, *, address_width: int, count: int = 2, outstanding: int = 8):
        if count < 1:
            raise ValueError(f"Arbiter ports must be at least 1, not {count!r}")
        if outstanding < 1:
            raise ValueError(f"Outstanding requests must be at least 1, not {outstanding!r}")
        self.count = count
        self.outstanding = outstanding
        super().__init__({
            "ports": In(LocalBus(address_width)).array(count),
            "bus": Out(LocalBus(address_width)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.routes = routes = Queue(range(self.count), depth=self.outstanding)
        request = self.bus.request
        response = self.bus.response
        chosen = Signal(range(self.count))
        latest = Signal(range(self.count))
        held = Signal()

        with m.Switch(latest):
            for served in range(self.count):
                with m.Case(served):
                    for distance in reversed(range(1, self.count + 1)):
                        candidate = (served + distance) % self.count
                        with m.If(self.ports[candidate].request.valid):
                            m.d.comb += chosen.eq(candidate)
        with m.If(held):
            m.d.comb += chosen.eq(latest)
        with m.If(request.valid):
            m.d.sync += [latest.eq(chosen), held.eq(~request.ready)]

        for index, port in enumerate(self.ports):
            with m.If(chosen == index):
                m.d.comb += [
                    request.payload.eq(port.request.payload),
                    request.valid.eq(port.request.valid & routes.i.ready),
                    port.request.ready.eq(request.ready & routes.i.ready),
                ]
            m.d.comb += port.response.payload.eq(response.payload)
            with m.If(routes.o.valid & (routes.o.payload == index)):
                m.d.comb += [
                    port.response.valid.eq(response.valid),
                    response.ready.eq(port.response.ready),
                ]
        m.d.comb += [
            routes.i.payload.eq(chosen),
            routes.i.valid.eq(request.valid & request.ready),
            routes.o.ready.eq(response.valid & response.ready),
        ]
        return m
