# SPDX-License-Identifier: Apache-2.0
"""Cycles of two fused layers: the vector unit fills one half of the buffer between them while the
engine empties the other."""

from dataclasses import dataclass

from ...rtl.operand.tile_buffer import TileBuffer
from ...rtl.parameters import AcceleratorParameters
from ...rtl.postproc.parameters import ParameterLoader
from ...rtl.vector.unit import VectorLane, VectorUnit
from ..compile.program import CompiledLayer
from ..compile.reads import tiled_window_reads
from .busy import Busy
from .engine import EngineTimeline, Stalls

__all__ = ["fused_layers"]


def fused_layers(window: CompiledLayer, matrix: CompiledLayer, p: AcceleratorParameters,
                 busy: Busy) -> tuple[int, Stalls, int]:
    """Cycle of the engine's last result beat, the stalls of the engine, reads of both layers'
    parameters; what units do goes into ``busy``."""
    facts, low = p.facts, matrix.lowered
    pixels = low.output_shape[0] * low.output_shape[1]
    columns = matrix.plan.tiles
    vector = _VectorTimeline(window, p, busy)
    engine = EngineTimeline(facts, p.beats, busy)
    blocks = [_Block(tile, block.steps, opens=place == 0, closes=place == len(column) - 1,
                     leaves=column is columns[-1] and place == len(column) - 1)
              for tile in range(len(vector)) for column in columns
              for place, block in enumerate(column)]
    rows = [min(facts.rows, pixels - tile * facts.rows) for tile in range(len(vector))]
    requests = _Requests(blocks, rows, vector, facts.rows // p.matrix_lanes)
    loads = facts.columns // p.program_width
    load = 1  # first cycle in which parameters of the engine's columns may be read
    sets = 0  # of them that were needed
    requests.ask(0)
    requests.take(0, 0)
    requests.ask(1)
    for index, block in enumerate(blocks):
        engine.move(requests.taken)
        # What is asked for meanwhile may free a half, whose new parameters come first.
        requests.take(index + 1, engine.moved)
        requests.ask(index + 2)
        fresh = block.closes and (len(columns) > 1 or block.tile == 0)
        engine.issue(block.steps, opens=block.opens, closes=block.closes, rows=rows[block.tile],
                     parameters=vector.loaded(load, loads) if fresh else 0)
        if fresh:
            load = engine.issued + engine.row_valid + ParameterLoader.HOLD + 1
            sets += 1
    done, stalls = engine.done(rows[-1], bank_conflicts=vector.conflicts)
    return done, stalls, sets * loads + min(vector.gaps(load, done), loads) + vector.reads(done)


@dataclass(frozen=True)
class _Block:
    """A block of a tile as it is issued; ``leaves``: the tile is read for the last time."""

    tile: int
    steps: int
    opens: bool
    closes: bool
    leaves: bool


class _Requests:
    """When im2col's requests to the buffer are taken, and their pieces by the fill buffer.

    ``taken``: the last piece of the latest block that was taken.
    """

    def __init__(self, blocks: list[_Block], rows: list[int], vector: "_VectorTimeline",
                 pieces: int):
        self.taken = 0
        self._blocks = blocks
        self._rows = rows
        self._vector = vector
        self._pieces = pieces
        self._asked = 0
        self._swap = 1  # im2col's walk starts one cycle after ``begin``
        self._tile = -1

    def ask(self, index: int) -> None:
        """The block's first request, once the block before is taken."""
        if index >= len(self._blocks):
            return
        block = self._blocks[index]
        whole = self._vector.tile(block.tile) + TileBuffer.FULL_DELAY
        if block.tile != self._tile:
            self._tile = block.tile
            self._swap = max(self._swap + self._rows[block.tile], self._asked)
        self._asked = max(max(self._asked, self._swap) + 1, self.taken, whole)
        if block.leaves and self._pieces == 1:
            self._vector.release(self._asked)

    def take(self, index: int, fill_free: int) -> None:
        """The block's pieces, once the fill buffer is free; and its other requests."""
        if index >= len(self._blocks):
            return
        self.taken = max(self._asked + 1, fill_free)
        for _ in range(self._pieces - 1):
            self._asked = max(self._asked + 1, self.taken)
            self.taken = max(self._asked + 1, fill_free)
        if self._blocks[index].leaves and self._pieces > 1:
            self._vector.release(self._asked)


class _VectorTimeline:
    """The vector unit's events, tile by tile, as far as halves of the buffer have been released."""

    def __init__(self, layer: CompiledLayer, p: AcceleratorParameters, busy: Busy):
        self._busy = busy
        self._pipelined = p.facts.pipelined
        self._tiles = tiled_window_reads(layer.lowered, layer.source, p)
        self._reads = len(VectorLane.FIELDS) * p.vector_lanes // p.program_width
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

    def reads(self, last: int) -> int:
        """Reads of its own parameters up to and with cycle ``last``."""
        return sum(max(min(end, last) - start + 1, 0) for start, end in self._bursts)

    def gaps(self, first: int, last: int) -> int:
        """Cycles from ``first`` to ``last`` without such a read."""
        taken = sum(max(min(end, last) - max(start, first) + 1, 0) for start, end in self._bursts)
        return max(last - first + 1, 0) - taken

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
                    start = (first + VectorUnit.swap_delay(self._pipelined)
                             + ParameterLoader.HOLD + 1)
                    self._bursts.append((start, start + self._reads - 1))
                    self._parameters = start + self._reads - 1 + ParameterLoader.SETUP
                self._finished = first + int(reads[1:].sum())
                self._busy.read(first - int(reads[0]) + 1, self._finished, vector=True)
            self._results.append(
                self._finished + VectorUnit.COLUMN_DELAY
                + VectorUnit.latency(self._pipelined))
