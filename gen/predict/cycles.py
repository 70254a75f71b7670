# SPDX-License-Identifier: Apache-2.0
"""Cycles of a compiled program, layer by layer, as the hardware will count them.

The recurrences follow the units' handshakes, event by event; every constant is a static fact
of a component, read from it. Times are cycles from the layer's ``begin`` pulse.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ...rtl.facts import EngineFacts
from ...rtl.parameters import AcceleratorParameters
from ...rtl.postproc.parameters import ParameterLoader
from ...rtl.sequencer.descriptor import Opcode
from ...rtl.sequencer.sequencer import Sequencer
from ...rtl.vector.addition import AdditionWalker
from ...rtl.vector.unit import VectorLane, VectorUnit
from ..compile.cim import ArrayPlan
from ..compile.external.tiling import Tiled
from ..compile.placed import PlacedLayer
from ..compile.program import CompiledLayer, Program
from ..compile.reads import matrix_reads, window_reads
from .busy import Busy, Timeline
from .cim import predict_array
from .engine import EngineTimeline, Stalls
from .fusion import fused_layers
from .transfers import predict_transfers

__all__ = ["LayerPrediction", "Prediction", "Stalls", "predict_mesh"]


@dataclass(frozen=True, kw_only=True)
class LayerPrediction:
    """``cycles`` of a layer, none if it is ``fused`` with the next one; ``macs`` as the network
    states it; ``utilisation`` of the multipliers, counting for each block the weights of its
    densest column, or the activations kept; blocks without a weight count nothing.
    ``parameter_reads``: rows of program memory that are read for channels' parameters, those of
    a fused layer with the next one's."""

    name: str
    op: str
    cycles: int
    macs: int
    utilisation: float
    fused: bool = False
    parameter_reads: int = 0
    stalls: Stalls = field(default_factory=Stalls)


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """A run's busy ``cycles`` and its layers; ``waits``: cycles on top, in which layers wait for
    transfers; ``busy``: its units, from the run's first cycle, waits included."""

    cycles: int
    layers: list[LayerPrediction]
    utilisation: float
    first_layer: int
    busy: Busy
    waits: Sequence[int]

    @property
    def stalls(self) -> Stalls:
        """Stalls of the whole run."""
        return sum((layer.stalls for layer in self.layers), Stalls())

    @property
    def timeline(self) -> Timeline:
        """The run, to be drawn."""
        return Timeline.of("predicted", self.cycles + sum(self.waits), self.first_layer,
                           [(layer.name, layer.cycles + wait) for layer, wait in zip(
                               self.layers, self.waits, strict=True)], self.busy)


def predict_mesh(program: Program | Tiled, known: dict | None = None,
                 runs: Sequence[bool] | None = None) -> Prediction:
    """``predict`` for cores with a mesh or a macro."""
    known = {} if known is None else known
    p = program.parameters
    multipliers = p.multipliers
    layers = []
    useful = 0.0
    lengths, begins, watched = [], [], []
    for index, layer in enumerate(program.layers):
        low = layer.lowered
        units, begin, reads = Busy(), Sequencer.fetch_cycles(p.program_width), 0
        if runs is not None and not runs[index]:
            cycles, stalls = begin, Stalls()
        elif layer.fused:  # timed with the next one
            cycles, stalls = 0, Stalls()
        else:
            if layer.fed:
                done, stalls, reads = fused_layers(program.layers[index - 1], layer, p, units)
                begin += Sequencer.fused_cycles(p.program_width)
            else:
                key = _alike(layer, p)
                if key not in known:
                    known[key] = *UNITS[low.opcode](layer, p, units), units
                done, stalls, reads, units = known[key]
            cycles = begin + done + 1
        lengths.append(cycles)
        begins.append(begin)
        watched.append(units)
        skipped = runs is not None and not runs[index]
        work = _products(layer, p.facts) if low.opcode is Opcode.MATRIX and not skipped else 0.0
        useful += work
        layers.append(LayerPrediction(
            name=low.name, op=low.kind, cycles=cycles, macs=low.macs,
            utilisation=work / (max(cycles, 1) * multipliers), fused=layer.fused,
            parameter_reads=reads, stalls=stalls))
    total = Sequencer.overhead_cycles(p.program_width) + sum(lengths)
    waits, transfers = predict_transfers(program, lengths)
    first_layer = cycle = Sequencer.overhead_cycles(p.program_width) - Sequencer.END
    busy = Busy()
    busy.add("sequencer", 0, cycle)
    for start, end in transfers:
        busy.add("transfers", first_layer + start, first_layer + end)
    for length, wait, begin, units in zip(lengths, waits, begins, watched, strict=True):
        if length:
            busy.add("sequencer", cycle, cycle + min(begin + wait + 1, length + wait))
            busy.append(units, cycle + begin + wait)
        cycle += length + wait
    busy.add("sequencer", cycle, cycle + Sequencer.END)
    return Prediction(cycles=total, layers=layers, first_layer=first_layer, busy=busy, waits=waits,
                      utilisation=useful / (total * multipliers))


def _alike(layer: PlacedLayer, p: AcceleratorParameters) -> tuple:
    """What parts of a layer that take as long have in common."""
    low, source = layer.lowered, layer.source
    return (low.output, low.output_shape, low.source_shape, low.padding, layer.part.channels,
            replace(source, group=0, base=source.base % p.banks, order=()))


