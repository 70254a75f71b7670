# SPDX-License-Identifier: Apache-2.0
"""Weights on their way into the array: from the bus once, or from memory ahead of each layer."""

from amaranth import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..memory.sram import AccessPort
from .contract import WRITE_WEIGHTS, MacroParameters, write_layout

__all__ = ["LOAD_DELAY", "ArrayPort", "WeightLoader", "array_word_bits"]

LOAD_DELAY = 3
"""Cycles from ``start`` of a ``WeightLoader`` to its end, without those of its words."""


def array_word_bits(p: MacroParameters) -> tuple[int, int]:
    """Address bits of an array's row and, below them, of eight columns in it."""
    return ceil_log2(p.rows), ceil_log2(p.columns // WRITE_WEIGHTS)


class ArrayPort(wiring.Component):
    """The array as a memory region that is written only: word ``row * groups + group`` holds the
    weights of ``row`` in eight neighbouring columns, ``groups`` rounded up to a power of two.

    A word is written when all of its bytes have come, in one access or in several that follow one
    another; bytes of a word that was left for another are forgotten. Reads return zero. Words that
    no row or column is for are dropped.

    *Timing*: an access is granted in its cycle, but a write not while a whole word waits for the
    macro, nor while ``lock`` is high; that word is ``busy`` from the next cycle on until it is
    taken.

    *Parameters*: ``p``, the macro's.

    *Members*: ``lock``, ``access``, ``write`` (stream of ``write_layout``), ``busy``.
    """

    def __init__(self, p: MacroParameters):
        self.p = p
        super().__init__({
            "lock": In(1),
            "access": In(AccessPort(sum(array_word_bits(p)))),
            "write": Out(stream.Signature(write_layout(p))),
            "busy": Out(1),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        p, access = self.p, self.access
        row_bits, group_bits = array_word_bits(p)
        address = Signal(row_bits + group_bits)
        held = Signal(WRITE_WEIGHTS)  # bytes that have come
        kept = Signal(WRITE_WEIGHTS)  # ... of the word that is accessed
        inside = Signal()
        take = Signal()
        word = self.write.payload
        m.d.comb += [
            self.busy.eq(held.all()),
            self.write.valid.eq(self.busy),
            word.row.eq(address[group_bits:]),
            word.group.eq(address[:group_bits]),
            access.grant.eq(access.enable & (~access.write | (~self.busy & ~self.lock))),
            take.eq(access.grant & access.write),
            inside.eq((access.address[group_bits:] < p.rows)
                      & (access.address[:group_bits] < p.columns // WRITE_WEIGHTS)),
        ]
        with m.If(access.address == address):
            m.d.comb += kept.eq(held)
        with m.If(self.busy & self.write.ready):
            m.d.sync += held.eq(0)
        with m.If(take & inside):
            m.d.sync += [address.eq(access.address), held.eq(kept | access.write_mask)]
            for index in range(WRITE_WEIGHTS):
                with m.If(access.write_mask[index]):
                    m.d.sync += word.weights[index].eq(access.write_data.word_select(index, 8))
        return m


class WeightLoader(wiring.Component):
    """Copies weights from memory into the array: ``words`` words from ``base`` on, in pairs: row
    (bits 15:0) and group of eight columns (bits 31:16), then the eight weights.

    *Timing*: ``busy`` from the cycle after ``start`` on, for ``words + LOAD_DELAY - 1`` cycles and
    those in which the macro is not ready, if there are words. A word that is offered when ``stop``
    comes stays until it is taken; none is offered while ``hold`` is high. ``error``: in this cycle
    a pair names a row or columns that do not exist, and is dropped.

    *Parameters*: ``p``, the macro's, ``row_width`` of the memory.

    *Members*: ``start``, ``stop`` (level), ``base``, ``words`` (even), ``hold``, ``read_enable``,
    ``read_row``, ``read_data``, ``write`` (stream of ``write_layout``), ``busy``, ``error``.
    """

    def __init__(self, p: MacroParameters, *, row_width: int):
        self.p = p
        super().__init__({
            "start": In(1),
            "stop": In(1),
            "base": In(row_width),
            "words": In(20),
            "hold": In(1),
            "read_enable": Out(1),
            "read_row": Out(row_width),
            "read_data": In(64),
            "write": Out(stream.Signature(write_layout(p))),
            "busy": Out(1),
            "error": Out(1),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        word = self.write.payload
        left = Signal(19)     # pairs, less the one on its way
        place = Signal(32)    # where its weights go
        inside = Signal()
        m.d.comb += inside.eq((place[:16] < self.p.rows)
                              & (place[16:] < self.p.columns // WRITE_WEIGHTS))
        with m.If(self.write.valid & self.write.ready):
            m.d.sync += self.write.valid.eq(0)
        with m.If(self.read_enable):
            m.d.sync += self.read_row.eq(self.read_row + 1)
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("Idle") | self.write.valid)
            with m.State("Idle"):
                with m.If(self.start & (self.words >= 2) & ~self.stop):
                    m.d.sync += [self.read_row.eq(self.base), left.eq((self.words >> 1) - 1)]
                    m.next = "Place"
            with m.State("Place"):
                m.d.comb += self.read_enable.eq(1)
                m.next = "Weights"
                with m.If(self.stop):
                    m.next = "Idle"
            with m.State("Weights"):
                m.d.comb += self.read_enable.eq(1)
                m.d.sync += place.eq(self.read_data)
                m.next = "Give"
                with m.If(self.stop):
                    m.next = "Idle"
            with m.State("Give"):
                with m.If(self.stop):
                    m.next = "Idle"
                with m.Elif((~self.write.valid | self.write.ready) & ~self.hold):
                    m.d.comb += [self.error.eq(~inside), self.read_enable.eq(left != 0)]
                    m.d.sync += [
                        left.eq(left - 1),
                        self.write.valid.eq(inside),
                        word.row.eq(place[:16]),
                        word.group.eq(place[16:]),
                        word.weights.as_value().eq(self.read_data),
                    ]
                    m.next = "Weights"
                    with m.If(left == 0):
                        m.next = "Idle"
        return m
