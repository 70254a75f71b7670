# SPDX-License-Identifier: Apache-2.0
"""The compact core's one memory, shared by the core and the local bus."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..bus.local import LocalBus
from ..memory.sram import SramBank

__all__ = ["CompactMemory"]


class CompactMemory(wiring.Component):
    """One single-port memory of 64-bit words: the core's while ``lock`` is high, else the bus's.

    A word that does not exist answers the bus with an error.

    *Timing*: ``read_data`` one cycle after ``enable & ~write``, held until the next access of
    either side. A request of the bus is taken when ``lock`` is low and no answer waits; the answer
    comes in the next cycle and waits for ``ready``: ``free`` is low until it is taken, and the core
    must wait for ``free`` after it has raised ``lock``.

    *Parameters*: ``words``.

    *Members*: ``bus``, ``lock``, ``free``, ``enable``, ``write``, ``address``, ``write_data``,
    ``read_data``.
    """

    def __init__(self, *, words: int):
        self.words = words
        self.word_width = (words - 1).bit_length()
        self.address_width = self.word_width + 3
        super().__init__({
            "bus": In(LocalBus(self.address_width)),
            "lock": In(1),
            "free": Out(1),
            "enable": In(1),
            "write": In(1),
            "address": In(self.word_width),
            "write_data": In(64),
            "read_data": Out(64),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.bank = bank = SramBank(depth=self.words)
        request, response = self.bus.request, self.bus.response
        word = request.payload.address[3:]
        inside = Signal()
        waiting = Signal()
        refused = Signal()
        m.d.comb += [
            self.free.eq(~waiting),
            request.ready.eq(~self.lock & ~waiting),
            inside.eq(1 if self.words == 1 << self.word_width else word < self.words),
            bank.enable.eq(Mux(self.lock, self.enable,
                               request.valid & request.ready & inside)),
            bank.write.eq(Mux(self.lock, self.write, request.payload.write)),
            bank.address.eq(Mux(self.lock, self.address, word)),
            bank.write_data.eq(Mux(self.lock, self.write_data, request.payload.data)),
            bank.write_mask.eq(Mux(self.lock, 0xFF, request.payload.strobe)),
            self.read_data.eq(bank.read_data),
            response.valid.eq(waiting),
            response.payload.data.eq(bank.read_data),
            response.payload.error.eq(refused),
        ]
        with m.If(request.valid & request.ready):
            m.d.sync += [waiting.eq(1), refused.eq(~inside)]
        with m.Elif(response.ready):
            m.d.sync += waiting.eq(0)
        return m
