# SPDX-License-Identifier: Apache-2.0
"""The vector unit in its place: behind the fetch of operands, before the writer of results."""

from amaranth import Module, Mux, Value
from amaranth.lib.wiring import connect

from ..fetch import OperandFetch
from ..postproc.parameters import ParameterLoader
from ..postproc.writer import Writer
from ..sequencer.sequencer import Sequencer
from .unit import VectorLane, VectorUnit

__all__ = ["vector_path"]


def vector_path(m: Module, core, sequencer: Sequencer, fetch: OperandFetch,
                begin_window: Value, begin_addition: Value) -> tuple[Writer, ParameterLoader]:
    """Connect the vector unit of ``core`` between ``fetch`` and its writer; returns that and
    the loader of its parameters."""
    p, v, fused = core.parameters, sequencer.vector_descriptor, sequencer.fused
    m.submodules.vector = vector = VectorUnit(
        lanes=p.vector_lanes, gather_lanes=p.gather_lanes, tag_width=fetch.tag_width,
        float_rounding=p.float_rounding, pipelined=p.facts.pipelined)
    m.submodules.vector_parameters = parameters = ParameterLoader(
        lanes=p.vector_lanes, fields=VectorLane.FIELDS, width=p.program_width, row_width=32)
    m.submodules.vector_writer = writer = Writer(
        words=p.vector_blocks, beats=1, address_width=fetch.address_width)
    connect(m, fetch.vector, vector.i)
    m.d.comb += [
        vector.start.eq(begin_window | begin_addition),
        vector.descriptor.eq(v),
        vector.shadow.eq(parameters.shadow),
        fetch.result_valid.eq(vector.o_valid),
        fetch.results.eq(vector.o),
        fetch.result_tile_end.eq(vector.o_tile_end),
        fetch.parameters_ready.eq(parameters.ready),
        parameters.start.eq(begin_window),
        parameters.sets.eq(Mux(fused, v.column_tiles, 0)),
        parameters.claim.eq(fetch.claim),
        parameters.swap.eq(vector.swap),
        writer.start.eq((begin_window | begin_addition) & ~fused),
        writer.descriptor.eq(v),
        writer.valid.eq(vector.o_valid & sequencer.running & ~fused),
        writer.values.eq(vector.o),
        core.vector_valid.eq(vector.o_valid & sequencer.running),
        core.vector_data.eq(vector.o),
    ]
    return writer, parameters
