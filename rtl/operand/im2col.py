# SPDX-License-Identifier: Apache-2.0
"""Im2col address generation: which words the rows of an output tile read for each block."""

from amaranth import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..cell import Cell
from ..sequencer.descriptor import Descriptor
from .gather import request_layout
from .raster import RasterWalker
from .schedule import KERNEL_BITS, entry_layout

__all__ = ["Im2col", "Im2colRow", "block_tag"]

COORDINATE_BITS = 17
"""Input rows and columns as two's complement: at the padded border they are negative."""


def block_tag(*, rows: int, pieces: int) -> data.StructLayout:
    """What travels with the words of one channel block of one tile.

    ``piece``: which ``rows / pieces`` rows these are; ``block_done``: the block's last piece;
    ``far``: shifted words are the neighbour's of the block before the last one, otherwise of the
    last; ``steps``: array steps of the block; ``tail``: it is the source's last channel block;
    ``tile_last``: the tile's last block; ``rows``: valid rows of the tile; ``new_columns``: other
    columns than the tile before; ``rewind``: weights are read again, for the next tile of these
    columns or, in tile-major order, from the layer's first for the next pixels.
    """
    return data.StructLayout({
        "piece": range(max(pieces, 2)),
        "block_done": 1,
        "far": 1,
        "steps": 4,
        "tail": 1,
        "tile_last": 1,
        "rows": range(rows + 1),
        "new_columns": 1,
        "rewind": 1,
    })


class Im2colRow(Cell):
    """One row of a tile: the pixel of this tile and of the next, and the word at the present tap.

    ``joined`` says that the pixel is the right-hand neighbour of the pixel of the row before. A
    coordinate outside the input, below zero too, exceeds its size as an unsigned number.

    *Timing*: ``load`` takes the pixel for the next tile, ``swap`` makes it this tile's;
    ``word`` and ``inside`` follow ``tap``, ``kx``, ``ky`` combinationally.

    *Members*: ``load``, ``clear`` (no pixel for the next tile yet), ``swap``, ``address``, ``x``,
    ``y`` (of tap 0), ``joins``, ``tap``, ``kx``, ``ky``, ``in_width``, ``in_height``, ``word``,
    ``inside``, ``joined``.
    """

    def __init__(self, *, address_width: int):
        self.address_width = address_width
        super().__init__({
            "load": In(1),
            "clear": In(1),
            "swap": In(1),
            "address": In(address_width),
            "x": In(COORDINATE_BITS),
            "y": In(COORDINATE_BITS),
            "joins": In(1),
            "tap": In(address_width),
            "kx": In(KERNEL_BITS),
            "ky": In(KERNEL_BITS),
            "in_width": In(16),
            "in_height": In(16),
            "word": Out(address_width),
            "inside": Out(1),
            "joined": Out(1),
        })

    @property
    def module_name(self) -> str:
        return f"im2col_row_{self.address_width}"

    def body(self, platform) -> Module:
        m = Module()
        names = {"address": self.address_width, "x": COORDINATE_BITS, "y": COORDINATE_BITS,
                 "joins": 1, "valid": 1}
        following = {name: Signal(width, name=f"next_{name}") for name, width in names.items()}
        current = {name: Signal(width, name=f"this_{name}") for name, width in names.items()}
        with m.If(self.swap):
            m.d.sync += [current[name].eq(following[name]) for name in names]
        with m.If(self.clear):
            m.d.sync += following["valid"].eq(0)
        with m.If(self.load):
            m.d.sync += [following["address"].eq(self.address), following["x"].eq(self.x),
                         following["y"].eq(self.y), following["joins"].eq(self.joins),
                         following["valid"].eq(1)]
        x = Signal(COORDINATE_BITS)
        y = Signal(COORDINATE_BITS)
        m.d.comb += [
            x.eq(current["x"] + self.kx),
            y.eq(current["y"] + self.ky),
            self.word.eq(current["address"] + self.tap),
            self.joined.eq(current["valid"] & current["joins"]),
            self.inside.eq(current["valid"] & (x < self.in_width) & (y < self.in_height)),
        ]
        return m


