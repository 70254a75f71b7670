# SPDX-License-Identifier: Apache-2.0
"""The mesh in its place: behind the fetch of operands, before the writer of results."""

from dataclasses import dataclass

from amaranth import Module, Mux, Value
from amaranth.lib.wiring import connect

from ..fetch import OperandFetch
from ..memory.ring import WeightRing
from ..memory.wide import WideMemory
from ..operand.drain import Drain
from ..operand.issuer import Issuer
from ..postproc.parameters import ParameterLoader
from ..postproc.path import post_path
from ..postproc.requantiser import Parameters
from ..postproc.writer import Writer
from ..sequencer.counters import Counters
from ..sequencer.sequencer import Sequencer
from .decompressor import Decompressor
from .gating import GatingCount
from .systolic import SystolicEngine

__all__ = ["MatrixPath", "mesh_path"]


@dataclass(frozen=True, kw_only=True)
class MatrixPath:
    """What the core needs of the path of matrix layers.

    ``writer`` of its results, ``parameters``: who loads their requantisers' (as
    ``ParameterLoader``); ``stepping``: a step or conversion is issued; ``working``: one is under
    way; ``stall_operands``, ``stall_drain``, ``stall_parameters``: the engine waits for them;
    ``released``: words of external weights that the layer will not read again.
    """

    writer: Writer
    parameters: ParameterLoader
    stepping: Value
    working: Value
    stall_operands: Value
    stall_drain: Value
    stall_parameters: Value
    released: Value


def mesh_path(m: Module, core, sequencer: Sequencer, fetch: OperandFetch,
              weights: WeightRing | WideMemory, counters: Counters, begin_matrix: Value,
              halt: Value) -> MatrixPath:
    """Connect issuer, decompressor, mesh, drain and post-processor of ``core`` between ``fetch``,
    ``weights`` and a writer."""
    p, d, fused = core.parameters, sequencer.descriptor, sequencer.fused
    facts = p.facts
    m.submodules.issuer = issuer = Issuer(
        rows=facts.rows, lanes=p.matrix_lanes, depth=facts.depth, beats=p.beats,
        weight_row_width=weights.row_width, tag_width=fetch.tag_width,
        held_slots=facts.nnz if facts.holds_weights else None,
        overlapped=facts.overlapped,
        row_step=p.weight_banks if p.external_weights else 1, dense_step=p.dense_words)
    m.submodules.decompressor = decompressor = Decompressor(
        facts, dense_rows=p.dense_words is not None)
    m.submodules.engine = engine = SystolicEngine(facts)
    m.submodules.drain = drain = Drain(
        rows=facts.rows, beats=p.beats, drain_start=facts.drain_start,
        drain_latency=facts.drain_latency)
    m.submodules.post_parameters = parameters = ParameterLoader(
        lanes=facts.columns, fields=(Parameters.size,), width=p.program_width, row_width=32)
    post, writer = post_path(m, core, sequencer, fetch, begin_matrix,
                             accumulator_bits=facts.accumulator_bits, tile_major=fused,
                             tile_pixels=facts.rows)
    connect(m, fetch.matrix, issuer.i)
    flat = weights.read_data.as_value()
    m.d.comb += [
        issuer.start.eq(begin_matrix),
        issuer.stop.eq(halt),
        issuer.weight_row.eq(d.weight_row + core.weight_base),
        issuer.tile_major.eq(fused),
        issuer.pass_steps.eq(d.pass_steps),
        issuer.split.eq(d.split_passes),
        issuer.last_channels.eq(d.last_channels),
        issuer.is_signed.eq(d.signed_activations),
        issuer.parameters_ready.eq(parameters.ready),
        weights.read_enable.eq(issuer.read_enable),
        weights.read_row.eq(issuer.read_row),
        *(decompressor.i[column].eq(flat.word_select(column, facts.stored_bits))
          for column in range(facts.columns)),
        decompressor.valid.eq(issuer.token.valid),
        decompressor.dense.eq(issuer.dense),
        decompressor.first.eq(issuer.token.start),
        sequencer.engine_error.eq(decompressor.violation),
        engine.i_activations.eq(issuer.activations),
        engine.i_weights.eq(decompressor.o),
        engine.i_token.eq(issuer.token),
        engine.signed_activations.eq(d.signed_activations),
        engine.i_drain.eq(drain.drain),
        engine.i_remaining.eq(drain.remaining),
        drain.issued.eq(issuer.issued),
        drain.issued_rows.eq(issuer.issued_rows),
        drain.issued_new_columns.eq(issuer.issued_new_columns),
        post.valid.eq(drain.row_valid),
        post.swap.eq(drain.first),
        post.i.eq(engine.o_results),
        post.shadow.eq(parameters.shadow),
        parameters.start.eq(begin_matrix),
        parameters.sets.eq(Mux(fused, d.column_tiles, 0)),
        parameters.claim.eq(issuer.issued & issuer.issued_new_columns),
        parameters.swap.eq(drain.row_valid & drain.first),
    ]
    if p.external_weights:
        m.d.comb += weights.read_narrow.eq(issuer.read_dense)
    if facts.zero_gating:
        m.submodules.gating = gating = GatingCount(facts)
        m.d.comb += [
            gating.valid.eq(issuer.token.valid),
            gating.activations.eq(issuer.activations),
            gating.weights.eq(decompressor.o),
            counters.gated_activation.eq(gating.activation),
            counters.gated_weight.eq(gating.weight),
        ]
    return MatrixPath(
        writer=writer, parameters=parameters, stepping=issuer.token.valid,
        working=issuer.token.valid, stall_operands=issuer.stall_operands,
        stall_drain=issuer.stall_drain, stall_parameters=issuer.stall_parameters,
        released=issuer.released)
