# SPDX-License-Identifier: Apache-2.0
"""The compute-in-memory macro in its place: where other kinds of engine have a mesh."""

from amaranth import Module, Mux, Value
from amaranth.lib.wiring import connect

from ..engine.path import MatrixPath
from ..facts import BLOCK
from ..fetch import OperandFetch
from ..memory.wide import WideMemory
from ..operand.im2col import block_tag
from ..postproc.path import post_path
from ..sequencer.sequencer import Sequencer
from .channel_parameters import ChannelParameters
from .check import groups_of
from .controller import Controller
from .counters import ArrayCounters
from .fields import cim_fields
from .loader import ArrayPort, WeightLoader
from .macro import macro_of
from .read_out import ReadOut
from .rows import RowDrivers
from .scale import SUM_BITS, ScaledSums

__all__ = ["cim_path"]


def cim_path(m: Module, core, sequencer: Sequencer, fetch: OperandFetch,
             weights: ArrayPort | WideMemory, begin_matrix: Value, halt: Value) -> MatrixPath:
    """Connect row drivers, controller, macro, read-out, digital scale and post-processor of
    ``core`` between ``fetch``, ``weights`` and a writer. ``halt`` stops them, but for a conversion
    that is under way. Timing: ``timing.LayerTiming``."""
    p, d = core.parameters, sequencer.descriptor
    macro_parameters, fields = p.macro, cim_fields(d)
    m.submodules.macro = macro = macro_of(macro_parameters)
    m.submodules.rows = rows = RowDrivers(rows=macro_parameters.rows)
    m.submodules.post_parameters = parameters = ChannelParameters(
        lanes=macro_parameters.lanes, width=p.program_width, row_width=32)
    m.submodules.read_out = read_out = ReadOut(macro_parameters, pace=parameters.pace)
    m.submodules.controller = controller = Controller(
        macro_parameters, read_bits=len(read_out.left))
    m.submodules.sums = sums = ScaledSums(macro_parameters)
    post, writer = post_path(m, core, sequencer, fetch, begin_matrix, accumulator_bits=SUM_BITS,
                             tile_major=1, tile_pixels=1)
    m.submodules.array_counters = array_counters = ArrayCounters(macro_parameters)

    # Operands.
    tag = block_tag(rows=1, pieces=1)
    piece = fetch.matrix.payload
    arrived = tag(piece.tag[:tag.size])
    m.d.comb += [
        fetch.matrix.ready.eq(rows.i.ready),
        rows.i.valid.eq(fetch.matrix.valid),
        rows.i.payload.values.eq(piece["values"][0]),
        rows.i.payload.channels.eq(Mux(arrived.tail, d.last_channels, BLOCK)),
        rows.i.payload.last.eq(arrived.tile_last),
        rows.start.eq(begin_matrix),
        rows.stop.eq(halt),
        rows.is_signed.eq(d.signed_activations),
        rows.bits.eq(fields.activation_bits),
        rows.first_row.eq(controller.first_row),
        rows.move.eq(controller.move),
    ]

    # Weights.
    if p.reloads:
        m.submodules.loader = loader = WeightLoader(macro_parameters, row_width=weights.row_width)
        connect(m, loader.write, macro.write)
        writing, misplaced = loader.busy, loader.error
        m.d.comb += [
            loader.start.eq(begin_matrix),
            loader.stop.eq(halt),
            loader.base.eq(d.weight_row + core.weight_base),
            loader.words.eq(fields.load_words),
            loader.hold.eq(controller.busy),
            loader.read_data.eq(weights.read_data[0]),
            weights.read_enable.eq(loader.read_enable),
            weights.read_row.eq(loader.read_row),
        ]
    else:
        connect(m, weights.write, macro.write)
        writing, misplaced = weights.busy, 0

    # Conversions.
    m.d.comb += [
        sequencer.engine_error.eq(sequencer.running & (rows.overflow | misplaced)),
        controller.start.eq(begin_matrix),
        controller.stop.eq(halt),
        controller.fields.eq(fields),
        controller.is_signed.eq(d.signed_activations),
        controller.tiles.eq(d.column_tiles),
        controller.tile_filled.eq(rows.tile_filled),
        controller.full.eq(rows.full),
        controller.hold.eq(writing),
        controller.ready.eq(macro.ready),
        controller.done.eq(macro.done),
        controller.read_left.eq(read_out.left),
        macro.row_data.eq(rows.row_data),
        macro.row_enable.eq(rows.row_enable),
        macro.is_signed.eq(controller.operands_signed),
        *(getattr(macro, name).eq(getattr(controller, name)) for name in (
            "adc_enable", "phase", "activation_bits", "weight_bits", "adc_shift", "fire")),
    ]

    # Codes.
    m.d.comb += [
        read_out.start.eq(controller.converted),
        read_out.stop.eq(halt),
        *(getattr(read_out, name).eq(getattr(controller, name)) for name in (
            "group", "groups", "first_phase", "opens", "closes")),
        macro.read_enable.eq(read_out.read_enable),
        macro.read_group.eq(read_out.read_group),
        sums.start.eq(begin_matrix),
        sums.stop.eq(halt),
        sums.scale.eq(fields.scale),
        sums.shift.eq(fields.scale_shift),
        sums.gdc.eq(core.gdc),
        sums.valid.eq(read_out.read_enable),
        sums.tag.eq(read_out.tag),
        sums.codes.eq(macro.codes),
        parameters.start.eq(begin_matrix),
        parameters.sets.eq(groups_of(macro_parameters, fields)),
        parameters.advance.eq(read_out.read_enable & read_out.tag.closes),
        post.valid.eq(sums.o_valid),
        post.swap.eq(1),
        post.i.eq(sums.o),
        post.shadow.eq(parameters.shadow),
    ]

    m.d.comb += [
        array_counters.clear.eq(sequencer.start & ~sequencer.busy),
        array_counters.fire.eq(controller.fire),
        array_counters.busy.eq(controller.busy),
        array_counters.rows.eq(rows.driven),
        array_counters.adcs.eq(controller.adcs),
        array_counters.written.eq(
            sequencer.busy & macro.write.valid & macro.write.ready),
        array_counters.stall_load.eq(sequencer.running & controller.stall_load),
        core.array_counts.eq(array_counters.counts),
    ]
    return MatrixPath(
        writer=writer, parameters=parameters, stepping=controller.fire,
        working=controller.fire | controller.busy, stall_operands=controller.stall_operands,
        stall_drain=controller.stall_read, stall_parameters=0, released=0)
