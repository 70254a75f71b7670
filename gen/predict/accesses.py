# SPDX-License-Identifier: Apache-2.0
"""Accesses of a run to every memory, and what energy they take."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from ...rtl.facts import BLOCK
from ...rtl.parameters import AcceleratorParameters
from ...rtl.sequencer.descriptor import DESCRIPTOR_ROWS, Opcode
from ..compile.program import CompiledLayer, Program
from ..compile.schedule import row_tiles
from ..memory import Composition, MacroMap, MemoryKind, compose, memories_of
from ..memory.compose import RegisterBank
from .activity import Activity, predict_words
from .cycles import LayerPrediction, Prediction

__all__ = ["Accesses", "MemoryUse", "memory_use", "predict_accesses"]


@dataclass(frozen=True)
class Accesses:
    """Accesses to single banks, by memory. A row of banks side by side counts once for each."""

    reads: Counter[str] = field(default_factory=Counter)
    writes: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "Accesses") -> "Accesses":
        return Accesses(self.reads + other.reads, self.writes + other.writes)


def predict_accesses(program: Program,
                     prediction: Prediction) -> tuple[Accesses, list[Accesses]]:
    """Accesses of a run outside its layers, and of each layer; of two fused layers, those for
    parameters and in the buffer between them are the second one's.

    The same on every input. What the host reads and writes, images, inputs, results, the table of
    layers' cycles, is not in it.
    """
    p = program.parameters
    layers = []
    for index, (layer, words, predicted) in enumerate(zip(
            program.layers, predict_words(program), prediction.layers, strict=True)):
        window = program.layers[index - 1] if layer.fed else None
        layers.append(_of_layer(layer, window, words, predicted, p))
    return _of_run(program), layers


def _of_run(program: Program) -> Accesses:
    """Header, trailer, transfers."""
    p = program.parameters
    side = 2 * p.program_width
    reads, writes = Counter(), Counter()
    reads["program"] = side * (DESCRIPTOR_ROWS // p.program_width)
    if not p.external_weights:
        reads["weights"] = p.weight_banks
        return Accesses(reads, writes)
    reads["program"] += side * (1 + len(program.moves))
    for move in program.moves:
        memory = "weights" if move.local >= p.region_address(1) // 8 else "activations"
        (reads if move.write_out else writes)[memory] += move.total
    return Accesses(reads, writes)


def _of_layer(layer: CompiledLayer, window: CompiledLayer | None, words: Activity,
              predicted: LayerPrediction, p: AcceleratorParameters) -> Accesses:
    reads, writes = Counter(), Counter({"layer_table": 1})
    reads["activations"] = words.activation_reads
    writes["activations"] = words.activation_writes
    reads["program"] = 2 * p.program_width * (
        DESCRIPTOR_ROWS // p.program_width + predicted.parameter_reads)
    if layer.lowered.opcode is Opcode.MATRIX:
        reads["weights"] = words.weight_reads * p.weight_banks - _narrower(layer, p)
        reads["schedule"] = _schedule_reads(layer, p)
    if window is not None:
        height, width, _ = window.lowered.output_shape
        groups = -(-window.destination.blocks // p.vector_blocks)
        writes["tile_buffer"] = height * width * groups * p.vector_blocks
        entries = sum(len(tile) for tile in layer.plan.tiles)
        reads["tile_buffer"] = row_tiles(layer.lowered, p) * entries * p.facts.rows
    return Accesses(+reads, +writes)


def _narrower(layer: CompiledLayer, p: AcceleratorParameters) -> int:
    """Banks of the ring that rest since a row of a dense block is narrower, all but its first."""
    if p.dense_words is None:
        return 0
    dense = int((layer.plan.steps == BLOCK).sum())
    return (row_tiles(layer.lowered, p) * dense * (BLOCK - 1)
            * (p.weight_banks - p.dense_words))


def _schedule_reads(layer: CompiledLayer, p: AcceleratorParameters) -> int:
    """Words of the schedule that are read: one for the first entry, one wherever an entry is in
    another word than the one before, one for every rewind."""
    tiles, each = row_tiles(layer.lowered, p), p.schedule_entries
    ends = list(accumulate(len(tile) for tile in layer.plan.tiles))
    if layer.fed:  # all columns of a tile, then the next one
        return tiles * ((ends[-1] - 1) // each + 1)
    reads = 1
    for first, end in zip([0, *ends], ends, strict=False):
        reads += tiles * ((end - 1) // each - first // each) + tiles - 1
        reads += end != ends[-1] and end % each == 0
    return reads


@dataclass(frozen=True, kw_only=True)
class MemoryUse:
    """One memory, of what it is made, and what a run does to it. Areas in um2, energies in pJ, of
    all its banks; None where the map does not say."""

    kind: MemoryKind
    bank: Composition | RegisterBank
    reads: int = 0
    writes: int = 0

    @property
    def area_um2(self) -> float:
        """Of all banks."""
        return self.kind.count * self.bank.area_um2

    @property
    def leakage_nw(self) -> float | None:
        """Of all banks."""
        leakage = self.bank.leakage_nw
        return None if leakage is None else self.kind.count * leakage

    @property
    def energy_pj(self) -> float | None:
        """Of all accesses of the run, without leakage."""
        if self.bank.read_pj is None or self.bank.write_pj is None:
            return None
        return self.reads * self.bank.read_pj + self.writes * self.bank.write_pj


def memory_use(p: AcceleratorParameters, available: MacroMap,
               accesses: Sequence[Accesses] = ()) -> list[MemoryUse]:
    """Every memory of the accelerator, made of ``available``, with the sum of ``accesses``."""
    total = sum(accesses, Accesses())
    return [MemoryUse(kind=kind, bank=compose(available, kind.words, kind.bits),
                      reads=total.reads[kind.name], writes=total.writes[kind.name])
            for kind in memories_of(p)]
