# SPDX-License-Identifier: Apache-2.0
"""When layers wait for transfers: the DMA and the core side by side, event by event."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...rtl.bus.local import WORD_BYTES
from ...rtl.bus.transfer import BURST_BEATS
from ...rtl.parameters import AcceleratorParameters
from ..compile.external.transfers import Move
from ..compile.layout import shape_words
from ..compile.pack import block_words
from ..compile.placed import PlacedLayer
from ..compile.program import Program
from ..compile.schedule import row_tiles

__all__ = ["MEMORY_LATENCY", "Traffic", "layer_traffic", "moved_bytes", "predict_transfers"]

MEMORY_LATENCY = 100
"""Cycles that external memory takes to answer: from an address, or a burst's last word, on."""

_START = 9  # from a transfer's end, or when layers have ended, to the next one's first address
_END = 6    # from the last answer to the end


def predict_transfers(program: Program, cycles: Sequence[int]
                      ) -> tuple[list[int], list[tuple[int, int]]]:
    """Cycles that each layer waits for transfers, with a memory that takes or gives a word a cycle,
    after ``MEMORY_LATENCY``, and from when to when the DMA is busy with each, from the first
    layer's start on; ``cycles`` of the layers themselves.

    Conflicts with layers in single banks, in which the DMA gives way, are left out.
    """
    core = _Core(program, cycles)
    end: float = 0    # of the transfer before
    asked: float = 0  # its last burst
    outward = False
    spans = []
    for number, move in enumerate(program.moves, 1):
        chained = move.write_out == outward
        start = max(asked if chained else end, core.ready_for(move)) + _START
        bursts = -(-move.words // BURST_BEATS) * (move.more + 1)
        asked = start + 2 * bursts + 2 * move.more
        stream = max(start + MEMORY_LATENCY, end - _END if chained else 0) + move.total
        end = max(stream, asked + MEMORY_LATENCY) + _END
        outward = move.write_out
        spans.append((round(start), round(end)))
        core.complete(number, end)
    return [round(wait) for wait in core.waits], spans


class _Core:
    """The layers' times, as far as transfers let them begin."""

    def __init__(self, program: Program, cycles: Sequence[int]):
        self.parameters = program.parameters
        self.layers = program.layers
        self.cycles = cycles
        self.spans: list[tuple[float, float]] = []  # of the layers that could begin
        self.waits: list[float] = []
        self.complete(0, 0)

    def complete(self, count: int, time: float) -> None:
        """``count`` transfers are complete at ``time``."""
        while len(self.spans) < len(self.layers) and (
                self.layers[len(self.spans)].transfers <= count):
            ready = self.spans[-1][1] if self.spans else 0
            self.waits.append(max(time - ready, 0))
            start = ready + self.waits[-1]
            self.spans.append((start, start + self.cycles[len(self.spans)]))

    def ready_for(self, move: Move) -> float:
        """When ``move`` may begin."""
        if not move.after:
            return 0
        begin, end = self.spans[move.after - 1]
        if not move.released:
            return end
        return begin + (end - begin) * _share_before(
            self.layers[move.after - 1], move.released, self.parameters)


def _share_before(layer: PlacedLayer, words: int, p: AcceleratorParameters) -> float:
    """The share of an engine layer's steps in which it uses the first ``words`` words of its
    weights up."""
    tiles = row_tiles(layer.lowered, p)
    total = int(layer.plan.steps.sum()) * tiles
    steps = 0
    for tile in layer.plan.tiles:
        held = sum(block_words(block, p) for block in tile)
        taken = sum(block.steps for block in tile)
        if words <= held:
            return (steps + taken * (tiles - 1 + words / held)) / total
        words -= held
        steps += taken * tiles
    return 1


def moved_bytes(program: Program) -> int:
    """Bytes that a run moves over AXI."""
    return WORD_BYTES * sum(move.total for move in program.moves)


@dataclass(frozen=True)
class Traffic:
    """Bytes that a layer moves over AXI, and those that it works on: its operands, weights as they
    are stored, and results, each once."""

    moved: int
    working_set: int

    @property
    def reuse(self) -> float | None:
        """Data-reuse efficiency: the working set over the bytes moved; None where none are."""
        return self.working_set / self.moved if self.moved else None


def layer_traffic(program: Program) -> dict[int, Traffic]:
    """Traffic of each layer, by output, all its parts together."""
    moved: dict[int, int] = {}
    for move in program.moves:
        output = program.layers[move.part].lowered.output
        moved[output] = moved.get(output, 0) + WORD_BYTES * move.total
    weights: dict[tuple[int, tuple[int, int]], int] = {}  # of each group of channels
    for layer in program.layers:
        if layer.plan is not None:
            weights[layer.lowered.output, layer.part.channels] = sum(
                block_words(block, program.parameters)
                for tile in layer.plan.tiles for block in tile)
    traffic = {}
    for low in program.lowered.layers:
        tensors = WORD_BYTES * sum(
            shape_words(program.lowered.shapes[tensor]) for tensor in (*low.sources, low.output))
        stored = WORD_BYTES * sum(words for (output, _), words in weights.items()
                                  if output == low.output)
        traffic[low.output] = Traffic(moved.get(low.output, 0), tensors + stored)
    return traffic
