# SPDX-License-Identifier: Apache-2.0
"""Address generation of the vector unit: window columns of depthwise convolution and pooling."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..operand.gather import request_layout
from ..sequencer.descriptor import Descriptor

__all__ = ["WINDOW", "WindowWalker", "column_tag"]

COORDINATE = signed(17)
"""Input rows and columns: at the padded border they are negative."""
WINDOW = 3
"""Height and width of the window that a lane multiplies in one cycle: 3 x 3 = 9 taps."""

column_tag = data.StructLayout({
    "group_first": 1,  # first column of a channel group: new parameters
    "fire": 1,         # the window is complete with this column: multiply and add
    "first": 1,        # ... starting a new sum
    "emit": 1,         # ... which is then an output
    "clear": 1,        # forget the window afterwards
    "tile_end": 1,     # the output is the last of its tile in this channel group
    "addend": 2,       # the first, the second operand of an element-wise sum
})


class WindowWalker(wiring.Component):
    """Requests the input window a column of ``WINDOW`` rows at a time, ``blocks`` blocks wide.

    Order: ``for channel_group: for output_row: for row_group: for column``. When *sliding*, a
    window of the kernel's width moves along the row and fires at every ``stride_x``-th column.
    Otherwise it covers the whole row width, in chunks of ``WINDOW`` columns and row groups of
    ``WINDOW`` rows that are summed (global pooling).

    With ``tile_major``, all channel groups of ``tile_pixels`` outputs in raster order come before
    the next outputs; the window starts anew at the tile's first output and in each of its rows.

    *Timing*: one column a cycle. Before the first column of a channel group it waits for
    ``parameters_ready``, and raises ``claim`` with it; before a tile's it waits for ``tile_free``
    too, and raises ``tile_claim``. Parameters of the only channel group are claimed once.

    *Parameters*: ``blocks`` (channel blocks of a group), ``lanes`` (of the gather unit, at least
    ``WINDOW * blocks``), ``tile_pixels``, ``address_width``, ``tag_width``.

    *Members*: ``start``, ``stop`` (level: give up), ``descriptor``, ``tile_major``,
    ``parameters_ready``, ``claim``, ``tile_free``, ``tile_claim``, ``o``, ``stall_parameters``.
    """

    def __init__(self, *, blocks: int, lanes: int, tile_pixels: int, address_width: int,
                 tag_width: int):
        if lanes < WINDOW * blocks:
            raise ValueError(f"Gather lanes must be at least {WINDOW * blocks}, not {lanes!r}")
        self.blocks = blocks
        self.lanes = lanes
        self.tile_pixels = tile_pixels
        self.address_width = address_width
        super().__init__({
            "start": In(1),
            "stop": In(1),
            "descriptor": In(Descriptor),
            "tile_major": In(1),
            "parameters_ready": In(1),
            "claim": Out(1),
            "tile_free": In(1),
            "tile_claim": Out(1),
            "o": Out(stream.Signature(request_layout(lanes, address_width, tag_width))),
            "stall_parameters": Out(1),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        d = self.descriptor
        active = Signal()
        group = Signal(16)
        group_offset = Signal(self.address_width)
        blocks_left = Signal(16)
        pixel = Signal(range(max(self.tile_pixels, 2)))  # of the tile
        row_group = Signal(16)
        rows_below = Signal(9)         # kernel rows from the row group's first on
        row_group_offset = Signal(self.address_width)
        row_group_y = Signal(COORDINATE)
        column = Signal(16)
        phase = Signal(range(WINDOW + 1))  # columns until the next fire
        x = Signal(COORDINATE)
        at = Signal(self.address_width)    # column's first word, of channel group 0
        present = Signal(_place(self.address_width))  # the output, of channel group 0
        opened = Signal.like(present)                 # the tile's first one
        only = Signal()

        last_column = Signal()
        last_row_group = Signal()
        last_in_row = Signal()
        last_row = Signal()
        last_group = Signal()
        pixel_done = Signal()
        tile_done = Signal()
        group_first = Signal()   # first column of a channel group of a tile
        fresh = Signal()         # ... whose parameters are new
        waiting = Signal()
        go = Signal()
        m.d.comb += [
            last_column.eq(column == d.span - 1),
            last_row_group.eq(row_group == d.row_groups - 1),
            last_in_row.eq(~d.sliding | (present.x == d.out_width - 1)),
            last_row.eq(present.y == d.out_height - 1),
            last_group.eq(group == d.column_tiles - 1),
            only.eq(d.column_tiles == 1),
            pixel_done.eq(Mux(d.sliding, phase == 0, last_column & last_row_group)),
            tile_done.eq(pixel_done & ((last_in_row & last_row)
                                       | (self.tile_major & (pixel == self.tile_pixels - 1)))),
            waiting.eq((fresh & ~self.parameters_ready)
                       | (self.tile_major & group_first & (group == 0) & ~self.tile_free)),
            self.o.valid.eq(active & ~waiting),
            go.eq(self.o.valid & self.o.ready),
            self.claim.eq(go & fresh),
            self.tile_claim.eq(go & group_first & (group == 0)),
            self.stall_parameters.eq(active & fresh & ~self.parameters_ready),
        ]
        following = Signal.like(present)
        row_below = present.row_at + d.pixel_y
        m.d.comb += [
            following.x.eq(Mux(last_in_row, 0, present.x + 1)),
            following.y.eq(Mux(last_in_row, present.y + 1, present.y)),
            following.source_x.eq(Mux(last_in_row, -d.pad_x, present.source_x + d.stride_x)),
            following.source_y.eq(Mux(last_in_row, present.source_y + d.stride_y,
                                      present.source_y)),
            following.at.eq(Mux(last_in_row, row_below, present.at + d.pixel_x)),
            following.row_at.eq(Mux(last_in_row, row_below, present.row_at)),
        ]

        def open_row_group(place, offset, y):
            return [column.eq(0), x.eq(place.source_x), at.eq(place.at + offset),
                    row_group_offset.eq(offset), row_group_y.eq(y),
                    phase.eq(Mux(d.sliding, d.kernel_width - 1, WINDOW - 1))]

        def open_output(place):
            return [present.eq(place), row_group.eq(0), rows_below.eq(d.kernel_height),
                    *open_row_group(place, 0, place.source_y)]

        first = Signal.like(present)
        m.d.comb += [
            first.at.eq(d.pixel_base), first.row_at.eq(d.pixel_base),
            first.source_x.eq(-d.pad_x), first.source_y.eq(-d.pad_y),
        ]
        with m.If(self.stop):
            m.d.sync += active.eq(0)
        with m.Elif(self.start):
            m.d.sync += [active.eq(1), group.eq(0), group_offset.eq(0), pixel.eq(0),
                         group_first.eq(1), fresh.eq(1), blocks_left.eq(d.channel_blocks),
                         opened.eq(first), *open_output(first)]
        with m.Elif(go):
            m.d.sync += [
                group_first.eq(0),
                fresh.eq(0),
                column.eq(column + 1),
                x.eq(x + 1),
                at.eq(at + Mux(column[0], d.tap_x[1], d.tap_x[0])),
                phase.eq(Mux(phase == 0, Mux(d.sliding, d.stride_x, WINDOW) - 1, phase - 1)),
            ]
            with m.If(pixel_done):
                m.d.sync += [pixel.eq(pixel + 1), present.eq(following)]
            with m.If(tile_done):
                m.d.sync += [pixel.eq(0), group_first.eq(1), fresh.eq(~only)]
                with m.If(~last_group):
                    m.d.sync += [
                        group.eq(group + 1), blocks_left.eq(blocks_left - self.blocks),
                        group_offset.eq(group_offset + d.tap_channel * self.blocks),
                        *open_output(opened)]
                with m.Else():
                    m.d.sync += [
                        active.eq(~(last_in_row & last_row)), group.eq(0), group_offset.eq(0),
                        blocks_left.eq(d.channel_blocks), opened.eq(following),
                        *open_output(following)]
            with m.Elif(pixel_done & last_in_row):
                m.d.sync += open_output(following)
            with m.Elif(last_column & ~d.sliding):
                m.d.sync += [
                    row_group.eq(row_group + 1), rows_below.eq(rows_below - WINDOW),
                    *open_row_group(present, row_group_offset + d.row_group_step,
                                    row_group_y + WINDOW)]

        tag = Signal(column_tag)
        m.d.comb += [
            self.o.payload.group.eq(d.source_group),
            self.o.payload.tag.eq(tag.as_value()),
            tag.group_first.eq(fresh),
            tag.fire.eq((phase == 0) | (~d.sliding & last_column)),
            tag.first.eq(d.sliding | ((row_group == 0) & (column < WINDOW))),
            tag.emit.eq(pixel_done),
            tag.clear.eq(tag.fire & ~d.sliding),
            tag.tile_end.eq(tile_done),
        ]
        y = row_group_y
        x_inside = (x >= 0) & (x < d.in_width)
        word = Signal(self.address_width)
        m.d.comb += word.eq(at + group_offset)
        down = 0
        for dy in range(WINDOW):
            y_inside = Signal(name=f"y_inside_{dy}")
            m.d.comb += y_inside.eq((y + dy >= 0) & (y + dy < d.in_height) & (rows_below > dy))
            for block in range(self.blocks):
                lane = dy * self.blocks + block
                m.d.comb += [
                    self.o.payload.addresses[lane].eq(word + down + d.tap_channel * block),
                    self.o.payload.inside[lane].eq(x_inside & y_inside & (blocks_left > block)),
                ]
            down = down + d.tap_y[dy % 2]
        return m


def _place(address_width: int) -> data.StructLayout:
    """An output, and where its window begins: coordinates and word in the source, in this column
    and in the row's first."""
    return data.StructLayout({"x": 16, "y": 16, "source_x": COORDINATE, "source_y": COORDINATE,
                              "at": address_width, "row_at": address_width})
