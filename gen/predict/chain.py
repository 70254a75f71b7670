# SPDX-License-Identifier: Apache-2.0
"""Cycles of two chained layers: the vector unit fills one half of the buffer between them while the
engine empties the other."""

from ...rtl.operand.tile_buffer import TileBuffer
from ...rtl.parameters import AcceleratorParameters
from ...rtl.postproc.parameters import ParameterLoader
from ...rtl.vector.unit import VectorUnit
from ..compile.program import CompiledLayer
from ..compile.reads import tiled_window_reads
from .engine import EngineTimeline, Stalls

__all__ = ["chained_layers"]


def chained_layers(window: CompiledLayer, matrix: CompiledLayer,
                   p: AcceleratorParameters) -> tuple[int, Stalls]:
    """Cycle of the engine's last result beat, and the stalls of the engine."""
    facts, low = p.facts, matrix.lowered
    pixels = low.output_shape[0] * low.output_shape[1]
    columns = matrix.plan.tiles
    vector = _VectorTimeline(window, p)
    engine = EngineTimeline(facts, p.beats)
    loads = facts.columns // p.program_width
    load = 1  # first cycle in which parameters of the engine's columns may be read
    swap = 1  # im2col's walk starts one cycle after ``begin``
    accepted = taken = 0
    for tile in range(len(vector)):
        rows = min(facts.rows, pixels - tile * facts.rows)
        swap = max(swap + rows, accepted)
        accepted = max(accepted, swap)
        whole = vector.tile(tile) + TileBuffer.FULL_DELAY
        for column, blocks in enumerate(columns):
            for place, block in enumerate(blocks):
                fill_free = engine.moved
                for _ in range(facts.rows // p.matrix_lanes):
                    accepted = max(accepted + 1, taken, whole)
                    taken = max(accepted + 1, fill_free)
                closes = place == len(blocks) - 1
                if closes and column == len(columns) - 1:
                    vector.release(accepted)
                fresh = closes and (len(columns) > 1 or tile == 0)
                engine.block(taken, block.steps, opens=place == 0, closes=closes, rows=rows,
                             parameters=vector.loaded(load, loads) if fresh else 0)
                if fresh:
                    load = engine.issued + engine.row_valid + ParameterLoader.HOLD + 1
    last_rows = pixels - (len(vector) - 1) * facts.rows
    return engine.done(last_rows, bank_conflicts=vector.conflicts)


class _VectorTimeline:
    """The vector unit's events, tile by tile, as far as halves of the buffer have been released."""

    def __init__(self, layer: CompiledLayer, p: AcceleratorParameters):
        self._tiles = tiled_window_reads(layer.lowered, layer.source, p)
        self._reads = 2 * p.vector_lanes // p.program_width
        self._bursts = [(1, self._reads)]  # first and last cycle of parameter reads
        self._parameters = ParameterLoader.SETUP + self._reads
        self._finished = 1                 # last read so far; the walk starts after ``begin``
        self._results: list[int] = []      # last of each tile
        self._free = [0, 0]                # first cycle in which a tile may be opened
        self.conflicts = sum(int((group - 1).sum()) for tile in self._tiles for group in tile)
        self._advance()

    def __len__(self) -> int:
        return len(self._tiles)

    def tile(self, index: int) -> int:
        """Cycle of the tile's last result."""
        return self._results[index]

    def release(self, cycle: int) -> None:
        """The oldest tile was read for the last time."""
        self._free.append(cycle + 1)
        self._advance()

    def loaded(self, cycle: int, reads: int) -> int:
        """When parameters are ready that may be read from ``cycle`` on, whenever the vector unit
        reads none of its own."""
        for first, last in self._bursts:
            if last < cycle:
                continue
            gap = min(max(first - cycle, 0), reads)
            reads -= gap
            cycle += gap
            if not reads:
                break
            cycle = last + 1
        return cycle + reads - 1 + ParameterLoader.SETUP

    def _advance(self) -> None:
        while len(self._results) < min(len(self._free), len(self._tiles)):
            index = len(self._results)
            groups = self._tiles[index]
            for number, reads in enumerate(groups):
                asked = self._finished
                if number == 0:
                    asked = max(asked, self._free[index])
                fresh = index == 0 or len(groups) > 1
                if fresh:
                    asked = max(asked, self._parameters)
                first = asked + int(reads[0])
                if fresh:
                    start = first + VectorUnit.SWAP_DELAY + ParameterLoader.HOLD + 1
                    self._bursts.append((start, start + self._reads - 1))
                    self._parameters = start + self._reads - 1 + ParameterLoader.SETUP
                self._finished = first + int(reads[1:].sum())
            self._results.append(
                self._finished + VectorUnit.COLUMN_DELAY + VectorUnit.LATENCY)
