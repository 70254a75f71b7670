# SPDX-License-Identifier: Apache-2.0
"""Weight buffer that is read and refilled at the same time, word by word around its end."""

from amaranth import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2, exact_log2

from .sram import AccessPort, SramBank

__all__ = ["WeightRing"]


class WeightRing(wiring.Component):
    """``words`` 64-bit words in single-port banks; a row is ``row_words`` words from any one on.

    Word ``a`` lies in bank ``a mod banks``. There are at least twice as many banks as a row has
    words, so that a refill finds half of them idle while a row is read in every cycle. Rows go
    on at word 0 behind the last word.

    *Timing*: ``read_data`` one cycle after ``read_enable``, held until the next read. A word that
    comes by the ``access`` port for a bank that is read waits aside, so that one word a cycle can
    be written beside a row that is read in every cycle. The port may read while no word waits and,
    so that held read data stay, ``lock`` is low.

    *Parameters*: ``words`` (a power of two), ``row_words``, ``narrow_words`` of a narrow row.

    *Members*: ``lock``, ``read_enable``, ``read_row`` (its first word), ``read_narrow`` (leave the
    other words alone), ``read_data``, ``access``.
    """

    def __init__(self, *, words: int, row_words: int, narrow_words: int | None = None):
        self.narrow_words = narrow_words or row_words
        self.banks = self.banks_of(row_words)
        self.row_words = row_words
        if words & (words - 1) or words < 2 * self.banks:
            raise ValueError(f"Words must be a power of two and at least two lines of "
                             f"{self.banks} banks, not {words!r}")
        self.words = words
        self.row_width = exact_log2(words)
        super().__init__({
            "lock": In(1),
            "read_enable": In(1),
            "read_row": In(self.row_width),
            "read_narrow": In(1),
            "read_data": Out(data.ArrayLayout(64, row_words)),
            "access": In(AccessPort(self.row_width)),
        })

    @staticmethod
    def banks_of(row_words: int) -> int:
        """Banks of a ring whose rows have ``row_words``."""
        return 1 << ceil_log2(2 * row_words)

    def elaborate(self, platform) -> Module:
        m = Module()
        bank_bits = exact_log2(self.banks)
        first, line = self.read_row[:bank_bits], self.read_row[bank_bits:]
        access_bank = self.access.address[:bank_bits]
        reads = Signal(self.banks)
        turned = Signal(bank_bits)  # the bank of the row's first word
        answer = Signal(bank_bits)
        waiting = Signal()  # a word for a bank that was read
        waiting_bank = Signal(bank_bits)
        waiting_line = Signal(self.row_width - bank_bits)
        waiting_data = Signal(64)
        waiting_mask = Signal(8)
        leaves = Signal()
        direct = Signal()  # the access goes to its bank in this cycle
        taken = Signal()   # its bank is taken
        units = [SramBank(depth=self.words // self.banks) for _ in range(self.banks)]
        for bank, unit in enumerate(units):
            m.submodules[f"bank_{bank}"] = unit
            place = Signal(bank_bits, name=f"place_{bank}")  # in the row
            mine = Signal(name=f"access_{bank}")
            late = Signal(name=f"late_{bank}")
            m.d.comb += [
                place.eq(bank - first),
                reads[bank].eq(self.read_enable & (place < Mux(
                    self.read_narrow, self.narrow_words, self.row_words))),
                mine.eq(direct & (access_bank == bank)),
                late.eq(leaves & (waiting_bank == bank)),
                unit.enable.eq(reads[bank] | late | mine),
                unit.write.eq(~reads[bank] & (late | self.access.write)),
                unit.address.eq(Mux(reads[bank], (line + (bank < first))[:len(line)],
                                    Mux(late, waiting_line, self.access.address[bank_bits:]))),
                unit.write_data.eq(Mux(late, waiting_data, self.access.write_data)),
                unit.write_mask.eq(Mux(late, waiting_mask, self.access.write_mask)),
            ]
        m.d.comb += [
            leaves.eq(waiting & ~reads.bit_select(waiting_bank, 1)),
            taken.eq(reads.bit_select(access_bank, 1) | (waiting & (waiting_bank == access_bank))),
            direct.eq(self.access.enable & ~taken
                      & (self.access.write | ~(self.lock | waiting))),
            self.access.grant.eq(direct | (self.access.enable & self.access.write
                                           & (~waiting | leaves))),
        ]
        with m.If(self.read_enable):
            m.d.sync += turned.eq(first)
        with m.If(leaves):
            m.d.sync += waiting.eq(0)
        with m.If(self.access.grant & ~direct):
            m.d.sync += [waiting.eq(1), waiting_bank.eq(access_bank),
                         waiting_line.eq(self.access.address[bank_bits:]),
                         waiting_data.eq(self.access.write_data),
                         waiting_mask.eq(self.access.write_mask)]
        outputs = Cat(unit.read_data for unit in units)
        for place in range(self.row_words):
            bank = Signal(bank_bits, name=f"bank_of_{place}")
            m.d.comb += [bank.eq(turned + place),
                         self.read_data[place].eq(outputs.word_select(bank, 64))]
        m.d.comb += [
            self.access.read_data.eq(Array(unit.read_data for unit in units)[answer]),
        ]
        with m.If(self.access.grant):
            m.d.sync += answer.eq(access_bank)
        return m
