# SPDX-License-Identifier: Apache-2.0
"""Where the compact core's operands and results lie: addresses and places of a layer's taps."""

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .descriptor import CompactDescriptor

__all__ = ["Walker"]


class Walker(wiring.Component):
    """Walks over a group of output channels: output pixels, their taps, the taps' words.

    ``address`` is that of the tap's word of activations: of the layer's word for what is outside
    where the tap is. ``destination`` is that of the result that is written next. All sums are
    made by one adder.

    *Timing*: at the end of the cycle: ``open`` takes the three cycles of ``OPENING`` (``opening``
    counts them) to begin the next group; ``next_tap`` goes to the next word; ``next_result`` to
    the next pixel of the results, behind the last of a row if ``row_ended``. One of them at a time.
    ``begin`` (a layer) comes before.

    *Parameters*: ``word_width`` (bits of an address).

    *Members*: ``descriptor``, ``begin``, ``open``, ``opening``, ``next_tap``, ``next_result``,
    ``row_ended``, ``address``, ``destination``, ``last_block`` (of the tap), ``last_word`` (of the
    pixel), ``last_column`` (of the row's pixels), ``last_pixel`` (of the group), ``last_group``.
    """

    OPENING = 3

    def __init__(self, *, word_width: int):
        self.word_width = word_width
        super().__init__({
            "descriptor": In(CompactDescriptor),
            "begin": In(1),
            "open": In(1),
            "opening": In(2),
            "next_tap": In(1),
            "next_result": In(1),
            "row_ended": In(1),
            "address": Out(word_width),
            "destination": Out(word_width),
            "last_block": Out(1),
            "last_word": Out(1),
            "last_column": Out(1),
            "last_pixel": Out(1),
            "last_group": Out(1),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        d = self.descriptor

        def counter(name: str, count: Value) -> tuple[Signal, Value]:
            """How many are left with this one, and whether it is the last."""
            left = Signal(8, name=f"{name}_left")
            with m.If(self.open):
                m.d.sync += left.eq(count)
            return left, left == 1

        blocks, last_block = counter("blocks", d.blocks)
        columns, last_kernel_column = counter("kernel_columns", d.kernel_width)
        rows, last_kernel_row = counter("kernel_rows", d.kernel_height)
        pixels, last_column = counter("columns", d.out_width)
        lines, last_line = counter("rows", d.out_height)
        groups = Signal(8)
        with m.If(self.begin):
            m.d.sync += groups.eq(d.groups)
        last_word = Signal()
        m.d.comb += [
            last_word.eq(last_block & last_kernel_column & last_kernel_row),
            self.last_block.eq(last_block),
            self.last_word.eq(last_word),
            self.last_column.eq(last_column),
            self.last_pixel.eq(last_column & last_line),
            self.last_group.eq(groups == 0),
        ]

        # Addresses: of the word, of the kernel row, of the pixel, of its row, of the group.
        word, kernel_row, pixel, row, group, result_group = (
            Signal(self.word_width, name=name, reset_less=True)
            for name in ("word", "kernel_row", "pixel", "row", "group", "result_group"))
        base, increment, total = (
            Signal(self.word_width, name=name) for name in ("base", "increment", "total"))
        m.d.comb += total.eq(base + increment)

        # Places in the input, modulo 256.
        x, y, x_first, y_first = (
            Signal(8, name=name, reset_less=True) for name in ("x", "y", "x_first", "y_first"))
        next_x, next_y = Signal(8), Signal(8)
        m.d.comb += [next_x.eq(x_first + d.stride_x), next_y.eq(y_first + d.stride_y)]
        outside = Signal()
        m.d.comb += [
            outside.eq((x >= d.in_width) | (y >= d.in_height)),
            self.address.eq(Mux(outside, d.outside, word)),
        ]

        with m.If(self.begin):
            m.d.sync += [group.eq(d.source), result_group.eq(d.destination)]
        with m.If(self.open):
            m.d.sync += [x.eq(d.x_start), x_first.eq(d.x_start),
                         y.eq(d.y_start), y_first.eq(d.y_start)]
            with m.Switch(self.opening):
                with m.Case(0):
                    m.d.comb += base.eq(group)
                    m.d.sync += [each.eq(total) for each in (word, kernel_row, pixel, row)]
                with m.Case(1):
                    m.d.comb += [base.eq(group), increment.eq(d.own_channel)]
                    m.d.sync += [group.eq(total), self.destination.eq(result_group),
                                 groups.eq(groups - 1)]
                with m.Default():
                    m.d.comb += [base.eq(result_group), increment.eq(1)]
                    m.d.sync += result_group.eq(total)
        with m.If(self.next_result):
            m.d.comb += [base.eq(self.destination),
                         increment.eq(Mux(self.row_ended, d.destination_y, d.destination_x))]
            m.d.sync += self.destination.eq(total)
        with m.If(self.next_tap):
            m.d.sync += [word.eq(total), blocks.eq(blocks - 1)]
            with m.If(~last_block):
                m.d.comb += [base.eq(word), increment.eq(1)]
            with m.Else():
                m.d.sync += [blocks.eq(d.blocks), columns.eq(columns - 1), x.eq(x + 1)]
                with m.If(~last_kernel_column):
                    m.d.comb += [base.eq(word), increment.eq(d.tap_x)]
                with m.Else():
                    m.d.sync += [kernel_row.eq(total), columns.eq(d.kernel_width),
                                 rows.eq(rows - 1), x.eq(x_first), y.eq(y + 1)]
                    with m.If(~last_kernel_row):
                        m.d.comb += [base.eq(kernel_row), increment.eq(d.tap_y)]
                    with m.Else():
                        m.d.sync += [pixel.eq(total), rows.eq(d.kernel_height),
                                     pixels.eq(pixels - 1), x.eq(next_x), x_first.eq(next_x),
                                     y.eq(y_first)]
                        with m.If(~last_column):
                            m.d.comb += [base.eq(pixel), increment.eq(d.pixel_x)]
                        with m.Else():
                            m.d.comb += [base.eq(row), increment.eq(d.pixel_y)]
                            m.d.sync += [row.eq(total), pixels.eq(d.out_width),
                                         lines.eq(lines - 1), x.eq(d.x_start),
                                         x_first.eq(d.x_start), y.eq(next_y), y_first.eq(next_y)]
        return m
