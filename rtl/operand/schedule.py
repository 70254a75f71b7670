# SPDX-License-Identifier: Apache-2.0
"""The schedule of a layer: which channel blocks its column tiles issue, in order."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["KERNEL_BITS", "WORD_BITS", "ScheduleReader", "entries_per_word", "entry_layout"]

WORD_BITS = 64
KERNEL_BITS = 5
"""Of a tap's place in the kernel, as far as it decides whether the tap is in the input."""


def entry_layout(address_width: int) -> data.StructLayout:
    """A channel block at a kernel tap, as a column tile issues it.

    ``last``: the tile's last block; ``tail``: the source's last channel block; ``near``: words of
    rows whose right-hand neighbour is in the next row are that row's of the entry before;
    ``far``: ... of the one before that; ``steps``: array steps, less 1; ``kx``, ``ky``: the tap;
    ``tap``: its words' distance from the pixel's.
    """
    return data.StructLayout({
        "last": 1, "tail": 1, "near": 1, "far": 1, "steps": 3, "kx": KERNEL_BITS,
        "ky": KERNEL_BITS, "tap": address_width})


def entries_per_word(address_width: int) -> int:
    """Entries of 32 bits where addresses leave room for it, otherwise of 64."""
    return 2 if entry_layout(address_width).size <= WORD_BITS // 2 else 1


class ScheduleReader(wiring.Component):
    """Reads a layer's schedule, tile after tile, ahead of who takes it.

    The entries of column tile c follow those of c - 1 and end with ``last``. They are handed out
    once for each tile of pixels (``row_tiles``): all tiles of the same columns, then the next
    columns (a rewind to the column tile's first entry between); or with ``tile_major`` all
    columns of a tile, then the next tile (a rewind to the layer's first entry between).

    *Timing*: the first entry two cycles after ``start``, then one a cycle. The next read's row
    follows from the memory's output: a look at ``last`` and a multiplexer. An entry in the word
    that was read last is not read again.

    *Parameters*: ``address_width`` (of the entries' taps), ``row_width`` (of the memory).

    *Members*: ``start``, ``stop`` (level: give up), ``base`` (memory row of the layer's first
    entry), ``row_tiles``, ``column_tiles``, ``tile_major``, ``o`` (entries), ``read_enable``,
    ``read_row``, ``read_data`` (a cycle later, held).
    """

    def __init__(self, *, address_width: int, row_width: int):
        self.address_width = address_width
        self.per_word = entries_per_word(address_width)
        super().__init__({
            "start": In(1),
            "stop": In(1),
            "base": In(row_width),
            "row_tiles": In(16),
            "column_tiles": In(16),
            "tile_major": In(1),
            "o": Out(stream.Signature(entry_layout(address_width))),
            "read_enable": Out(1),
            "read_row": Out(row_width),
            "read_data": In(WORD_BITS),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        half_bits = self.per_word - 1  # of an entry's place in its word
        index = Signal(len(self.base) + half_bits)  # of the entry at the memory's output
        first = Signal.like(index)  # where a rewind leads to
        pending = Signal()
        tile = Signal(16)
        column = Signal(16)
        entry = Signal(entry_layout(self.address_width))
        after = Signal.like(index)
        following = Signal.like(index)
        take = Signal()
        ends = Signal()
        last_tile = Signal()
        last_column = Signal()
        rewind = Signal()
        final = Signal()
        m.d.comb += [
            entry.as_value().eq(Mux(index[:half_bits].any(), self.read_data[WORD_BITS // 2:],
                                    self.read_data)),
            take.eq(pending & (~self.o.valid | self.o.ready)),
            ends.eq(take & entry.last),
            last_tile.eq(tile == self.row_tiles - 1),
            last_column.eq(column == self.column_tiles - 1),
            final.eq(entry.last & last_tile & last_column),
            rewind.eq(entry.last & ~last_tile & (last_column | ~self.tile_major)),
            after.eq(index + 1),
            following.eq(Mux(rewind, first, after)),
            self.read_row.eq(Mux(self.start, self.base, following[half_bits:])),
            self.read_enable.eq(self.start | (take & ~final & (
                rewind | (after[:half_bits] == 0)))),
        ]
        with m.If(take):
            m.d.sync += [self.o.payload.eq(entry), self.o.valid.eq(1), index.eq(following)]
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(ends & self.tile_major):
            m.d.sync += [column.eq(Mux(last_column, 0, column + 1)), tile.eq(tile + last_column)]
        with m.Elif(ends):
            m.d.sync += [tile.eq(Mux(last_tile, 0, tile + 1)), column.eq(column + last_tile)]
            with m.If(last_tile):
                m.d.sync += first.eq(after)
        with m.If(take & final):
            m.d.sync += pending.eq(0)
        with m.If(self.start):
            m.d.sync += [index.eq(self.base << half_bits), first.eq(self.base << half_bits),
                         pending.eq(1), tile.eq(0), column.eq(0), self.o.valid.eq(0)]
        with m.Elif(self.stop):
            m.d.sync += [pending.eq(0), self.o.valid.eq(0)]
        return m
