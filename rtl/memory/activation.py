# SPDX-License-Identifier: Apache-2.0
"""Banked activation SRAM: two bank groups, one read by a layer while the other is written."""

from amaranth import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2, exact_log2

from ..cell import Cell
from .sram import AccessPort, SramBank

__all__ = ["GROUPS", "ActivationBank", "ActivationMemory"]

GROUPS = 2


class ActivationBank(Cell):
    """One bank and who may use it: the layer's write, its read, then the access port.

    *Timing*: as ``SramBank``. ``busy`` says that the access port is not served: while ``locked`` it
    may only write, so that what the layer read stays; if the bank ``keeps`` that aside, it may read
    as well.

    *Members*: ``index`` (this bank), ``locked``, ``read``, ``read_line``, ``write`` (by written
    word), ``write_addresses``, ``write_values``, ``access`` (asked for this bank),
    ``access_write``, ``access_line``, ``access_value``, ``access_mask``, ``busy``, ``read_data``
    (the layer's), ``access_data``.
    """

    def __init__(self, *, banks: int, words: int, write_words: int, keeps: bool = False):
        self.keeps = keeps
        self.bank_bits = exact_log2(banks)
        self.depth = words // banks
        self.write_words = write_words
        self.address_width = ceil_log2(words)
        line = self.address_width - self.bank_bits
        super().__init__({
            "index": In(self.bank_bits),
            "locked": In(1),
            "read": In(1),
            "read_line": In(line),
            "write": In(write_words),
            "write_addresses": In(self.address_width * write_words),
            "write_values": In(64 * write_words),
            "access": In(1),
            "access_write": In(1),
            "access_line": In(line),
            "access_value": In(64),
            "access_mask": In(8),
            "busy": Out(1),
            "read_data": Out(64),
            "access_data": Out(64),
        })

    @property
    def module_name(self) -> str:
        keeps = "_keeping" if self.keeps else ""
        return f"activation_bank_{1 << self.bank_bits}_{self.depth}_{self.write_words}{keeps}"

    def body(self, platform) -> Module:
        m = Module()
        m.submodules.sram = sram = SramBank(depth=self.depth)
        addresses = [self.write_addresses.word_select(word, self.address_width)
                     for word in range(self.write_words)]
        hits = Signal(self.write_words)
        m.d.comb += hits.eq(self.write & Cat(
            address[:self.bank_bits] == self.index for address in addresses))
        written = Signal()
        line = Signal.like(self.read_line)
        value = Signal(64)
        m.d.comb += written.eq(hits.any())
        for word, address in enumerate(addresses):
            with m.If(hits[word]):
                m.d.comb += [line.eq(address[self.bank_bits:]),
                             value.eq(self.write_values.word_select(word, 64))]
        m.d.comb += [
            self.busy.eq(written | self.read | (
                0 if self.keeps else self.locked & ~self.access_write)),
            sram.enable.eq(written | self.read | (self.access & ~self.busy)),
            sram.write.eq(written | (~self.read & self.access_write)),
            sram.address.eq(Mux(written, line,
                                Mux(self.read, self.read_line, self.access_line))),
            sram.write_data.eq(Mux(written, value, self.access_value)),
            sram.write_mask.eq(Mux(written, 0xFF, self.access_mask)),
            self.read_data.eq(sram.read_data),
            self.access_data.eq(sram.read_data),
        ]
        if self.keeps:
            kept = Signal(64)
            aside = Signal()  # what was read lies in ``kept``
            with m.If(self.read):
                m.d.sync += aside.eq(0)
            with m.Elif(self.access & ~self.busy & ~self.access_write):
                m.d.sync += [kept.eq(self.read_data), aside.eq(1)]
            with m.If(aside):
                m.d.comb += self.read_data.eq(kept)
        return m


class ActivationMemory(wiring.Component):
    """``GROUPS`` x ``banks`` single-port banks of 64-bit words.

    Word ``a`` of a group lies in bank ``a mod banks`` at line ``a div banks``. A layer reads one
    group and writes the other, so that no bank is asked for both.

    *Timing*: read data one cycle after ``read_enable``, held until the next read of that bank. A
    write takes effect at the end of its cycle. The ``access`` port is served whenever the layer
    leaves its bank alone; while ``lock`` is high it may only write to the group that is read, so
    that held read data stay.

    *Parameters*: ``banks`` (power of two), ``words`` (64-bit words of one group, a multiple of
    ``banks``), ``write_words`` (words written in one cycle; their banks must differ), ``keeps``
    (banks put aside what a layer read, so that ``lock`` holds nothing off).

    *Members*: ``lock``, ``read_group``, ``read_enable``, ``read_lines``, ``read_data``,
    ``write_group``,
    ``write_enable``, ``write_addresses``, ``write_data``, ``access`` (address: group, then word).
    """

    def __init__(self, *, banks: int, words: int, write_words: int, keeps: bool = False):
        if exact_log2(banks) < 1:
            raise ValueError(f"Banks must be a power of two from 2 on, not {banks!r}")
        if words % banks or words < 2 * banks:
            raise ValueError(f"Activation words must be a multiple of {banks} banks and at least "
                             f"two lines of them, not {words!r}")
        if write_words > banks:
            raise ValueError(f"Words written in one cycle must be at most {banks}, "
                             f"not {write_words!r}")
        self.banks = banks
        self.words = words
        self.write_words = write_words
        self.keeps = keeps
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
        sram: list[list[ActivationBank]] = [[] for _ in range(GROUPS)]
        read_group = Signal()
        m.d.sync += read_group.eq(self.read_group)

        access_bank = self.access.address[:bank_bits]
        access_line = self.access.address[bank_bits:self.address_width]
        access_group = self.access.address[-1]
        busy = Signal(data.ArrayLayout(self.banks, GROUPS))
        answer = Signal(range(GROUPS * self.banks))

        for group in range(GROUPS):
            for bank in range(self.banks):
                m.submodules[f"bank_{group}_{bank}"] = unit = ActivationBank(
                    banks=self.banks, words=self.words, write_words=self.write_words,
                    keeps=self.keeps)
                sram[group].append(unit)
                m.d.comb += [
                    unit.index.eq(bank),
                    unit.locked.eq(self.lock & (self.read_group == group)),
                    unit.read.eq(self.read_enable[bank] & (self.read_group == group)),
                    unit.read_line.eq(self.read_lines[bank]),
                    unit.write.eq(self.write_enable
                                  & (self.write_group == group).replicate(self.write_words)),
                    unit.write_addresses.eq(self.write_addresses.as_value()),
                    unit.write_values.eq(self.write_data.as_value()),
                    unit.access.eq(self.access.enable & (access_group == group)
                                   & (access_bank == bank)),
                    unit.access_write.eq(self.access.write),
                    unit.access_line.eq(access_line),
                    unit.access_value.eq(self.access.write_data),
                    unit.access_mask.eq(self.access.write_mask),
                    busy[group][bank].eq(unit.busy),
                ]
        for bank in range(self.banks):
            m.d.comb += self.read_data[bank].eq(
                Mux(read_group, sram[1][bank].read_data, sram[0][bank].read_data))

        index = Cat(access_bank, access_group)
        m.d.comb += [
            self.access.grant.eq(self.access.enable
                                 & ~busy.as_value().bit_select(index, 1)),
            self.access.read_data.eq(
                Array(unit.access_data for group in sram for unit in group)[answer]),
        ]
        with m.If(self.access.grant):
            m.d.sync += answer.eq(index)
        return m
