# SPDX-License-Identifier: Apache-2.0
"""Address map: one local bus onto the activation, weight, program and schedule memories."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..bus.local import LocalBus
from .sram import AccessPort

__all__ = ["REGIONS", "MemoryMap"]

REGIONS = ("activations", "weights", "program", "schedule")


class MemoryMap(wiring.Component):
    """Serves a local bus from the memories, one 64-bit word a request.

    Region ``r`` of ``REGIONS`` starts at byte ``r << region_bits``. A word that no memory holds
    answers with an error.

    *Timing*: a request is taken when its memory grants it; the answer follows one cycle later and
    waits for ``ready``. At best one request in two cycles.

    *Parameters*: ``sizes``: the memories' 64-bit words, in the order of ``REGIONS``.

    *Members*: ``bus``, and one ``AccessPort`` a region, named after it.
    """

    def __init__(self, *, sizes: tuple[int, int, int, int]):
        self.sizes = sizes
        self.region_bits = max(size - 1 for size in sizes).bit_length() + 3
        self.address_width = self.region_bits + 2
        super().__init__({"bus": In(LocalBus(self.address_width))}
                         | {name: Out(AccessPort((size - 1).bit_length()))
                            for name, size in zip(REGIONS, sizes, strict=True)})

    def elaborate(self, platform) -> Module:
        m = Module()
        request = self.bus.request
        region = request.payload.address[self.region_bits:]
        word = Signal(self.region_bits - 3)
        m.d.comb += word.eq(request.payload.address[3:self.region_bits])
        granted = Signal(len(REGIONS))
        inside = Signal(len(REGIONS))
        source = Signal(2)
        fetched = Signal()
        refused = Signal()
        kept = Signal(64)
        value = Signal(64)
        waiting = Signal()
        free = Signal()
        m.d.comb += free.eq(~waiting | self.bus.response.ready)

        for index, (name, size) in enumerate(zip(REGIONS, self.sizes, strict=True)):
            port = getattr(self, name)
            m.d.comb += [
                inside[index].eq((region == index) & (word < size)),
                port.enable.eq(request.valid & inside[index] & free),
                port.write.eq(request.payload.write),
                port.address.eq(word[:(size - 1).bit_length()]),
                port.write_data.eq(request.payload.data),
                port.write_mask.eq(request.payload.strobe),
                granted[index].eq(port.grant),
            ]
            with m.If(source == index):
                m.d.comb += value.eq(port.read_data)

        m.d.comb += [
            request.ready.eq(free & (granted.any() | ~inside.any())),
            self.bus.response.valid.eq(waiting),
            self.bus.response.payload.data.eq(Mux(fetched, value, kept)),
            self.bus.response.payload.error.eq(refused),
        ]
        m.d.sync += fetched.eq(0)
        with m.If(fetched):
            m.d.sync += kept.eq(value)
        with m.If(self.bus.response.ready):
            m.d.sync += waiting.eq(0)
        with m.If(request.valid & request.ready):
            m.d.sync += [
                waiting.eq(1),
                fetched.eq(1),
                refused.eq(~inside.any()),
                source.eq(region),
            ]
        return m
