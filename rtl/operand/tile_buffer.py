# SPDX-License-Identifier: Apache-2.0
"""Ping-pong buffer between the vector unit and the engine: results become operands on the spot."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2, exact_log2

from ..memory.sram import SramBank
from .gather import LaneSelect, piece_layout, request_layout
from .im2col import block_tag

__all__ = ["TileBuffer"]


class TileBuffer(wiring.Component):
    """Holds two tiles of ``rows`` pixels: one is written, channel group by channel group, while
    the other is read, block by block and as often as there are column tiles.

    A request's first address is the channel block; its tag is im2col's, whose ``rewind`` marks
    the last reading of a tile. Each half is ``lanes`` x ``words`` single-port banks: pixel ``p`` of
    channel block ``b`` lies in bank ``(p % lanes, b % words)``.

    *Timing*: a word written in cycle t can be read from t+1 on. A request is taken when its tile is
    whole and the piece before has left, and its piece follows one cycle later, held until it is
    taken. A tile's half is free again in the cycle after its last request was taken.

    *Parameters*: ``rows``, ``lanes`` (divides ``rows``), ``words`` (channel blocks written at
    once, a power of two), ``blocks`` (channel blocks held), ``address_width``, ``tag_width``.

    *Members*: ``start``, ``stop`` (level: empty), ``groups`` (channel groups of a tile), ``valid``,
    ``values`` (of a pixel), ``tile_end`` (the tile's last pixel in this channel group), ``claim``
    (a tile is on its way), ``free`` (for another tile), ``i`` (requests), ``flip``, ``pad_value``
    (as ``Gather``), ``o`` (pieces).
    """

    FULL_DELAY = 1  # from a tile's last write to its first read

    def __init__(self, *, rows: int, lanes: int, words: int, blocks: int, address_width: int,
                 tag_width: int):
        if rows % lanes:
            raise ValueError(f"Lanes must be a divisor of {rows} rows, not {lanes!r}")
        if words & words - 1 or words < 1:
            raise ValueError(f"Words written at once must be a power of two, not {words!r}")
        self.rows = rows
        self.lanes = lanes
        self.words = words
        self.blocks = blocks
        self.tag = block_tag(rows=rows, pieces=rows // lanes)
        super().__init__({
            "start": In(1),
            "stop": In(1),
            "groups": In(16),
            "valid": In(1),
            "values": In(data.ArrayLayout(64, words)),
            "tile_end": In(1),
            "claim": In(1),
            "free": Out(1),
            "i": In(stream.Signature(request_layout(lanes, address_width, tag_width))),
            "flip": In(1),
            "pad_value": In(8),
            "o": Out(stream.Signature(piece_layout(lanes, tag_width))),
        })

    @staticmethod
    def depth_of(*, rows: int, lanes: int, words: int, blocks: int) -> int:
        """Words of each of its ``2 * lanes * words`` banks."""
        return -(-blocks // words) * (rows // lanes)

    def elaborate(self, platform) -> Module:
        m = Module()
        piece_bits = exact_log2(self.rows // self.lanes)
        word_bits = exact_log2(self.words)
        lines = self.depth_of(rows=self.rows, lanes=self.lanes, words=self.words,
                              blocks=self.blocks)
        line_bits = ceil_log2(lines)

        # Writing: pixels of a channel group in order.
        half = Signal()
        pixel = Signal(range(self.rows))
        group = Signal(16)
        whole = Signal()
        m.d.comb += whole.eq(self.valid & self.tile_end & (group == self.groups - 1))
        with m.If(self.valid):
            m.d.sync += pixel.eq(pixel + 1)
            with m.If(self.tile_end):
                m.d.sync += [pixel.eq(0), group.eq(group + 1)]
        with m.If(whole):
            m.d.sync += [group.eq(0), half.eq(~half)]

        # Reading.
        tag = self.i.payload.tag[:self.tag.size]
        request = data.View(self.tag, tag)
        block = self.i.payload.addresses[0]
        read_half = Signal()
        take = Signal()
        release = Signal()
        full = Signal(range(3))
        claimed = Signal(range(3))
        valid = Signal()
        m.d.comb += [
            self.i.ready.eq((full != 0) & (~valid | self.o.ready)),
            take.eq(self.i.valid & self.i.ready),
            release.eq(take & request.block_done & request.tile_last & request.rewind),
            self.free.eq(claimed != 2),
        ]
        m.d.sync += [full.eq(full + whole - release), claimed.eq(claimed + self.claim - release)]
        with m.If(release):
            m.d.sync += read_half.eq(~read_half)
        with m.If(self.o.ready):
            m.d.sync += valid.eq(0)
        inside = Signal(self.lanes)
        selected = Signal(1 + word_bits)
        held_tag = Signal.like(self.o.payload.tag)
        with m.If(take):
            m.d.sync += [
                valid.eq(1), inside.eq(self.i.payload.inside), held_tag.eq(self.i.payload.tag),
                selected.eq(Cat(block[:word_bits], read_half)),
            ]
        with m.If(self.start | self.stop):
            m.d.sync += [half.eq(0), pixel.eq(0), group.eq(0), read_half.eq(0), full.eq(0),
                         claimed.eq(0), valid.eq(0)]
        m.d.comb += [
            self.o.valid.eq(valid),
            self.o.payload.write.eq((1 << self.lanes) - 1),
            self.o.payload.done.eq(1),
            self.o.payload.tag.eq(held_tag),
        ]

        write_line = Signal(line_bits)
        read_line = Signal(line_bits)
        write_lane = Signal(max(exact_log2(self.lanes), 1))
        m.d.comb += [
            write_lane.eq(pixel[:exact_log2(self.lanes)]),
            write_line.eq(Cat(pixel[exact_log2(self.lanes):][:piece_bits], group)),
            read_line.eq(Cat(request.piece[:piece_bits], block[word_bits:])),
        ]
        for lane in range(self.lanes):
            m.submodules[f"lane_{lane}"] = select = LaneSelect(banks=2 * self.words)
            m.d.comb += [
                select.bank.eq(selected),
                select.inside.eq(inside[lane]),
                select.flip.eq(self.flip),
                select.pad_value.eq(self.pad_value),
                self.o.payload.values[lane].eq(select.value),
            ]
            for index in range(2 * self.words):
                side, word = divmod(index, self.words)
                m.submodules[f"bank_{lane}_{index}"] = bank = SramBank(depth=lines)
                write = Signal(name=f"write_{lane}_{index}")
                m.d.comb += [
                    write.eq(self.valid & (half == side) & (write_lane == lane)),
                    bank.enable.eq(write | (take & (read_half == side)
                                            & (block[:word_bits] == word))),
                    bank.write.eq(write),
                    bank.address.eq(Mux(write, write_line, read_line)),
                    bank.write_data.eq(self.values[word]),
                    bank.write_mask.eq(0xFF),
                    select.words[index].eq(bank.read_data),
                ]
        return m
