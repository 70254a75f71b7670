# SPDX-License-Identifier: Apache-2.0
"""The core: memories, operand path, engine, post-processor, vector unit and sequencer."""

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import exact_log2

from .bus.local import LocalBus
from .cim.check import runs
from .cim.counters import ArrayCounts
from .cim.fields import GDC_ONE, SCALE_BITS
from .cim.loader import ArrayPort
from .cim.path import cim_path
from .cim.scale import ScaledSums
from .engine.path import mesh_path
from .fetch import OperandFetch
from .frames.handoff import tensor_pixel
from .frames.hold import StreamState, hold_frames
from .kinds import CIM
from .memory.activation import ActivationMemory
from .memory.map import MemoryMap
from .memory.ring import WeightRing
from .memory.wide import WideMemory
from .parameters import AcceleratorParameters
from .postproc.parameters import ParameterLoader
from .postproc.post_processor import PostProcessor
from .sequencer.counters import CountedBank, Counters, EventCounts
from .sequencer.descriptor import FLAGS, Opcode, covers, joins
from .sequencer.sequencer import Cause, Sequencer
from .sequencer.transfers import Transfer, TransferQueue
from .vector.path import vector_path
from .vector.unit import VectorUnit

__all__ = ["UNITS", "Core"]

UNITS = ("sequencer", "operands", "engine", "results", "vector", "transfers")
"""Bits of ``Core.units``: the sequencer reads the image, or waits; operands are read for a layer;
the engine issues a step, or a macro converts; results leave the post-processor; the vector unit
takes operands; a transfer of the run is under way."""