class Im2col(wiring.Component):
    """Turns a convolution's geometry and schedule into gather requests, tile by tile.

    A tile is ``rows`` output pixels in raster order against one tile of columns; tiles of the
    same columns follow one another, or with ``tile_major`` tiles of the same pixels. A tile reads
    the channel blocks that its schedule lists (``entry_layout``), each in ``rows / lanes``
    requests. Pixels outside the input are marked for the pad value.

    The word of a row at tap kx is that of its right-hand neighbour at tap ``kx - stride``. Where
    that tap was issued too, such words are read once and then marked ``shift``: the issuer's rows
    pass them on, from the last entry or from the one before. A run of P neighbours thus reads
    ``(P - 1) * min(stride, kernel_width) + kernel_width`` words of an input row, not
    ``P * kernel_width``
    (VDBB, section 3: the IM2COL unit's two register sets in shift loops, here along x).

    *Timing*: the pixels of the next tile are worked out, one a cycle, while this one is read. One
    request a cycle, as long as there are entries. An entry is taken with its last request.

    *Parameters*: ``rows``, ``lanes`` (divides ``rows``), ``address_width``, ``tag_width`` (at
    least the size of ``block_tag``).

    *Members*: ``start``, ``stop`` (level: give up), ``tile_major``, ``descriptor``, ``i`` (entries
    of the schedule), ``o`` (requests).
    """

    def __init__(self, *, rows: int, lanes: int, address_width: int, tag_width: int):
        if rows % lanes:
            raise ValueError(f"Gather lanes must be a divisor of {rows} rows, not {lanes!r}")
        self.rows = rows
        self.lanes = lanes
        self.address_width = address_width
        self.tag = block_tag(rows=rows, pieces=rows // lanes)
        super().__init__({
            "start": In(1),
            "stop": In(1),
            "tile_major": In(1),
            "descriptor": In(Descriptor),
            "i": In(stream.Signature(entry_layout(address_width))),
            "o": Out(stream.Signature(request_layout(lanes, address_width, tag_width))),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        d = self.descriptor
        # The next tile: one pixel a cycle into its slots.
        m.submodules.walker = walker = RasterWalker(address_width=self.address_width)
        rows_of_tile = [Im2colRow(address_width=self.address_width) for _ in range(self.rows)]
        filling = Signal()
        fill = Signal()
        ready = Signal()
        count = Signal(range(self.rows + 1))
        column = Signal(16)
        next_rewind = Signal()
        next_new = Signal()
        next_final = Signal()
        swap = Signal()

        x0 = Signal(COORDINATE_BITS)
        y0 = Signal(COORDINATE_BITS)
        clear = Signal()
        m.d.comb += [
            walker.restart.eq(self.start),
            walker.base.eq(d.pixel_base),
            walker.width.eq(d.out_width),
            walker.height.eq(d.out_height),
            walker.step_x[0].eq(d.pixel_x),
            walker.step_x[1].eq(d.pixel_x),
            walker.step_y[0].eq(d.pixel_y),
            walker.step_y[1].eq(d.pixel_y),
            walker.step.eq(fill),
            x0.eq(Mux(d.stride_x[1], walker.x << 1, walker.x) - d.pad_x),
            y0.eq(Mux(d.stride_y[1], walker.y << 1, walker.y) - d.pad_y),
        ]
        fresh_columns = Signal()  # the next pixel opens a column tile
        # The first pixel of the next tile is taken in the cycle in which the slots move on.
        position = Signal.like(count)
        m.d.comb += [
            fill.eq(filling | (swap & ~next_final)),
            position.eq(Mux(swap, 0, count)),
            clear.eq(swap | self.start),
        ]
        with m.If(self.stop):
            m.d.sync += [filling.eq(0), ready.eq(0)]
        with m.Elif(self.start):
            m.d.sync += [filling.eq(1), ready.eq(0), count.eq(0), column.eq(0),
                         fresh_columns.eq(1)]
        with m.Elif(fill):
            m.d.sync += [filling.eq(1), ready.eq(0), count.eq(position + 1)]
            with m.If(position == 0):
                m.d.sync += [next_new.eq(fresh_columns), fresh_columns.eq(0)]
            with m.If(walker.last | (position == self.rows - 1)):
                m.d.sync += [
                    filling.eq(0),
                    ready.eq(1),
                    next_rewind.eq(~walker.last),
                    next_final.eq(walker.last
                                  & (self.tile_major | (column == d.column_tiles - 1))),
                ]
            with m.If(walker.last):
                m.d.sync += [column.eq(column + 1), fresh_columns.eq(1)]
        with m.Elif(swap):
            m.d.sync += ready.eq(0)

        # This tile: the schedule's blocks in order, and of each the rows a piece at a time.
        entry = self.i.payload
        active = Signal()
        rows = Signal(range(self.rows + 1))
        rewind = Signal()
        new_columns = Signal()
        piece = Signal(range(max(self.rows // self.lanes, 2)))
        go = Signal()
        last_piece = Signal()
        tile_done = Signal()
        columns_done = Signal()   # of these pixels
        tile_column = Signal(16)  # of these pixels, if tile-major
        m.d.comb += [
            self.o.valid.eq(active & self.i.valid),
            go.eq(self.o.valid & self.o.ready),
            last_piece.eq(piece == self.rows // self.lanes - 1),
            self.i.ready.eq(go & last_piece),
            tile_done.eq(self.i.ready & entry.last),
            columns_done.eq(~self.tile_major | (tile_column == d.column_tiles - 1)),
            swap.eq(ready & (~active | (tile_done & columns_done))),
        ]
        with m.If(go):
            m.d.sync += piece.eq(Mux(last_piece, 0, piece + 1))
        with m.If(self.start | self.stop):
            m.d.sync += [active.eq(0), piece.eq(0)]
        with m.Elif(swap):
            m.d.sync += [
                active.eq(1), rows.eq(count), rewind.eq(next_rewind), tile_column.eq(0),
                new_columns.eq(next_new | (self.tile_major & (d.column_tiles != 1))),
            ]
        with m.Elif(tile_done):
            m.d.sync += [active.eq(~columns_done), tile_column.eq(tile_column + 1)]

        tag = Signal(self.tag)
        m.d.comb += [
            self.o.payload.group.eq(d.source_group),
            self.o.payload.tag.eq(tag.as_value()),
            tag.piece.eq(piece),
            tag.block_done.eq(last_piece),
            tag.far.eq(entry.far),
            tag.steps.eq(entry.steps + 1),
            tag.tail.eq(entry.tail),
            tag.tile_last.eq(entry.last),
            tag.rows.eq(rows),
            tag.new_columns.eq(new_columns),
            tag.rewind.eq(Mux(self.tile_major, columns_done, rewind)),
        ]
        for index, row in enumerate(rows_of_tile):
            m.submodules[f"row_{index}"] = row
            m.d.comb += [
                row.load.eq(fill & (position == index)),
                row.clear.eq(clear),
                row.swap.eq(swap),
                row.address.eq(walker.address),
                row.x.eq(x0),
                row.y.eq(y0),
                row.joins.eq(walker.x != 0),
                row.tap.eq(entry.tap),
                row.kx.eq(entry.kx),
                row.ky.eq(entry.ky),
                row.in_width.eq(d.in_width),
                row.in_height.eq(d.in_height),
            ]
        shifts = Signal(self.rows)
        m.d.comb += shifts.eq(Cat(
            (entry.near | entry.far) & right.joined for right in rows_of_tile[1:]))
        for lane in range(self.lanes):
            choices = rows_of_tile[lane::self.lanes]
            m.d.comb += [
                self.o.payload.addresses[lane].eq(Array(row.word for row in choices)[piece]),
                self.o.payload.inside[lane].eq(Cat(row.inside for row in choices)
                                               .bit_select(piece, 1)),
                self.o.payload.shift[lane].eq(shifts[lane::self.lanes].bit_select(piece, 1)),
            ]
        return m
