# SPDX-License-Identifier: Apache-2.0
"""Address generation of the vector unit: window columns of depthwise convolution and pooling."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..operand.gather import request_layout
from ..sequencer.descriptor import Descriptor

__all__ = ["WINDOW", "WindowWalker", "column_tag"]

WINDOW = 3
"""Height and width of the window that a lane multiplies in one cycle: 3 x 3 = 9 taps."""

column_tag = data.StructLayout({
    "group_first": 1,  # first column of a channel group: new parameters
    "fire": 1,         # the window is complete with this column: multiply and add
    "first": 1,        # ... starting a new sum
    "emit": 1,         # ... which is then an output
    "clear": 1,        # forget the window afterwards
    "addend": 2,       # the first, the second operand of an element-wise sum
})


class WindowWalker(wiring.Component):
    """Requests the input window a column of ``WINDOW`` rows at a time, ``blocks`` blocks wide.

    Order: ``for channel_group: for output_row: for row_group: for column``. When *sliding*, a
    window of the kernel's width moves along the row and fires at every ``stride_x``-th column.
    Otherwise it covers the whole row width, in chunks of ``WINDOW`` columns and row groups of
    ``WINDOW`` rows that are summed (global pooling).

    *Timing*: one column a cycle. Before the first column of a channel group it waits for
    ``parameters_ready``, and raises ``claim`` with it.

    *Parameters*: ``blocks`` (channel blocks of a group), ``lanes`` (of the gather unit, at least
    ``WINDOW * blocks``), ``address_width``, ``tag_width``.

    *Members*: ``start``, ``stop`` (level: give up), ``descriptor``, ``parameters_ready``,
    ``claim``, ``o``,
    ``stall_parameters``.
    """

    def __init__(self, *, blocks: int, lanes: int, address_width: int, tag_width: int):
        if lanes < WINDOW * blocks:
            raise ValueError(f"Gather lanes must be at least {WINDOW * blocks}, not {lanes!r}")
        self.blocks = blocks
        self.lanes = lanes
        self.address_width = address_width
        super().__init__({
            "start": In(1),
            "stop": In(1),
            "descriptor": In(Descriptor),
            "parameters_ready": In(1),
            "claim": Out(1),
            "o": Out(stream.Signature(request_layout(lanes, address_width, tag_width))),
            "stall_parameters": Out(1),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        d = self.descriptor
        coordinate = signed(17)
        active = Signal()
        group = Signal(16)
        row = Signal(16)
        row_group = Signal(16)
        column = Signal(16)
        phase = Signal(range(WINDOW + 1))  # columns until the next fire
        blocks_left = Signal(16)

        x = Signal(coordinate)
        y = Signal(coordinate)         # of the row group's first row
        row_y = Signal(coordinate)
        rows_below = Signal(9)         # kernel rows from the row group's first on
        at = Signal(self.address_width)
        at_row_group = Signal(self.address_width)
        at_row = Signal(self.address_width)
        at_group = Signal(self.address_width)

        last_column = Signal()
        last_row_group = Signal()
        last_row = Signal()
        last_group = Signal()
        group_first = Signal()
        waiting = Signal()
        go = Signal()
        m.d.comb += [
            last_column.eq(column == d.span - 1),
            last_row_group.eq(row_group == d.row_groups - 1),
            last_row.eq(row == d.out_height - 1),
            last_group.eq(group == d.column_tiles - 1),
            group_first.eq((row == 0) & (row_group == 0) & (column == 0)),
            waiting.eq(group_first & ~self.parameters_ready),
            self.o.valid.eq(active & ~waiting),
            go.eq(self.o.valid & self.o.ready),
            self.claim.eq(go & group_first),
            self.stall_parameters.eq(active & waiting),
        ]

        def open_row_group(address, y0):
            return [column.eq(0), x.eq(-d.pad_x), at.eq(address), y.eq(y0),
                    phase.eq(Mux(d.sliding, d.kernel_width - 1, WINDOW - 1))]

        def open_row(address, y0):
            return [row_group.eq(0), at_row_group.eq(address), rows_below.eq(d.kernel_height),
                    *open_row_group(address, y0)]

        def open_group(address, blocks):
            return [row.eq(0), row_y.eq(-d.pad_y), at_row.eq(address), at_group.eq(address),
                    blocks_left.eq(blocks), *open_row(address, -d.pad_y)]

        with m.If(self.stop):
            m.d.sync += active.eq(0)
        with m.Elif(self.start):
            m.d.sync += [active.eq(1), group.eq(0), *open_group(d.pixel_base, d.channel_blocks)]
        with m.Elif(go):
            next_row = at_row + d.pixel_y
            next_y = row_y + d.stride_y
            m.d.sync += [
                column.eq(column + 1),
                x.eq(x + 1),
                at.eq(at + Mux(column[0], d.tap_x[1], d.tap_x[0])),
                phase.eq(Mux(phase == 0, Mux(d.sliding, d.stride_x, WINDOW) - 1, phase - 1)),
            ]
            with m.If(last_column & ~last_row_group):
                m.d.sync += [
                    row_group.eq(row_group + 1),
                    rows_below.eq(rows_below - WINDOW),
                    at_row_group.eq(at_row_group + d.row_group_step),
                    *open_row_group(at_row_group + d.row_group_step, y + WINDOW),
                ]
            with m.Elif(last_column & ~last_row):
                m.d.sync += [row.eq(row + 1), row_y.eq(next_y), at_row.eq(next_row),
                             *open_row(next_row, next_y)]
            with m.Elif(last_column):
                m.d.sync += [
                    group.eq(group + 1),
                    active.eq(~last_group),
                    *open_group(at_group + d.tap_channel * self.blocks,
                                blocks_left - self.blocks),
                ]

        tag = Signal(column_tag)
        m.d.comb += [
            self.o.payload.group.eq(d.source_group),
            self.o.payload.tag.eq(tag.as_value()),
            tag.group_first.eq(group_first),
            tag.fire.eq((phase == 0) | (~d.sliding & last_column)),
            tag.first.eq(d.sliding | ((row_group == 0) & (column < WINDOW))),
            tag.emit.eq(tag.fire & (d.sliding | (last_column & last_row_group))),
            tag.clear.eq(tag.fire & ~d.sliding),
        ]
        x_inside = (x >= 0) & (x < d.in_width)
        below = 0
        for dy in range(WINDOW):
            y_inside = Signal(name=f"y_inside_{dy}")
            m.d.comb += y_inside.eq((y + dy >= 0) & (y + dy < d.in_height) & (rows_below > dy))
            for block in range(self.blocks):
                lane = dy * self.blocks + block
                m.d.comb += [
                    self.o.payload.addresses[lane].eq(at + below + d.tap_channel * block),
                    self.o.payload.inside[lane].eq(x_inside & y_inside & (blocks_left > block)),
                ]
            below = below + d.tap_y[dy % 2]
        return m
