# SPDX-License-Identifier: Apache-2.0
"""Row drivers: words of channels become the operands of neighbouring rows, double-buffered."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..cell import Cell
from ..facts import BLOCK
from .contract import OPERAND_BITS

__all__ = ["DacQuantiser", "RowDrivers", "RowGroup", "RowWord"]

WORD_BITS = BLOCK * OPERAND_BITS

RowWord = data.StructLayout({"values": WORD_BITS, "channels": 4, "last": 1})
"""Operands of a channel block: ``channels`` of them exist; ``last``: the row tile ends."""


class DacQuantiser(Cell):
    """An operand of ``bits`` bits: ``o = min(floor(i / 2**(8 - bits) + 1/2), largest)``.

    The largest is that of ``bits`` bits, unsigned or in two's complement (AnalogNets, section 4:
    a DAC's ``b`` bits). 8 bits are ``i`` itself. Two's complement is continued in the bits above.

    *Timing*: combinational.

    *Members*: ``i``, ``is_signed``, ``bits`` (1 ... 8), ``o``.
    """

    def __init__(self):
        super().__init__({"i": In(OPERAND_BITS), "is_signed": In(1), "bits": In(4),
                          "o": Out(OPERAND_BITS)})

    @property
    def module_name(self) -> str:
        return "dac_quantiser"

    def body(self, platform) -> Module:
        m = Module()
        value = Signal(signed(OPERAND_BITS + 1))
        dropped = Signal(3)
        rounded = Signal(signed(OPERAND_BITS + 2))
        largest = Signal(OPERAND_BITS)
        m.d.comb += [
            value.eq(Cat(self.i, self.i[-1] & self.is_signed).as_signed()),
            dropped.eq(OPERAND_BITS - self.bits),
            rounded.eq((value + ((1 << dropped) >> 1)) >> dropped),
            largest.eq((0xFF >> dropped) >> self.is_signed),
            self.o.eq(Mux(rounded > largest, largest, rounded)),
        ]
        return m


class RowGroup(Cell):
    """Eight neighbouring rows: what fills up, and what drives the array.

    *Timing*: ``load`` puts the words' bytes into the rows that ``mask`` names, its low half if
    ``place`` is this group and its high half if it is the one before. ``move`` makes what was
    loaded so far drive the rows, and only these are enabled; a ``load`` in the same cycle is the
    next tile's. ``clear`` forgets what was loaded.

    *Members*: ``index`` (this group), ``place``, ``mask``, ``load``, ``i``, ``move``, ``clear``,
    ``enable`` and ``o`` (of the rows).
    """

    def __init__(self, *, groups: int):
        self.groups = groups
        width = ceil_log2(max(groups, 2))
        super().__init__({
            "index": In(width),
            "place": In(width),
            "mask": In(2 * BLOCK),
            "load": In(1),
            "i": In(WORD_BITS),
            "move": In(1),
            "clear": In(1),
            "enable": Out(BLOCK),
            "o": Out(WORD_BITS),
        })

    @property
    def module_name(self) -> str:
        return f"row_group_{self.groups}"

    def body(self, platform) -> Module:
        m = Module()
        taken = Signal(BLOCK)
        filled = Signal(BLOCK)
        with m.If(self.load & (self.place == self.index)):
            m.d.comb += taken.eq(self.mask[:BLOCK])
        with m.Elif(self.load & (self.index != 0) & (self.place == self.index - 1)):
            m.d.comb += taken.eq(self.mask[BLOCK:])
        m.d.sync += filled.eq(
            (filled & ~(self.move | self.clear).replicate(BLOCK)) | taken)
        with m.If(self.move):
            m.d.sync += self.enable.eq(filled)
        for row in range(BLOCK):
            kept = Signal(OPERAND_BITS, name=f"kept_{row}")
            with m.If(taken[row]):
                m.d.sync += kept.eq(self.i.word_select(row, OPERAND_BITS))
            with m.If(self.move & filled[row]):  # rows that rest do not toggle
                m.d.sync += self.o.word_select(row, OPERAND_BITS).eq(kept)
        return m


class RowDrivers(wiring.Component):
    """Fills row tiles with words of up to eight channels, and drives the array's rows with them.

    A word's ``channels`` operands, rounded to ``bits`` bits (``DacQuantiser``), take as many rows,
    from ``first_row`` on the first word of a tile, then where the word before ended: a rotation,
    and an enable a row. While a tile drives the rows the next one fills up.

    *Timing*: a word is in its rows two cycles after it was taken, one a cycle. ``full`` is high
    from the cycle in which the last word of a tile is there up to that of ``move``, in which the
    drivers take it over and the next tile's first word may arrive: a tile of n words fills in n
    cycles. While ``full`` without ``move`` one word more is taken. ``overflow``: in this cycle a
    word would have gone beyond the array, and does not.

    *Parameters*: ``rows``, a multiple of 8.

    *Members*: ``start``, ``stop`` (level: forget what is filling; drivers stay), ``is_signed``,
    ``bits``, ``first_row`` (of the tile that is filling), ``i`` (stream of ``RowWord``), ``move``,
    ``full``, ``tile_filled`` (pulse: ``first_row`` is to be the next tile's from the next cycle
    on), ``overflow``, ``driven`` (rows that are enabled), ``row_data``, ``row_enable``.
    """

    def __init__(self, *, rows: int):
        if rows < BLOCK or rows % BLOCK:
            raise ValueError(f"Rows must be a multiple of {BLOCK}, not {rows!r}")
        self.rows = rows
        super().__init__({
            "start": In(1),
            "stop": In(1),
            "is_signed": In(1),
            "bits": In(4),
            "first_row": In(ceil_log2(rows)),
            "i": In(stream.Signature(RowWord)),
            "move": In(1),
            "full": Out(1),
            "tile_filled": Out(1),
            "overflow": Out(1),
            "driven": Out(range(rows + 1)),
            "row_data": Out(data.ArrayLayout(OPERAND_BITS, rows)),
            "row_enable": Out(rows),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        word = Signal(RowWord)
        held = Signal()
        load = Signal()
        with m.If(load):
            m.d.sync += held.eq(0)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [held.eq(1), word.eq(self.i.payload)]

        # Where the word goes: its first row, and behind its last.
        opening = Signal(init=1)  # it is the first of its tile
        after = Signal(range(self.rows + 1))
        begin = Signal(range(self.rows + 1))
        end = Signal(range(self.rows + BLOCK + 1))
        fits = Signal()
        count = Signal(range(self.rows + 1))  # rows of this tile that are full
        m.d.comb += [
            begin.eq(Mux(opening, self.first_row, after)),
            end.eq(begin + word.channels),
            fits.eq(end <= self.rows),
            load.eq(held & (~self.full | self.move) & ~(self.start | self.stop)),
            self.i.ready.eq(~held | load),
            self.overflow.eq(load & ~fits),
            self.tile_filled.eq(load & word.last),
        ]
        with m.If(self.move):
            m.d.sync += [self.full.eq(0), self.driven.eq(count), count.eq(0)]
        with m.If(load):
            m.d.sync += [opening.eq(word.last), after.eq(end), self.full.eq(word.last),
                         count.eq(Mux(self.move, 0, count) + word.channels)]
        with m.If(self.start | self.stop):
            m.d.sync += [held.eq(0), opening.eq(1), self.full.eq(0), count.eq(0)]

        operands = Signal(data.ArrayLayout(OPERAND_BITS, BLOCK))
        for channel in range(BLOCK):
            m.submodules[f"dac_{channel}"] = dac = DacQuantiser()
            m.d.comb += [
                dac.i.eq(word.values.word_select(channel, OPERAND_BITS)),
                dac.is_signed.eq(self.is_signed),
                dac.bits.eq(self.bits),
                operands[channel].eq(dac.o),
            ]
        turn = begin[:3]
        rotated = Signal(WORD_BITS)
        mask = Signal(2 * BLOCK)
        m.d.comb += [
            rotated.eq(operands),
            mask.eq(((1 << word.channels) - 1) << turn),
        ]
        with m.Switch(turn):
            for places in range(1, BLOCK):
                with m.Case(places):
                    m.d.comb += rotated.eq(
                        operands.as_value().rotate_left(places * OPERAND_BITS))
        groups = self.rows // BLOCK
        for index in range(groups):
            m.submodules[f"rows_{index}"] = group = RowGroup(groups=groups)
            m.d.comb += [
                group.index.eq(index),
                group.place.eq(begin[3:]),
                group.mask.eq(mask),
                group.load.eq(load & fits),
                group.i.eq(rotated),
                group.move.eq(self.move),
                group.clear.eq(self.start | self.stop),
                self.row_data.as_value().word_select(index, WORD_BITS).eq(group.o),
                self.row_enable.word_select(index, BLOCK).eq(group.enable),
            ]
        return m
