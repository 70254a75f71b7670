# SPDX-License-Identifier: Apache-2.0
"""Writes a layer's result pixels to their words of the destination tensor."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..operand.raster import RasterWalker
from ..sequencer.descriptor import Descriptor

__all__ = ["Writer"]


class Writer(wiring.Component):
    """Addresses for results that come tile of columns by tile of columns, pixel by pixel; with
    ``tile_major`` so for every ``tile_pixels`` pixels.

    A pixel of a tile comes in ``beats`` beats of ``words`` 64-bit words, each of 8 channels.
    Words beyond the tensor's last channel block are dropped.

    *Timing*: combinational from ``valid`` and ``values`` to the memory. ``done`` is high in the
    cycle of the layer's last beat. Never stalls: source and destination lie in different groups.

    *Parameters*: ``words``, ``beats``, ``address_width``, ``tile_pixels``.

    *Members*: ``start``, ``tile_major``, ``descriptor``, ``valid``, ``values``, ``write_enable``,
    ``write_addresses``, ``write_data``, ``done``.
    """

    def __init__(self, *, words: int, beats: int, address_width: int, tile_pixels: int = 1):
        self.words = words
        self.beats = beats
        self.address_width = address_width
        self.tile_pixels = tile_pixels
        super().__init__({
            "start": In(1),
            "tile_major": In(1),
            "descriptor": In(Descriptor),
            "valid": In(1),
            "values": In(data.ArrayLayout(64, words)),
            "write_enable": Out(words),
            "write_addresses": Out(data.ArrayLayout(address_width, words)),
            "write_data": Out(data.ArrayLayout(64, words)),
            "done": Out(1),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        d = self.descriptor
        m.submodules.walker = walker = RasterWalker(address_width=self.address_width)
        beat = Signal(range(max(self.beats, 2)))
        column_offset = Signal(self.address_width)
        offset = Signal(self.address_width)
        blocks_left = Signal(16)
        beat_blocks_left = Signal(16)
        next_offset = Signal(self.address_width)
        last_beat = Signal()
        last_columns = Signal()
        pixel = Signal(range(max(self.tile_pixels, 2)))  # of the tile, if tile-major
        last_pixel = Signal()                    # of these columns
        m.d.comb += [
            walker.restart.eq(self.start),
            walker.base.eq(d.destination_base),
            walker.width.eq(d.out_width),
            walker.height.eq(d.out_height),
            *(walker.step_x[i].eq(d.destination_x[i]) for i in range(2)),
            *(walker.step_y[i].eq(d.destination_y[i]) for i in range(2)),
            last_beat.eq(beat == self.beats - 1),
            last_pixel.eq(walker.last | (self.tile_major & (pixel == self.tile_pixels - 1))),
            walker.step.eq(self.valid & last_beat),
            walker.mark.eq(last_pixel & last_columns),
            walker.back.eq(walker.step & self.tile_major & last_pixel & ~last_columns),
            next_offset.eq(offset + d.destination_plane * self.words),
            last_columns.eq(blocks_left <= self.words * self.beats),
            self.done.eq(self.valid & last_beat & walker.last & last_columns),
        ]
        with m.If(self.start):
            m.d.sync += [beat.eq(0), pixel.eq(0), column_offset.eq(0), offset.eq(0),
                         blocks_left.eq(d.destination_blocks),
                         beat_blocks_left.eq(d.destination_blocks)]
        with m.Elif(self.valid):
            m.d.sync += [beat.eq(beat + 1), offset.eq(next_offset),
                         beat_blocks_left.eq(beat_blocks_left - self.words)]
            with m.If(last_beat):
                m.d.sync += [beat.eq(0), offset.eq(column_offset),
                             beat_blocks_left.eq(blocks_left)]
                with m.If(last_pixel):
                    blocks = Mux(last_columns, d.destination_blocks,
                                 blocks_left - self.words * self.beats)
                    start = Mux(last_columns, 0, next_offset)
                    m.d.sync += [pixel.eq(0), column_offset.eq(start), offset.eq(start),
                                 blocks_left.eq(blocks), beat_blocks_left.eq(blocks)]
                with m.Else():
                    m.d.sync += pixel.eq(pixel + 1)
        for word in range(self.words):
            m.d.comb += [
                # In the last tile of columns the count may pass zero between beats: signed.
                self.write_enable[word].eq(self.valid & ~beat_blocks_left[15]
                                           & (beat_blocks_left > word)),
                self.write_addresses[word].eq(walker.address + offset
                                              + d.destination_plane * word),
                self.write_data[word].eq(self.values[word]),
            ]
        return m