def _products(layer: CompiledLayer, facts: EngineFacts) -> float:
    """Products that an engine layer asks for."""
    low, plan = layer.lowered, layer.plan
    if not facts.compressed:
        return low.macs
    height, width, channels = low.output_shape
    columns = np.minimum(channels - facts.columns * np.arange(len(plan.nnz)), facts.columns)
    kept = plan.nnz
    if facts.holds_weights:
        kept = np.minimum(plan.steps, low.activation_bound) * (plan.nnz > 0)
    return float(height * width * (columns @ kept.sum((1, 2, 3))))


def _matrix(layer: CompiledLayer, p: AcceleratorParameters, busy: Busy) -> tuple[int, Stalls, int]:
    """Cycle of the engine layer's last result beat, its stalls, reads of parameters."""
    if isinstance(layer.plan, ArrayPlan):
        return predict_array(layer, p, busy)
    facts, low = p.facts, layer.lowered
    reads = matrix_reads(low, layer.source, p)
    tiles = reads.shape[1]
    pixels = low.output_shape[0] * low.output_shape[1]
    costs_of = reads.transpose(1, 0, 2, 3, 4).tolist()
    ready_after = ParameterLoader.load_cycles(lanes=facts.columns, rows_per_lane=1,
                                              width=p.program_width)
    engine = EngineTimeline(facts, p.beats, busy)

    swap = 1  # the walk starts one cycle after ``begin``
    accepted = read = taken = 0
    parameters = ready_after
    sets = 1  # that have been asked for
    for blocks in layer.plan.tiles:
        for tile in range(tiles):
            rows = min(facts.rows, pixels - tile * facts.rows)
            swap = max(swap + rows, accepted)
            accepted = max(accepted, swap)
            for place, block in enumerate(blocks):
                fill_free = engine.moved
                for cost in costs_of[tile][block.shared][block.ky][block.kx]:
                    accepted = max(accepted + 1, read)
                    read = max(accepted, read)
                    for _ in range(cost):
                        read = max(read + 1, taken)
                        busy.read(read, read)
                        taken = max(read + 1, fill_free)
                closes = place == len(blocks) - 1
                fresh = closes and tile == 0
                engine.move(taken)
                engine.issue(block.steps, opens=place == 0, closes=closes, rows=rows,
                             parameters=parameters if fresh else 0)
                if fresh:
                    parameters = (engine.issued + engine.row_valid + ParameterLoader.HOLD
                                  + ready_after)
                    sets += 1
    done, stalls = engine.done(
        pixels - (tiles - 1) * facts.rows,
        bank_conflicts=int(((reads - 1).sum((1, 4)) * layer.plan.taps).sum()))
    return done, stalls, _parameter_reads(ready_after, sets, parameters, done)


def _parameter_reads(ready_after: int, sets: int, ready: int, done: int) -> int:
    """Reads of a layer's parameters: behind its last set the loader asks for another, which would
    be ``ready`` in that cycle, until the layer is done."""
    each = ready_after - ParameterLoader.SETUP
    return (sets - 1) * each + min(max(done - (ready - ready_after), 0), each)


def _window(layer: CompiledLayer, p: AcceleratorParameters,
            busy: Busy) -> tuple[int, Stalls, int]:
    """Cycle of the vector layer's last result, its stalls, reads of parameters."""
    reads = window_reads(layer.lowered, layer.source, p)
    ready_after = ParameterLoader.load_cycles(
        lanes=p.vector_lanes, rows_per_lane=len(VectorLane.FIELDS), width=p.program_width)
    parameters = ready_after
    finished = asked = waits = 0  # asked: cycle in which the last request was taken
    for group in reads.reshape(reads.shape[0], -1):
        waits += max(parameters - asked - 1, 0)
        first = max(finished, parameters, 1) + int(group[0])
        parameters = (first + VectorUnit.swap_delay(p.facts.pipelined) + ParameterLoader.HOLD
                      + ready_after)
        finished = first + int(group[1:].sum())
        asked = finished - int(group[-1])
        busy.read(first - int(group[0]) + 1, finished, vector=True)
    done = finished + VectorUnit.COLUMN_DELAY + VectorUnit.latency(p.facts.pipelined)
    stalls = Stalls(stall_parameters=waits, bank_conflicts=int((reads - 1).sum()))
    return done, stalls, _parameter_reads(ready_after, len(reads) + 1, parameters, done)


def _addition(layer: CompiledLayer, p: AcceleratorParameters,
              busy: Busy) -> tuple[int, Stalls, int]:
    """Cycle of the element-wise sum's last result, its stalls, reads of parameters: none."""
    groups = layer.source.word_groups(p.vector_blocks)
    last_read = 3 + (groups - 1) * AdditionWalker.PERIOD  # of the second operand
    done = last_read + VectorUnit.COLUMN_DELAY + VectorUnit.add_latency(p.facts.pipelined)
    for second in range(3, last_read + 1, AdditionWalker.PERIOD):
        busy.read(second - 1, second, vector=True)
    return done, Stalls(), 0


UNITS = {Opcode.MATRIX: _matrix, Opcode.WINDOW: _window, Opcode.ADD: _addition}
