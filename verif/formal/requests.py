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

__all__ = ["ORDER", "RequestsInOrder"]

ORDER = ("block", "ky", "kx")
"""Loops over the taps of a tile, the outermost first."""

SIZES = ("out_width", "out_height", "in_width", "in_height", "kernel_width", "kernel_height",
         "channel_blocks", "column_tiles")
GEOMETRY = data.StructLayout({
    **dict.fromkeys(SIZES, 2), "pad_x": 1, "pad_y": 1, "steps": 4, "last_steps": 4})
"""A small layer."""

ADDRESS_BITS = 16
INCREMENTS = {"tap_x": (1 << 0, 1 << 2), "tap_y": (1 << 4, 1 << 6), "tap_channel": 1 << 8,
              "pixel_x": 1 << 10, "pixel_y": 1 << 12, "pixel_base": 1 << 14}
"""Each has two bits of its own in an address, where it is right to add it at most twice.

So an address tells how often each was added. ``Im2col`` does nothing with increments but add
them, whatever their values: with these right, any others are.
"""


class RequestsInOrder(wiring.Component):
    """The requests of any small layer are those of loops over its geometry.

    Beside ``Im2col`` runs an odometer over column tile, tile, ``ORDER`` and piece, which each
    transfer turns by one. What is requested must be what the odometer says: addresses are the
    pixel's plus the tap's offsets, ``inside`` where the tap's pixel is in the input, ``shift``
    where the next row's pixel is the right-hand neighbour and has had the word, the tag.
    Requests follow one another without a gap in a tile, at most ``rows`` + 2 cycles lie between
    tiles, a waiting request holds, and none comes after the layer's last.

    Layers: any with outputs and inputs of up to 3x3 pixels, kernels of up to 3x3, padding of up
    to 1, strides 1 and 2, up to 2 channel blocks and 2 column tiles, any steps; addresses are
    those of ``INCREMENTS``.

    *Timing*: started once, in the first cycle. Proven up to the depth.

    *Parameters*: ``rows``, ``lanes`` of the ``Im2col``; ``stalls`` (``ready`` is arbitrary in
    every cycle, otherwise 1); ``make``, which makes the ``Im2col``.

    *Members*: ``ready``.
    """

    def __init__(self, *, rows: int, lanes: int, stalls: bool,
                 make: Callable[..., Im2col] = Im2col):
        self.im2col = make(rows=rows, lanes=lanes, address_width=ADDRESS_BITS,
                           tag_width=block_tag(rows=rows, pieces=rows // lanes).size)
        self.stalls = stalls
        super().__init__({"ready": In(1)})

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
                       geometry.channel_blocks <= 2, geometry.column_tiles <= 2).all()),
            im2col.start.eq(Initial()),
            im2col.o.ready.eq(self.ready if self.stalls else 1),
            *(d[name].eq(geometry[name]) for name, _ in GEOMETRY),
            d.stride_x.eq(strides.x + 1),
            d.stride_y.eq(strides.y + 1),
        ]
        for name, increment in INCREMENTS.items():
            if isinstance(increment, tuple):
                m.d.comb += [d[name][0].eq(increment[0]), d[name][1].eq(increment[1])]
            else:
                m.d.comb += d[name].eq(increment)
        odometer = self._odometer(m, geometry)
        self._check_requests(m, geometry, strides, odometer)
        self._check_handshake(m, geometry, odometer)
        return m

    def _odometer(self, m: Module, geometry) -> SimpleNamespace:
        """Where in the loops the present request is."""
        rows, o = self.im2col.rows, self.im2col.o
        sizes = {"piece": rows // self.im2col.lanes, "block": geometry.channel_blocks,
                 "kx": geometry.kernel_width, "ky": geometry.kernel_height}
        at = {name: Signal(3, name=name) for name in sizes}
        last = {name: at[name] == size - 1 for name, size in sizes.items()}
        first_pixel = Signal(5)  # of the tile
        pixels = Signal(5)
        column = Signal(2)
        done = Signal()
        m.d.comb += pixels.eq(geometry.out_width * geometry.out_height)
        last_tile = first_pixel + rows >= pixels
        turns = o.valid & o.ready
        for name in ("piece", *reversed(ORDER)):
            with m.If(turns):
                m.d.sync += at[name].eq(Mux(last[name], 0, at[name] + 1))
            turns = turns & last[name]
        with m.If(turns):
            m.d.sync += [first_pixel.eq(Mux(last_tile, 0, first_pixel + rows)),
                         column.eq(column + last_tile),
                         done.eq(last_tile & (column == geometry.column_tiles - 1))]
        return SimpleNamespace(at=at, last=last, first_pixel=first_pixel, pixels=pixels,
                               last_tile=last_tile, tile_ends=turns, done=done)

    def _check_requests(self, m: Module, geometry, strides, odometer) -> None:
        im2col, payload = self.im2col, self.im2col.o.payload
        at, last, last_tile = odometer.at, odometer.last, odometer.last_tile
        tile_rows = Mux(last_tile, odometer.pixels - odometer.first_pixel, im2col.rows)
        tag = data.View(im2col.tag, payload.tag)
        expected = {
            "piece": at["piece"],
            "block_done": last["piece"],
            "steps": Mux(last["block"], geometry.last_steps, geometry.steps),
            "tail": last["block"],
            "tile_last": Cat(last[name] for name in ORDER).all(),
            "rows": tile_rows,
            "new_columns": odometer.first_pixel == 0,
            "rewind": ~last_tile,
        }
        tap = (_sum(INCREMENTS["tap_x"], at["kx"]) + _sum(INCREMENTS["tap_y"], at["ky"])
               + Mux(at["block"] == 1, INCREMENTS["tap_channel"], 0))
        with m.If(im2col.o.valid):
            m.d.comb += [Assert(tag[name] == value, name) for name, value in expected.items()]
            for lane in range(im2col.lanes):
                row = at["piece"] * im2col.lanes + lane
                x, y = _pixel(odometer.first_pixel + row, geometry.out_width)
                in_x = (x << strides.x) + at["kx"] - geometry.pad_x
                in_y = (y << strides.y) + at["ky"] - geometry.pad_y
                inside = Cat(row < tile_rows, in_x >= 0, in_x < geometry.in_width,
                             in_y >= 0, in_y < geometry.in_height).all()
                address = (INCREMENTS["pixel_base"] + tap + _sum((INCREMENTS["pixel_x"],) * 2, x)
                           + _sum((INCREMENTS["pixel_y"],) * 2, y))
                next_x, _ = _pixel(odometer.first_pixel + row + 1, geometry.out_width)
                shift = Cat(row + 1 < tile_rows, next_x != 0, at["kx"] > strides.x).all()
                m.d.comb += [
                    Assert(payload.inside[lane] == inside, f"lane {lane} is inside"),
                    Assert(payload.shift[lane] == shift, f"lane {lane} takes its neighbour's"),
                ]
                with m.If(inside):
                    m.d.comb += Assert(payload.addresses[lane] == address,
                                       f"address of lane {lane}")

    def _check_handshake(self, m: Module, geometry, odometer) -> None:
        rows, o = self.im2col.rows, self.im2col.o
        waits = Signal()
        waiting = Signal.like(o.payload)
        idle = Signal(4)
        m.d.sync += [waits.eq(o.valid & ~o.ready), waiting.eq(o.payload),
                     idle.eq(Mux(o.valid | odometer.done, 0, idle + 1))]
        m.d.comb += [
            Assert(~Cat(odometer.at.values()).any() | o.valid, "no gap in a tile"),
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
            m.d.comb += Cover(
                odometer.tile_ends & (geometry.channel_blocks == 2)
                & (geometry.kernel_width == 3) & (geometry.kernel_height == 3),
                "tile of a 3x3 kernel on two blocks")


def _sum(increments: tuple[int, int], count: Value) -> Value:
    """The sum of the first ``count`` of two increments."""
    return Mux(count > 0, increments[0], 0) + Mux(count > 1, increments[1], 0)


def _pixel(number: Value, width: Value) -> tuple[Value, Value]:
    """Column and row of a pixel in raster order, in one of the first 3 rows."""
    y = (number >= width) + (number >= (width << 1))
    return (number - Mux(y > 0, width, 0) - Mux(y > 1, width, 0))[:2], y
