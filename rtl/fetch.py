# SPDX-License-Identifier: Apache-2.0
"""Operand fetch: a layer's address generator in front of the one gather unit."""

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect
from amaranth.utils import exact_log2

from .operand.gather import Gather, piece_layout
from .operand.im2col import Im2col, block_tag
from .operand.schedule import WORD_BITS, ScheduleReader
from .operand.tile_buffer import TileBuffer
from .parameters import AcceleratorParameters
from .sequencer.descriptor import Descriptor, Opcode
from .vector.addition import AdditionWalker
from .vector.window import WindowWalker, column_tag

__all__ = ["OperandFetch"]


class OperandFetch(wiring.Component):
    """Reads the words that a layer needs: im2col's for the engine, a walker's for the vector unit.

    By the descriptor's opcode, requests come from ``Im2col``, ``WindowWalker`` or
    ``AdditionWalker``, and what the gather unit brings goes to ``matrix`` or to ``vector``. Of two
    fused layers the walker has the gather unit, and im2col reads the results that the vector
    unit leaves in the ``TileBuffer``.

    *Timing*: as those units; nothing is added. While ``stop`` is high, all give up.

    *Parameters*: an ``AcceleratorParameters``, ``address_width`` of a bank group's words,
    ``schedule_row_width`` of the schedule memory.

    *Members*: ``start``, ``stop``, ``descriptor``, ``vector_descriptor``, ``fused``,
    ``parameters_ready`` (of the vector unit), ``claim`` (they are taken), ``stall_parameters`` (it
    waits for them), ``conflict`` (as ``Gather``), ``matrix``, ``vector`` (pieces),
    ``result_valid``, ``results``, ``result_tile_end`` (of the vector unit), ``read_group``,
    ``read_enable``, ``read_lines``, ``read_data``; ``schedule_row`` (of the layer),
    ``schedule_read_enable``, ``schedule_read_row``, ``schedule_read_data``.
    """

    def __init__(self, parameters: AcceleratorParameters, *, address_width: int,
                 schedule_row_width: int):
        self.parameters = p = parameters
        self.address_width = address_width
        self.schedule_row_width = schedule_row_width
        self.tag_width = self.tag_width_of(p)
        super().__init__({
            "start": In(1),
            "stop": In(1),
            "descriptor": In(Descriptor),
            "vector_descriptor": In(Descriptor),
            "fused": In(1),
            "result_valid": In(1),
            "results": In(data.ArrayLayout(64, p.vector_blocks)),
            "result_tile_end": In(1),
            "parameters_ready": In(1),
            "claim": Out(1),
            "stall_parameters": Out(1),
            "reading": Out(1),
            "conflict": Out(1),
            "matrix": Out(stream.Signature(piece_layout(p.matrix_lanes, self.tag_width))),
            "vector": Out(stream.Signature(piece_layout(p.gather_lanes, self.tag_width))),
            "read_group": Out(1),
            "read_enable": Out(p.banks),
            "read_lines": Out(data.ArrayLayout(address_width - exact_log2(p.banks), p.banks)),
            "read_data": In(data.ArrayLayout(64, p.banks)),
            "schedule_row": In(schedule_row_width),
            "schedule_read_enable": Out(1),
            "schedule_read_row": Out(schedule_row_width),
            "schedule_read_data": In(WORD_BITS),
        })

    @staticmethod
    def tag_width_of(parameters: AcceleratorParameters) -> int:
        """Bits of what travels with a request, whichever unit it is from."""
        rows = parameters.facts.rows
        return max(block_tag(rows=rows, pieces=rows // parameters.matrix_lanes).size,
                   column_tag.size)

    def elaborate(self, platform) -> Module:
        m = Module()
        p, d, v = self.parameters, self.descriptor, self.vector_descriptor
        widths = {"address_width": self.address_width, "tag_width": self.tag_width}
        m.submodules.gather = gather = Gather(
            banks=p.banks, lanes=p.gather_lanes, address_width=self.address_width,
            tag=self.tag_width)
        m.submodules.im2col = im2col = Im2col(rows=p.facts.rows, lanes=p.matrix_lanes, **widths)
        m.submodules.schedule = schedule = ScheduleReader(
            address_width=self.address_width, row_width=self.schedule_row_width)
        connect(m, schedule.o, im2col.i)
        # The row tiles of a macro are one pixel's.
        tile_major = self.fused if p.macro is None else 1
        m.d.comb += [
            schedule.start.eq(im2col.start),
            schedule.stop.eq(self.stop),
            schedule.base.eq(self.schedule_row),
            schedule.row_tiles.eq(d.row_tiles),
            schedule.column_tiles.eq(d.column_tiles),
            schedule.tile_major.eq(tile_major),
            self.schedule_read_enable.eq(schedule.read_enable),
            self.schedule_read_row.eq(schedule.read_row),
            schedule.read_data.eq(self.schedule_read_data),
        ]
        matrix = Signal()    # the gather unit serves the engine
        is_window = Signal()
        is_addition = Signal()
        m.d.comb += [
            matrix.eq((d.opcode == Opcode.MATRIX) & ~self.fused),
            is_window.eq((d.opcode == Opcode.WINDOW) | self.fused),
            is_addition.eq(d.opcode == Opcode.ADD),
            im2col.start.eq(self.start & (d.opcode == Opcode.MATRIX)),
            im2col.descriptor.eq(d),
            im2col.tile_major.eq(tile_major),
        ]
        walkers = [(matrix, im2col)]
        if p.vector_lanes:
            m.submodules.window = window = WindowWalker(
                blocks=p.vector_blocks, lanes=p.gather_lanes, tile_pixels=p.facts.rows, **widths)
            m.submodules.addition = addition = AdditionWalker(
                blocks=p.vector_blocks, lanes=p.gather_lanes, **widths)
            m.d.comb += [
                window.tile_major.eq(self.fused),
                window.start.eq(self.start & is_window),
                addition.start.eq(self.start & is_addition),
                window.descriptor.eq(v),
                addition.descriptor.eq(v),
                window.parameters_ready.eq(self.parameters_ready),
                self.claim.eq(window.claim),
                self.stall_parameters.eq(window.stall_parameters),
            ]
            walkers += [(is_window, window), (is_addition, addition)]
        for mine, walker in walkers:
            m.d.comb += [walker.stop.eq(self.stop), walker.o.ready.eq(gather.i.ready & mine)]
            with m.If(mine):
                m.d.comb += [gather.i.valid.eq(walker.o.valid),
                             *_request(gather.i.payload, walker.o.payload)]
        m.d.comb += [
            gather.stop.eq(self.stop),
            gather.flip.eq(~Mux(matrix, d.signed_activations, v.signed_activations)),
            gather.pad_value.eq(Mux(matrix, d.pad_value, v.pad_value)),
            self.matrix.valid.eq(gather.o.valid & matrix),
            self.vector.valid.eq(gather.o.valid & ~matrix),
            gather.o.ready.eq(Mux(matrix, self.matrix.ready, self.vector.ready)),
            self.vector.payload.eq(gather.o.payload),
            *(self.matrix.payload[name].eq(gather.o.payload[name])
              for name in ("tag", "done", "write", "shift")),
            *(self.matrix.payload["values"][lane].eq(gather.o.payload["values"][lane])
              for lane in range(p.matrix_lanes)),
            self.reading.eq(gather.reading),
            self.conflict.eq(gather.conflict),
            self.read_group.eq(gather.read_group),
            self.read_enable.eq(gather.read_enable),
            self.read_lines.eq(gather.read_lines),
            gather.read_data.eq(self.read_data),
        ]
        if p.fused_blocks:
            self._fuse(m, im2col, window, widths)
        return m

    def _fuse(self, m: Module, im2col: Im2col, window: WindowWalker, widths: dict) -> None:
        """The way from the vector unit's results to the engine's operands."""
        p, d = self.parameters, self.descriptor
        m.submodules.tile_buffer = buffer = TileBuffer(
            rows=p.facts.rows, lanes=p.matrix_lanes, words=p.vector_blocks,
            blocks=p.fused_blocks, **widths)
        m.d.comb += [
            buffer.start.eq(self.start),
            buffer.stop.eq(self.stop),
            buffer.groups.eq(self.vector_descriptor.column_tiles),
            buffer.valid.eq(self.result_valid & self.fused),
            buffer.values.eq(self.results),
            buffer.tile_end.eq(self.result_tile_end),
            buffer.claim.eq(window.tile_claim & self.fused),
            window.tile_free.eq(buffer.free),
            buffer.flip.eq(~d.signed_activations),
            buffer.pad_value.eq(d.pad_value),
            buffer.i.valid.eq(im2col.o.valid & self.fused),
            buffer.i.payload.eq(im2col.o.payload),
            buffer.o.ready.eq(self.matrix.ready),
        ]
        with m.If(self.fused):
            m.d.comb += [
                im2col.o.ready.eq(buffer.i.ready),
                self.matrix.valid.eq(buffer.o.valid),
                self.matrix.payload.eq(buffer.o.payload),
            ]


def _request(wide, narrow) -> list[Value]:
    """Assignments of a request of as many lanes, or of fewer."""
    return [*(wide[name].eq(narrow[name]) for name in ("group", "inside", "shift", "tag")),
            *(wide.addresses[lane].eq(address) for lane, address in enumerate(narrow.addresses))]
