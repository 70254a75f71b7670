# SPDX-License-Identifier: Apache-2.0
"""Banked activation SRAM: two bank groups, one read by a layer while the other is written."""

from amaranth import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2, exact_log2

from .sram import AccessPort, SramBank

__all__ = ["GROUPS", "ActivationMemory"]

GROUPS = 2


class ActivationMemory(wiring.Component):
    """``GROUPS`` x ``banks`` single-port banks of 64-bit words.

    Word ``a`` of a group lies in bank ``a mod banks`` at line ``a div banks``. A layer reads one
    group and writes the other, so that no bank is asked for both.

    *Timing*: read data one cycle after ``read_enable``, held until the next read of that bank. A
    write takes effect at the end of its cycle. The ``access`` port is served whenever the layer
    leaves its bank alone; while ``lock`` is high it waits for the group that is read, so that
    held read data stay.

    *Parameters*: ``banks`` (power of two), ``words`` (64-bit words of one group, a multiple of
    ``banks``), ``write_words`` (words written in one cycle; their banks must differ).

    *Members*: ``lock``, ``read_group``, ``read_enable``, ``read_lines``, ``read_data``, ``write_group``,
    ``write_enable``, ``write_addresses``, ``write_data``, ``access`` (address: group, then word).
    """

    def __init__(self, *, banks: int, words: int, write_words: int):
        exact_log2(banks)
        if words % banks or words < 2 * banks:
            raise ValueError(f"Activation words must be a multiple of {banks} banks and at least "
                             f"two lines of them, not {words!r}")
        if write_words > banks:
            raise ValueError(f"Words written in one cycle must be at most {banks}, "
                             f"not {write_words!r}")
        self.banks = banks
        self.words = words
        self.write_words = write_words
        self.address_width = ceil_log2(words)
        self.line_width = ceil_log2(words // banks)
        super().__init__({
            "lock": In(1),
            "read_group": In(1),
            "read_enable": In(banks),
            "read_lines": In(data.ArrayLayout(self.line_width, banks)),
            "read_data": Out(data.ArrayLayout(64, banks)),
            "write_group": In(1),
            "write_enable": In(write_words),
            "write_addresses": In(data.ArrayLayout(self.address_width, write_words)),
            "write_data": In(data.ArrayLayout(64, write_words)),
            "access": In(AccessPort(self.address_width + 1)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        bank_bits = exact_log2(self.banks)
        sram = [[SramBank(depth=self.words // self.banks) for _ in range(self.banks)]
                for _ in range(GROUPS)]
        read_group = Signal()
        m.d.sync += read_group.eq(self.read_group)

        access_bank = self.access.address[:bank_bits] if bank_bits else 0
        access_line = self.access.address[bank_bits:self.address_width]
        access_group = self.access.address[-1]
        busy = Signal(data.ArrayLayout(self.banks, GROUPS))
        answer = Signal(range(GROUPS * self.banks))

        for bank in range(self.banks):
            hits = Cat(self.write_enable[word]
                       & ((self.write_addresses[word][:bank_bits] == bank) if bank_bits else 1)
                       for word in range(self.write_words))
            written = Signal(name=f"written_{bank}")
            line = Signal(self.line_width, name=f"write_line_{bank}")
            value = Signal(64, name=f"write_value_{bank}")
            m.d.comb += written.eq(hits.any())
            for word in range(self.write_words):
                with m.If(hits[word]):
                    m.d.comb += line.eq(self.write_addresses[word][bank_bits:])
                    m.d.comb += value.eq(self.write_data[word])
            for group in range(GROUPS):
                unit = sram[group][bank]
                m.submodules[f"bank_{group}_{bank}"] = unit
                write = Signal(name=f"write_{group}_{bank}")
                read = Signal(name=f"read_{group}_{bank}")
                chosen = Signal(name=f"chosen_{group}_{bank}")
                locked = self.lock & (self.read_group == group)
                m.d.comb += [
                    write.eq(written & (self.write_group == group)),
                    read.eq(self.read_enable[bank] & (self.read_group == group)),
                    chosen.eq(self.access.enable & (access_group == group)
                              & (access_bank == bank) & ~locked),
                    busy[group][bank].eq(write | read | locked),
                    unit.enable.eq(write | read | chosen),
                    unit.write.eq(write | (~read & self.access.write)),
                    unit.address.eq(Mux(write, line,
                                        Mux(read, self.read_lines[bank], access_line))),
                    unit.write_data.eq(Mux(write, value, self.access.write_data)),
                    unit.write_mask.eq(Mux(write, 0xFF, self.access.write_mask)),
                ]
            m.d.comb += self.read_data[bank].eq(
                Mux(read_group, sram[1][bank].read_data, sram[0][bank].read_data))

        index = Cat(access_bank, access_group) if bank_bits else access_group
        m.d.comb += [
            self.access.grant.eq(self.access.enable
                                 & ~busy.as_value().bit_select(index, 1)),
            self.access.read_data.eq(
                Array(unit.read_data for group in sram for unit in group)[answer]),
        ]
        with m.If(self.access.grant):
            m.d.sync += answer.eq(index)
        return m
