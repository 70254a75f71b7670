# SPDX-License-Identifier: Apache-2.0
"""The sums of a pixel's channels while its row tiles are converted one after another."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..memory.sram import SramBank

__all__ = ["SumMemory"]

BANKS = 2


class SumMemory(wiring.Component):
    """``groups`` groups of ``lanes`` sums of 32 bits, in two single-port banks: even and odd.

    *Timing*: ``read_data`` one cycle after ``read_enable``. A read and a write in one cycle must
    be of places of which one is even and one odd: as they are where groups pass in order and each
    is written a cycle after it was read.

    *Parameters*: ``lanes``, ``groups``.

    *Members*: ``read_enable``, ``read_place``, ``read_data``, ``write_enable``, ``write_place``,
    ``write_data``.
    """

    def __init__(self, *, lanes: int, groups: int):
        self.lanes = lanes
        self.depth = -(-groups // BANKS)
        place = ceil_log2(max(groups, 2))
        sums = data.ArrayLayout(signed(32), lanes)
        super().__init__({
            "read_enable": In(1),
            "read_place": In(place),
            "read_data": Out(sums),
            "write_enable": In(1),
            "write_place": In(place),
            "write_data": In(sums),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        odd = Signal()
        with m.If(self.read_enable):
            m.d.sync += odd.eq(self.read_place[0])
        for index in range(BANKS):
            m.submodules[f"bank_{index}"] = bank = SramBank(
                depth=self.depth, width=32 * self.lanes)
            read = self.read_enable & (self.read_place[0] == index)
            write = self.write_enable & (self.write_place[0] == index)
            m.d.comb += [
                bank.enable.eq(read | write),
                bank.write.eq(write),
                bank.address.eq(Mux(write, self.write_place[1:], self.read_place[1:])),
                bank.write_data.eq(self.write_data),
                bank.write_mask.eq((1 << 4 * self.lanes) - 1),
            ]
            with m.If(odd == index):
                m.d.comb += self.read_data.eq(bank.read_data)
        return m
