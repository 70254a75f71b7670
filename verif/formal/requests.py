# SPDX-License-Identifier: Apache-2.0
"""Requests in order: what im2col asks for, word by word, against loops over the geometry."""

from collections.abc import Callable
from types import SimpleNamespace

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.asserts import AnyConst, Initial
from amaranth.hdl import Assert, Assume, Cover
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In

from ...rtl.operand.im2col import Im2col, block_tag
from ...rtl.operand.schedule import entry_layout

__all__ = ["AXES", "RequestsInOrder"]

AXES = ("kx", "ky")
"""Fields of an entry that shift a pixel along a row, and along a column, of the input."""

SIZES = ("out_width", "out_height", "in_width", "in_height", "column_tiles")
GEOMETRY = data.StructLayout({**dict.fromkeys(SIZES, 2), "pad_x": 1, "pad_y": 1})
"""A small layer."""

ADDRESS_BITS = 16
INCREMENTS = {"pixel_x": 1 << 10, "pixel_y": 1 << 12, "pixel_base": 1 << 14}
"""Each has two bits of its own in an address, where it is right to add it at most twice.

So an address less its tap's distance tells how often each was added. ``Im2col`` does nothing with
increments but add them, whatever their values: with these right, any others are.
"""


class RequestsInOrder(wiring.Component):
    """The requests of any small layer with any schedule are those of loops over its geometry.

    Beside ``Im2col`` runs an odometer over column tile, tile, entry and piece, which each
    transfer turns by one. What is requested must be what the odometer says: addresses are the
    pixel's plus the entry's distance, ``inside`` where the tap's pixel is in the input, ``shift``
    where the next row's pixel is the right-hand neighbour and the entry shares its words, the
    tag. Requests follow one another without a gap in a tile, at most ``rows`` + 2 cycles lie
    between tiles, a waiting request holds, and none comes after the layer's last.

    Layers: any with outputs and inputs of up to 3x3 pixels, padding of up to 1, strides 1 and 2,
    up to 2 column tiles; addresses of pixels are those of ``INCREMENTS``. Entries: any with taps
    of a 3x3 kernel, whose distances fit below ``INCREMENTS``.

    *Timing*: started once, in the first cycle. Proven up to the depth.

    *Parameters*: ``rows``, ``lanes`` of the ``Im2col``; ``stalls`` (``ready`` is arbitrary in
    every cycle, and so is whether an entry comes, otherwise 1); ``make``, which makes the
    ``Im2col``.

    *Members*: ``ready``, ``entry`` (the one that comes next), ``comes``.
    """

    def __init__(self, *, rows: int, lanes: int, stalls: bool,
                 make: Callable[..., Im2col] = Im2col):
        self.im2col = make(rows=rows, lanes=lanes, address_width=ADDRESS_BITS,
                           tag_width=block_tag(rows=rows, pieces=rows // lanes).size)
        self.stalls = stalls
        super().__init__({"ready": In(1), "entry": In(entry_layout(ADDRESS_BITS)),
                          "comes": In(1)})

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.im2col = im2col = self.im2col
        d = im2col.descriptor
        geometry = Signal(GEOMETRY)
        strides = Signal(data.StructLayout({"x": 1, "y": 1}))  # less 1
        m.d.comb += [
            geometry.as_value().eq(AnyConst(GEOMETRY.size)),
            strides.as_value().eq(AnyConst(2)),
            Assume(Cat(*(geometry[name].any() for name in SIZES),
                       geometry.column_tiles <= 2).all()),
            im2col.start.eq(Initial()),
            im2col.o.ready.eq(self.ready if self.stalls else 1),
            *(d[name].eq(geometry[name]) for name, _ in GEOMETRY),
            *(d[name].eq(increment) for name, increment in INCREMENTS.items()),
            d.stride_x.eq(strides.x + 1),
            d.stride_y.eq(strides.y + 1),
        ]
        # Entries wait until they are taken.
        offered = Signal()
        kept = Signal.like(im2col.i.payload)
        m.d.comb += [
            im2col.i.valid.eq(offered | self.comes if self.stalls else 1),
            im2col.i.payload.eq(Mux(offered, kept.as_value(), self.entry.as_value())),
            Assume((self.entry.kx <= 2) & (self.entry.ky <= 2)
                   & (self.entry.tap < INCREMENTS["pixel_x"])),
        ]
        m.d.sync += [offered.eq(im2col.i.valid & ~im2col.i.ready), kept.eq(im2col.i.payload)]
        odometer = self._odometer(m, geometry)
        self._check_requests(m, geometry, strides, odometer)
        self._check_handshake(m, geometry, odometer)
        return m

    def _odometer(self, m: Module, geometry) -> SimpleNamespace:
        """Where in the loops the present request is."""
        rows, o = self.im2col.rows, self.im2col.o
        piece = Signal(3)
        entries = Signal(5)  # of the tile so far
        first_pixel = Signal(5)  # of the tile
        pixels = Signal(5)
        column = Signal(2)
        done = Signal()
        m.d.comb += pixels.eq(geometry.out_width * geometry.out_height)
        last_piece = piece == rows // self.im2col.lanes - 1
        last_tile = first_pixel + rows >= pixels
        turns = o.valid & o.ready
        entry_ends = turns & last_piece
        tile_ends = entry_ends & self.im2col.i.payload.last
        with m.If(turns):
            m.d.sync += piece.eq(Mux(last_piece, 0, piece + 1))
        with m.If(entry_ends):
            m.d.sync += entries.eq(Mux(tile_ends, 0, entries + 1))
        with m.If(tile_ends):
            m.d.sync += [first_pixel.eq(Mux(last_tile, 0, first_pixel + rows)),
                         column.eq(column + last_tile),
                         done.eq(last_tile & (column == geometry.column_tiles - 1))]
        return SimpleNamespace(piece=piece, last_piece=last_piece, entries=entries,
                               entry_ends=entry_ends, first_pixel=first_pixel, pixels=pixels,
                               last_tile=last_tile, tile_ends=tile_ends, done=done)

    def _check_requests(self, m: Module, geometry, strides, odometer) -> None:
        im2col, payload, entry = self.im2col, self.im2col.o.payload, self.im2col.i.payload
        last_tile = odometer.last_tile
        tile_rows = Mux(last_tile, odometer.pixels - odometer.first_pixel, im2col.rows)
        tag = data.View(im2col.tag, payload.tag)
        expected = {
            "piece": odometer.piece,
            "block_done": odometer.last_piece,
            "far": entry.far,
            "steps": entry.steps + 1,
            "tail": entry.tail,
            "tile_last": entry.last,
            "rows": tile_rows,
            "new_columns": odometer.first_pixel == 0,
            "rewind": ~last_tile,
        }
        along, down = (entry[axis] for axis in AXES)
        m.d.comb += Assert(im2col.i.ready == odometer.entry_ends, "entry taken with its last")
        with m.If(im2col.o.valid):
            m.d.comb += [Assert(tag[name] == value, name) for name, value in expected.items()]
            for lane in range(im2col.lanes):
                row = odometer.piece * im2col.lanes + lane
                x, y = _pixel(odometer.first_pixel + row, geometry.out_width)
                in_x = (x << strides.x) + along - geometry.pad_x
                in_y = (y << strides.y) + down - geometry.pad_y
                inside = Cat(row < tile_rows, in_x >= 0, in_x < geometry.in_width,
                             in_y >= 0, in_y < geometry.in_height).all()
                address = (INCREMENTS["pixel_base"] + entry.tap
                           + _times(INCREMENTS["pixel_x"], x) + _times(INCREMENTS["pixel_y"], y))
                next_x, _ = _pixel(odometer.first_pixel + row + 1, geometry.out_width)
                shift = Cat(row + 1 < tile_rows, next_x != 0, entry.near | entry.far).all()
                m.d.comb += [
                    Assert(payload.inside[lane] == inside, f"lane {lane} is inside"),
                    Assert(payload.shift[lane] == shift, f"lane {lane} takes its neighbour's"),
                ]
                with m.If(inside):
                    m.d.comb += Assert(payload.addresses[lane] == address[:ADDRESS_BITS],
                                       f"address of lane {lane}")

    def _check_handshake(self, m: Module, geometry, odometer) -> None:
        rows, o, i = self.im2col.rows, self.im2col.o, self.im2col.i
        within = odometer.piece.any() | odometer.entries.any()
        waits = Signal()
        waiting = Signal.like(o.payload)
        idle = Signal(4)
        m.d.sync += [waits.eq(o.valid & ~o.ready), waiting.eq(o.payload),
                     idle.eq(Mux(o.valid | odometer.done | ~i.valid, 0, idle + 1))]
        m.d.comb += [
            Assert(~within | o.valid | ~i.valid, "no gap in a tile"),
            Assert(idle <= rows + 2, "the next tile follows"),
            Assert(~odometer.done | ~o.valid, "nothing after the last request"),
            Cover(odometer.done & (odometer.pixels > rows) & (geometry.column_tiles == 2),
                  "layer of four tiles"),
        ]
        if self.stalls:
            m.d.comb += [
                Assert(~waits | o.valid, "requests wait"),
                Assert(~waits | (o.payload == waiting), "waiting requests hold"),
                Cover(waits & odometer.tile_ends, "last request of a tile waits"),
            ]
        else:
            m.d.comb += Cover(odometer.tile_ends & (odometer.entries == 7),
                              "tile of eight blocks")


def _times(increment: int, count: Value) -> Value:
    """``count`` times ``increment``, for up to 2."""
    return Mux(count > 0, increment, 0) + Mux(count > 1, increment, 0)


def _pixel(number: Value, width: Value) -> tuple[Value, Value]:
    """Column and row of a pixel in raster order, in one of the first 3 rows."""
    y = (number >= width) + (number >= (width << 1))
    return (number - Mux(y > 0, width, 0) - Mux(y > 1, width, 0))[:2], y
