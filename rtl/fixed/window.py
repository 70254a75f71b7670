# SPDX-License-Identifier: Apache-2.0
"""Windows over a stream of pixels."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .counter import counter
from .line_buffer import LineBuffer
from .parameters import WindowParameters

__all__ = ["Window", "pixel_layout"]


def pixel_layout(channels: int) -> data.ArrayLayout:
    """All channels of a pixel, int8 as raw bytes."""
    return data.ArrayLayout(8, channels)


class Window(wiring.Component):
    """Every window of every frame, both in raster order, frame after frame.

    Pixels go into a ring of row memories. Columns of the kernel's height are read from it, row of
    windows by row of windows, as soon as the lowest pixel is there, and shifted through registers.
    Taps beside the frame are masked with ``fill``: those right of it while the next row's first
    columns are shifted in, or nothing, so that padding takes no time. A pixel may be overwritten
    when its last column was read: the writer may be a row ahead of the reader.

    *Timing*: a column may be read one cycle after its lowest pixel was taken, and is in the
    registers two cycles later: a window is at ``o`` ``READ_DELAY`` cycles after its last column is
    asked for. One column a cycle, of every ``stride`` rows; so one window a cycle with stride 1.
    ``i.ready`` depends on registers alone, as does ``o.valid``.

    *Parameters*: ``parameters``, WindowParameters.

    *Members*: ``i`` (pixels), ``o`` (windows, tap by tap in raster order), ``clear`` (forget all;
    nothing is taken).
    """

    READ_DELAY = 2

    def __init__(self, parameters: WindowParameters):
        p = self.parameters = parameters
        super().__init__({
            "i": In(stream.Signature(pixel_layout(p.channels))),
            "o": Out(stream.Signature(data.ArrayLayout(pixel_layout(p.channels), p.taps))),
            "clear": In(1),
        })

    @property
    def lag(self) -> int:
        """Columns that follow a window's own before it is complete."""
        return self.parameters.kernel[1] - 1 - self.parameters.padding[2]

    def elaborate(self, platform) -> Module:
        m = Module()
        p = self.parameters
        kernel_y, kernel_x = p.kernel
        top, _, left, _ = p.padding
        stride_y, stride_x = p.stride
        last_row = (p.out_height - 1) * stride_y
        last_column = (p.out_width - 1) * stride_x
        last_step = p.height - last_row  # rows from the last windows' to the next frame's first

        m.submodules.lines = lines = LineBuffer(
            rows=p.slots, width=p.width, bits=8 * p.channels, single_port=p.single_port)

        # The row written, less the row of the windows' top. Rows count on from frame to frame.
        ahead = Signal(signed(max(p.height, kernel_y + last_step, kernel_y + stride_y)
                              .bit_length() + 2), init=top)
        in_column = counter(p.width)
        in_slot = counter(p.slots)
        row = counter(p.height)
        column = counter(p.width)
        slot = counter(p.slots, init=-top % p.slots)  # of the windows' top
        phase = counter(stride_x)

        step = Mux(row == last_row, last_step, stride_y)
        present = Mux(row > p.height + top - kernel_y, p.height + top - row, kernel_y)
        free, readable = Signal(), Signal()
        if p.single_port:
            m.d.comb += [free.eq(ahead < p.slots), readable.eq(ahead >= present)]
        else:
            m.d.comb += [
                free.eq((ahead < kernel_y) | ((ahead < kernel_y + step) & (in_column < column))),
                readable.eq((ahead >= present)
                            | ((ahead == present - 1) & (in_column > column))),
            ]

        tag = data.StructLayout({"real": 1, "row_end": 1, "emit": 1, "rows": kernel_y,
                                 "columns": kernel_x})
        asked = Signal(tag)
        asked_slot = Signal.like(slot)
        tags = [Signal(tag, name=f"tag_{index}") for index in range(self.lag + 1)]
        anchor = tags[-1]
        move, take, read, shift = Signal(), Signal(), Signal(), Signal()
        pending = Cat(tag.real for tag in tags[:-1]).any() if self.lag else 0
        m.d.comb += [
            self.i.ready.eq(free & ~self.clear),
            self.o.valid.eq(anchor.real & anchor.emit),
            move.eq(~self.o.valid | self.o.ready),
            take.eq(self.i.valid & self.i.ready),
            read.eq(readable & move),
            # At a row's end windows need not wait for the next one's columns.
            shift.eq(move & (asked.real | ((~tags[0].real | tags[0].row_end) & pending))),
            lines.write.eq(take), lines.row.eq(in_slot), lines.write_column.eq(in_column),
            lines.i.eq(self.i.payload.as_value()),
            lines.read_column.eq(column),
        ]
        with m.If(read), m.Switch(slot):
            for here in range(p.slots):
                with m.Case(here):
                    m.d.comb += lines.read.eq(sum(1 << (here + tap) % p.slots
                                                  for tap in range(kernel_y)))

        row_taken, row_read = Signal(), Signal()
        m.d.comb += [row_taken.eq(take & (in_column == p.width - 1)),
                     row_read.eq(read & (column == p.width - 1))]
        m.d.sync += ahead.eq(ahead + row_taken - Mux(row_read, step, 0))
        with m.If(take):
            m.d.sync += in_column.eq(in_column + 1)
            with m.If(row_taken):
                m.d.sync += [in_column.eq(0),
                             in_slot.eq(Mux(in_slot == p.slots - 1, 0, in_slot + 1))]

        def slot_after(rows: int):
            """The slot of ``rows`` rows below."""
            return [(here + rows) % p.slots for here in range(p.slots)]

        with m.If(read):
            m.d.sync += [column.eq(column + 1),
                         phase.eq(Mux(phase == stride_x - 1, 0, phase + 1))]
            with m.If(row_read):
                m.d.sync += [column.eq(0), phase.eq(0), row.eq(row + stride_y)]
                with m.If(row == last_row):
                    m.d.sync += row.eq(0)
                with m.Switch(slot):
                    for here in range(p.slots):
                        with m.Case(here):
                            m.d.sync += slot.eq(Mux(
                                row == last_row, slot_after(last_step)[here],
                                slot_after(stride_y)[here]))
        with m.If(move):
            m.d.sync += [
                asked.real.eq(read),
                asked.row_end.eq(column == p.width - 1),
                asked.emit.eq((phase == 0) & (column <= last_column if last_column < p.width - 1
                                              else 1)),
                asked.rows.eq(Cat(self._inside(row, tap - top, p.height, last_row)
                                  for tap in range(kernel_y))),
                asked.columns.eq(Cat(self._inside(column, tap - left, p.width, last_column)
                                     for tap in range(kernel_x))),
                asked_slot.eq(slot),
                anchor.real.eq(0),
            ]
        newest = Signal(data.ArrayLayout(8 * p.channels, kernel_y))
        with m.Switch(asked_slot):
            for here in range(p.slots):
                with m.Case(here):
                    for tap in range(kernel_y):
                        m.d.comb += newest[tap].eq(lines.o[(here + tap) % p.slots])
        columns = [Signal.like(newest, name=f"column_{tap}", reset_less=True)
                   for tap in range(kernel_x)]
        with m.If(shift):
            for after, before in zip([*columns, *tags], [*columns[1:], newest, asked, *tags],
                                     strict=False):
                m.d.sync += after.eq(before)

        padded = data.ArrayLayout(8, p.channels).const([p.fill] * p.channels)
        for tap in range(p.taps):
            tap_y, tap_x = divmod(tap, kernel_x)
            inside = anchor.rows[tap_y] & anchor.columns[tap_x]
            m.d.comb += self.o.payload[tap].eq(Mux(inside, columns[tap_x][tap_y], padded))

        with m.If(self.clear):
            m.d.sync += [register.eq(register.init) for register in (
                ahead, in_column, in_slot, row, column, slot, phase)]
            m.d.sync += [tag.real.eq(0) for tag in (asked, *tags)]
        return m

    @staticmethod
    def _inside(place, offset: int, size: int, last: int):
        """Whether ``place + offset`` is one of ``size``, of a place that is at most ``last``."""
        if offset < 0:
            return place >= -offset
        return place < size - offset if last + offset >= size else 1

