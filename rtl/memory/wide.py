# SPDX-License-Identifier: Apache-2.0
"""Memories that are read a whole row of banks at a time: weights, and program words."""

from amaranth import Array, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .sram import AccessPort, SramBank

__all__ = ["WideMemory"]


class WideMemory(wiring.Component):
    """``banks`` single-port banks read side by side as one wide row.

    *Timing*: ``read_data`` one cycle after ``read_enable``, held until the next read. The
    ``access`` port, which sees single 64-bit words, is served when no row is read and ``lock`` is
    low (held read data stay while it is high).

    *Parameters*: ``banks`` (64-bit words of a row), ``rows``.

    *Members*: ``lock``, ``read_enable``, ``read_row``, ``read_data``, ``access`` (address: row
    times
    ``2 ** ceil(log2(banks))`` plus bank; words of banks that do not exist read as zero).
    """

    def __init__(self, *, banks: int, rows: int):
        self.banks = banks
        self.rows = rows
        self.bank_bits = ceil_log2(banks)
        self.row_width = ceil_log2(rows)
        super().__init__({
            "lock": In(1),
            "read_enable": In(1),
            "read_row": In(self.row_width),
            "read_data": Out(data.ArrayLayout(64, banks)),
            "access": In(AccessPort(self.row_width + self.bank_bits)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        bank = Signal(max(self.bank_bits, 1))
        answer = Signal.like(bank)
        m.d.comb += [
            bank.eq(self.access.address[:self.bank_bits]),
            self.access.grant.eq(self.access.enable & ~self.read_enable & ~self.lock),
        ]
        units = [SramBank(depth=self.rows) for _ in range(self.banks)]
        for index, unit in enumerate(units):
            m.submodules[f"bank_{index}"] = unit
            m.d.comb += [
                unit.enable.eq(self.read_enable | (self.access.grant & (bank == index))),
                unit.write.eq(~self.read_enable & self.access.write),
                unit.address.eq(Mux(self.read_enable, self.read_row,
                                    self.access.address[self.bank_bits:])),
                unit.write_data.eq(self.access.write_data),
                unit.write_mask.eq(self.access.write_mask),
                self.read_data[index].eq(unit.read_data),
            ]
        absent = [0] * (2 ** self.bank_bits - self.banks)
        m.d.comb += self.access.read_data.eq(
            Array([unit.read_data for unit in units] + absent)[answer])
        with m.If(self.access.grant):
            m.d.sync += answer.eq(bank)
        return m
