# SPDX-License-Identifier: Apache-2.0
"""Event counters of a run, and the cycles of each of its layers."""

from amaranth import Module, Mux, Signal, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from ..memory.sram import SramBank

__all__ = ["CountedBank", "Counters", "EventCounts", "LayerTable"]

CountedBank = data.StructLayout({"bank": 8, "group": 1, "one": 1})
"""Whose words are counted: with ``one`` those of a bank, otherwise of all."""

EventCounts = data.StructLayout({
    "cycles": 32,
    "macs_issued": 64,
    "stall_operands": 32,
    "stall_drain": 32,
    "stall_parameters": 32,
    "bank_conflicts": 32,
    "activation_reads": 32,
    "activation_writes": 32,
    "weight_reads": 32,
    "macs_gated_activation": 64,
    "macs_gated_weight": 64,
    "stall_transfer": 32,
})


class Counters(wiring.Component):
    """Adds up what happens in a run; ``clear`` starts over.

    *Timing*: an event is in ``counts`` one cycle later.

    *Parameters*: ``multipliers`` (MAC slots of one array step), ``banks``, ``write_words``.

    *Members*: ``clear``, ``counted_bank``, ``cycle``, ``step``, ``stall_operands``,
    ``stall_drain``, ``stall_parameters``, ``stall_transfer``, ``conflict``, ``read_group``,
    ``activation_reads`` (one bit a bank), ``write_group``, ``activation_writes`` (one bit a word),
    ``write_banks`` (each word's), ``weight_read``, ``gated_activation``, ``gated_weight`` (of
    ``multipliers``), ``counts``.
    """

    def __init__(self, *, multipliers: int, banks: int, write_words: int):
        self.multipliers = multipliers
        self.banks = banks
        self.write_words = write_words
        super().__init__({
            "clear": In(1),
            "counted_bank": In(CountedBank),
            "cycle": In(1),
            "step": In(1),
            "stall_operands": In(1),
            "stall_drain": In(1),
            "stall_parameters": In(1),
            "stall_transfer": In(1),
            "conflict": In(1),
            "read_group": In(1),
            "activation_reads": In(banks),
            "write_group": In(1),
            "activation_writes": In(write_words),
            "write_banks": In(data.ArrayLayout(exact_log2(banks), write_words)),
            "weight_read": In(1),
            "gated_activation": In(range(multipliers + 1)),
            "gated_weight": In(range(multipliers + 1)),
            "counts": Out(EventCounts),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        c = self.counts
        counted = self.counted_bank
        reads = Signal(self.banks)
        writes = Signal(self.write_words)
        m.d.comb += [
            reads.eq(self.activation_reads & Mux(
                counted.one, (counted.group == self.read_group) << counted.bank, -1)),
            *(writes[word].eq(self.activation_writes[word] & (
                ~counted.one | ((counted.group == self.write_group)
                                & (counted.bank == self.write_banks[word]))))
              for word in range(self.write_words)),
        ]
        increments = {
            "cycles": self.cycle,
            "stall_operands": self.stall_operands,
            "stall_drain": self.stall_drain,
            "stall_parameters": self.stall_parameters,
            "stall_transfer": self.stall_transfer,
            "bank_conflicts": self.conflict,
            "activation_reads": sum(reads),
            "activation_writes": sum(writes),
            "weight_reads": self.weight_read,
            "macs_gated_activation": self.gated_activation,
            "macs_gated_weight": self.gated_weight,
        }
        for name, increment in increments.items():
            m.d.sync += c[name].eq(c[name] + increment)
        with m.If(self.step):
            m.d.sync += c.macs_issued.eq(c.macs_issued + self.multipliers)
        with m.If(self.clear):
            m.d.sync += c.eq(0)
        return m


class LayerTable(wiring.Component):
    """Cycles of the first ``DEPTH`` layers of the latest run.

    *Timing*: ``data`` follows ``index`` by one cycle. On a platform whose memories have a single
    port (``platform.single_port``) an entry shows what was written three cycles before, an
    ``index`` must be held for two cycles, and a ``write`` follows the one before by three.

    *Members*: ``write``, ``layer``, ``cycles``, ``index``, ``data``.
    """

    DEPTH = 256

    write: In(1)
    layer: In(16)
    cycles: In(32)
    index: In(8)
    data: Out(32)

    def elaborate(self, platform) -> Module:
        if getattr(platform, "single_port", False):
            return self._single_port()
        m = Module()
        m.submodules.storage = storage = memory.Memory(
            shape=unsigned(32), depth=self.DEPTH, init=[])
        write = storage.write_port()
        read = storage.read_port()
        within = Signal()
        m.d.comb += [
            within.eq(self.layer < self.DEPTH),
            write.addr.eq(self.layer[:8]),
            write.data.eq(self.cycles),
            write.en.eq(self.write & within),
            read.addr.eq(self.index),
            read.en.eq(1),
            self.data.eq(read.data),
        ]
        return m

    def _single_port(self) -> Module:
        """With one access a cycle: a new index is read at once, and what is to be written waits
        for a cycle in which the output already shows what it should."""
        m = Module()
        m.submodules.storage = storage = SramBank(depth=self.DEPTH, width=32)
        shown = Signal.like(self.index)  # the entry at the output
        valid = Signal()                 # ... which is that of the memory
        waiting = Signal()
        entry = Signal.like(self.index)  # what waits
        value = Signal.like(self.cycles)
        read = Signal()
        m.d.comb += [
            read.eq(~valid | (shown != self.index)),
            storage.enable.eq(read | waiting),
            storage.write.eq(~read),
            storage.address.eq(Mux(read, self.index, entry)),
            storage.write_data.eq(value),
            storage.write_mask.eq(0xF),
            self.data.eq(storage.read_data),
        ]
        with m.If(read):
            m.d.sync += [shown.eq(self.index), valid.eq(1)]
        with m.Elif(waiting):
            m.d.sync += [waiting.eq(0), valid.eq(entry != shown)]
        with m.If(self.write & (self.layer < self.DEPTH)):
            m.d.sync += [waiting.eq(1), entry.eq(self.layer[:8]), value.eq(self.cycles)]
        return m