class Core(wiring.Component):
    """Everything between the buses: runs the program image that lies in its memories.

    *Timing*: see ``Sequencer``, ``Im2col``, ``Issuer``, ``Drain``, ``PostProcessor``; ``gen``'s
    predictor adds them up.

    *Parameters*: an ``AcceleratorParameters``.

    *Members*: ``bus`` (local bus onto the memories), ``start``, ``stop``, ``program_base``,
    ``weight_base``, ``schedule_base``, ``last_layer``, ``watchdog``, ``counted_bank``,
    ``conditions``, ``flags`` (as ``Sequencer``), ``bus_error``, ``transfer`` (to the DMA),
    ``transfer_done`` (pulse), ``transfers_idle`` (none is under way), ``transferring`` (level:
    those under way are of the run that goes on), ``busy``, ``finished``, ``failed``, ``cause``,
    ``layer``, ``layer_cycles``, ``layer_ended``, ``counts``; the monitors ``post_valid``,
    ``post_data``, ``vector_valid``, ``vector_data``: results as they leave the requantisers;
    ``units``: which of ``UNITS`` is busy. With a macro also ``gdc`` (global drift compensation, of
    which ``GDC_ONE`` is 1.0) and ``array_counts``. With slots for frames also ``frames`` (pixels of
    the tensor that is handed off), ``continuous``, ``abort`` (as ``FrameSlots``), ``stream``
    (state, words written during the run) and the monitors ``handoff_valid``, ``handoff_data``.
    """

    def __init__(self, parameters: AcceleratorParameters):
        self.parameters = p = parameters
        self._check()
        self.map = MemoryMap(sizes=p.region_words)
        members = {} if p.macro is None else {
            "gdc": In(SCALE_BITS, init=GDC_ONE),
            "array_counts": Out(ArrayCounts),
        }
        members |= {} if p.slots is None else {
            "frames": In(stream.Signature(tensor_pixel(p.slots.channels))),
            "continuous": In(1),
            "abort": In(1),
            "stream": Out(StreamState),
            "handoff_valid": Out(1),
            "handoff_data": Out(data.ArrayLayout(8, p.slots.channels)),
        }
        super().__init__(members | {
            "bus": In(LocalBus(self.map.address_width)),
            "start": In(1),
            "stop": In(1),
            "program_base": In(32),
            "weight_base": In(32),
            "schedule_base": In(32),
            "last_layer": In(16),
            "watchdog": In(32),
            "conditions": In(FLAGS),
            "flags": Out(FLAGS),
            "counted_bank": In(CountedBank),
            "bus_error": In(1),
            "transfer": Out(stream.Signature(Transfer)),
            "transfer_done": In(1),
            "transfers_idle": In(1, init=1),
            "transferring": Out(1),
            "busy": Out(1),
            "finished": Out(1),
            "failed": Out(1),
            "cause": Out(8),
            "layer": Out(16),
            "layer_cycles": Out(32),
            "layer_ended": Out(1),
            "counts": Out(EventCounts),
            "post_valid": Out(1),
            "post_data": Out(data.ArrayLayout(signed(8), p.drain_lanes)),
            "vector_valid": Out(1),
            "vector_data": Out(data.ArrayLayout(signed(8), p.vector_lanes)),
            "units": Out(len(UNITS)),
        })

    def _check(self) -> None:
        p = self.parameters
        if (p.macro is not None) != (p.engine.kind == CIM.name):
            raise ValueError(f"Core must have a macro if its engine is {CIM.name}, and only then")
        if p.macro is None:
            return
        if not p.macro.lanes == p.facts.columns == p.drain_lanes or p.facts.rows != 1:
            raise ValueError(f"Macro's lanes must be the engine's columns and the post-processor's "
                             f"lanes, not {p.macro.lanes!r}")
        if p.external_weights:
            raise ValueError("Core with a macro must have its weights on chip")

    @property
    def flush_cycles(self) -> int:
        """Cycles after which every pipeline is empty once nothing new enters: the engine's, from
        a tile's last step or a macro's codes to the last result, or the vector unit's, from a sum's
        last word."""
        facts, beats = self.parameters.facts, self.parameters.beats
        sums = (facts.drain_start + facts.drain_latency + facts.rows * beats
                if self.parameters.macro is None else ScaledSums.LATENCY)
        engine = sums + PostProcessor.latency(facts.pipelined) + beats
        return 1 + max(engine, VectorUnit.COLUMN_DELAY + VectorUnit.add_latency(facts.pipelined))

    def elaborate(self, platform) -> Module:
        m = Module()
        p = self.parameters
        facts = p.facts

        # Memories.
        m.submodules.map = self.map
        m.submodules.activations = activations = ActivationMemory(
            banks=p.banks, words=p.group_words,
            write_words=max(p.drain_lanes, p.vector_lanes) // 8, keeps=p.external_weights)
        m.submodules.weights = weights = (
            ArrayPort(p.macro) if p.resident
            else WeightRing(words=p.weight_words, row_words=p.weight_banks,
                            narrow_words=p.dense_words) if p.external_weights
            else WideMemory(banks=p.weight_banks, rows=p.weight_rows))
        m.submodules.program = program = WideMemory(
            banks=2 * p.program_width, rows=p.program_rows)
        m.submodules.schedule = schedule = WideMemory(banks=1, rows=p.schedule_words)
        if p.slots is None:
            connect(m, self.map.activations, activations.access)
        connect(m, self.map.weights, weights.access)
        connect(m, self.map.program, program.access)
        connect(m, self.map.schedule, schedule.access)
        connect(m, flipped(self.bus), self.map.bus)

        # Sequencer.
        m.submodules.sequencer = sequencer = Sequencer(
            width=p.program_width, program_row_width=32, trailer_row_width=32,
            flush_cycles=self.flush_cycles, spec_hash=p.spec_hash,
            slots=1 if p.slots is None else 2,
            engine_cause=Cause.DENSITY if p.macro is None else Cause.BAD_DESCRIPTOR)
        d, v, fused = sequencer.descriptor, sequencer.vector_descriptor, sequencer.fused
        matrix = Signal()
        window = Signal()
        addition = Signal()
        begin_matrix = Signal()
        begin_window = Signal()
        begin_addition = Signal()
        halt = Signal()
        m.d.comb += [
            matrix.eq(d.opcode == Opcode.MATRIX),
            window.eq(d.opcode == Opcode.WINDOW),
            addition.eq(d.opcode == Opcode.ADD),
            begin_matrix.eq(sequencer.begin & matrix),
            begin_window.eq(sequencer.begin & (window | fused)),
            begin_addition.eq(sequencer.begin & addition),
            # A damaged descriptor may ask for more than its layer takes: nothing outlives it.
            halt.eq(~(sequencer.begin | sequencer.running)),
            sequencer.consistent.eq(Mux(
                matrix, covers(d.column_tiles, facts.columns // 8, d.destination_blocks)
                & (~fused | joins(v, d, p.fused_blocks)) if p.macro is None
                else runs(p.macro, d, reloads=p.reloads) & ~fused,
                p.vector_lanes and covers(d.column_tiles, p.vector_blocks, d.destination_blocks))),
        ]
        for name in ("stop", "program_base", "last_layer", "watchdog", "conditions",
                     "bus_error"):
            m.d.comb += getattr(sequencer, name).eq(getattr(self, name))
        if p.slots is None:
            m.d.comb += [sequencer.start.eq(self.start), self.busy.eq(sequencer.busy)]
        else:
            hold_frames(m, self, activations, sequencer)
        for name in ("transferring", "finished", "failed", "cause", "layer",
                     "layer_cycles", "layer_ended", "flags"):
            m.d.comb += getattr(self, name).eq(getattr(sequencer, name))

        # Operands of the engine and of the vector unit.
        m.submodules.fetch = fetch = OperandFetch(p, address_width=activations.address_width,
                                                  schedule_row_width=schedule.row_width)
        m.d.comb += [
            fetch.descriptor.eq(d), fetch.vector_descriptor.eq(v), fetch.fused.eq(fused),
            fetch.start.eq(sequencer.begin),
            fetch.stop.eq(halt),
            activations.lock.eq(sequencer.running | sequencer.begin),
            activations.read_group.eq(fetch.read_group),
            activations.read_enable.eq(fetch.read_enable),
            activations.read_lines.eq(fetch.read_lines),
            fetch.read_data.eq(activations.read_data),
            fetch.schedule_row.eq(d.schedule_row + self.schedule_base),
            schedule.lock.eq(sequencer.running | sequencer.begin),
            schedule.read_enable.eq(fetch.schedule_read_enable),
            schedule.read_row.eq(fetch.schedule_read_row),
            fetch.schedule_read_data.eq(schedule.read_data[0]),
        ]

        def program_row(layer):
            return (layer.parameter_row + self.program_base) >> exact_log2(p.program_width)

        # Engine and vector unit, with the writers of their results.
        m.d.comb += weights.lock.eq(sequencer.running | sequencer.begin)
        path = (mesh_path if p.macro is None else cim_path)(
            m, self, sequencer, fetch, weights, begin_matrix, halt)
        m.d.comb += path.parameters.base.eq(program_row(d))
        writers, loaders = [path.writer], [path.parameters]
        if p.vector_lanes:
            vector_writer, vector_parameters = vector_path(
                m, self, sequencer, fetch, begin_window, begin_addition)
            m.d.comb += vector_parameters.base.eq(program_row(v))
            writers.append(vector_writer)
            loaders.insert(0, vector_parameters)

        # Program memory: sequencer between layers, parameter loaders within, of two fused layers
        # the vector unit's first; transfers last.
        for loader in loaders:
            m.d.comb += [
                loader.stop.eq(sequencer.done | sequencer.flush),
                loader.read_data.eq(program.read_data.as_value()),
            ]
        width = exact_log2(p.program_width)
        readers = [
            (sequencer.program_enable, sequencer.program_row >> width, Signal()),
            *((loader.read_enable, loader.read_row,
               loader.read_grant if isinstance(loader, ParameterLoader) else Signal())
              for loader in loaders),
        ]
        m.d.comb += sequencer.program_data.eq(program.read_data.as_value())
        if p.trailer_in_program:
            m.d.comb += [sequencer.trailer_base.eq(self.program_base),
                         sequencer.trailer_data.eq(program.read_data[0][:64])]
            readers.append((sequencer.trailer_enable, sequencer.trailer_row >> width, Signal()))
        else:  # of weights on chip the sequencer reads the trailer
            m.d.comb += [sequencer.trailer_base.eq(self.weight_base),
                         sequencer.trailer_data.eq(weights.read_data[0])]
            with m.If(sequencer.trailer_enable):
                m.d.comb += [weights.read_enable.eq(1),
                             weights.read_row.eq(sequencer.trailer_row)]
        if p.external_weights:
            m.submodules.transfers = transfers = TransferQueue(
                width=p.program_width, row_width=program.row_width)
            connect(m, transfers.o, flipped(self.transfer))
            m.d.comb += [
                transfers.start.eq(sequencer.launch),
                transfers.stop.eq(sequencer.hold_transfers | self.stop),
                transfers.base.eq(sequencer.transfer_row),
                transfers.count.eq(sequencer.transfer_count),
                transfers.layer.eq(sequencer.layer),
                transfers.running.eq(sequencer.running & matrix),
                transfers.released.eq(path.released),
                transfers.done.eq(self.transfer_done),
                transfers.read_data.eq(program.read_data.as_value()),
                sequencer.transfers_done.eq(transfers.completed),
                sequencer.transfers_idle.eq(transfers.idle & self.transfers_idle),
            ]
            readers.append((transfers.read_enable, transfers.read_row, transfers.read_grant))
        m.d.comb += [grant.eq(0) for _, _, grant in readers]  # they may be high by default
        for index, (enable, row, grant) in enumerate(readers):
            with (m.Elif if index else m.If)(enable):
                m.d.comb += [program.read_enable.eq(1), program.read_row.eq(row), grant.eq(1)]

        # Results into the destination group.
        for word in range(activations.write_words):
            sources = [writer for writer in writers if word < writer.words]
            m.d.comb += activations.write_enable[word].eq(
                Cat(writer.write_enable[word] for writer in sources).any())
            for writer in sources:
                with m.If(writer.write_enable[word]):
                    m.d.comb += [
                        activations.write_addresses[word].eq(writer.write_addresses[word]),
                        activations.write_data[word].eq(writer.write_data[word]),
                    ]
        m.d.comb += [
            activations.write_group.eq(d.destination_group),
            sequencer.done.eq(Mux(matrix, path.writer.done, writers[-1].done)),
            sequencer.over.eq(Mux(
                matrix, path.writer.valid & _exceeds(self.post_data, d.threshold),
                writers[-1].valid & _exceeds(self.vector_data, d.threshold))),
            self.units.eq(Cat(sequencer.busy & ~sequencer.running, fetch.reading,
                              path.working, self.post_valid, fetch.vector.valid,
                              ~self.transfers_idle)),
        ]

        m.submodules.counters = counters = Counters(
            multipliers=p.multipliers, banks=p.banks, write_words=activations.write_words)
        m.d.comb += [
            counters.gated_activation.eq(path.gated_activation),
            counters.gated_weight.eq(path.gated_weight),
            counters.clear.eq(sequencer.start & ~sequencer.busy),
            counters.cycle.eq(sequencer.busy),
            counters.stall_transfer.eq(sequencer.waiting),
            counters.step.eq(path.stepping),
            counters.stall_operands.eq(sequencer.running & matrix & path.stall_operands),
            counters.stall_drain.eq(sequencer.running & matrix & path.stall_drain),
            counters.stall_parameters.eq(
                sequencer.running & ((matrix & path.stall_parameters)
                                     | (window & fetch.stall_parameters))),
            counters.conflict.eq(fetch.conflict),
            counters.counted_bank.eq(self.counted_bank),
            counters.read_group.eq(activations.read_group),
            counters.activation_reads.eq(activations.read_enable),
            counters.write_group.eq(activations.write_group),
            counters.activation_writes.eq(activations.write_enable),
            *(counters.write_banks[word].eq(activations.write_addresses[word])
              for word in range(activations.write_words)),
            counters.weight_read.eq(0 if p.resident else weights.read_enable),
            self.counts.eq(counters.counts),
        ]
        return m


def _exceeds(results, threshold: Value) -> Value:
    """Whether one of ``results`` is above ``threshold``."""
    return Cat(result > threshold for result in results).any()
