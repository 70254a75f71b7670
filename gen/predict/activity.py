# SPDX-License-Identifier: Apache-2.0
"""Events of a run as the hardware's counters will show them, from real weights and activations."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache

import numpy as np

from ...golden.dap import stream
from ...golden.dbb import BLOCK
from ...rtl.parameters import AcceleratorParameters
from ...rtl.sequencer.descriptor import Opcode
from ..compile.cim import ArrayPlan
from ..compile.compact import CompactProgram
from ..compile.plan import block_weights
from ..compile.program import CompiledLayer, Program
from ..compile.reads import matrix_fetched, tiled_window_inside, window_inside
from ..compile.schedule import row_tiles
from .cim import conversions

__all__ = ["Activity", "layer_operands", "predict_activity", "predict_words"]


@dataclass(frozen=True, kw_only=True)
class Activity:
    """Counts of a run, or of one layer of it. ``gated``: issued slots with a zero operand, by
    cause; a zero weight counts as the cause where both are zero."""

    macs_issued: int = 0
    macs_gated_activation: int = 0
    macs_gated_weight: int = 0
    activation_reads: int = 0
    activation_writes: int = 0
    weight_reads: int = 0

    def __add__(self, other: "Activity") -> "Activity":
        return Activity(**{item.name: getattr(self, item.name) + getattr(other, item.name)
                           for item in fields(self)})


def predict_words(program: Program) -> list[Activity]:
    """Of each layer's activity the words that are read and written, which are the same on every
    input; a read of weights is one of a whole row. The compact core counts none."""
    p = program.parameters
    if isinstance(program, CompactProgram):
        return [Activity()] * len(program.layers)
    return [WORDS[layer.lowered.opcode](layer, p) for layer in program.layers]


def predict_activity(program: Program, tensors: Mapping[int, np.ndarray]) -> list[Activity]:
    """Activity of each layer of ``program`` on one input.

    ``tensors``: the int8 input and golden's tensors [1, ...] by index. The sequencer's read of
    the image trailer, one weight row a run, belongs to no layer. The compact core counts nothing.
    """
    p = program.parameters
    if isinstance(program, CompactProgram):
        return predict_words(program)
    return [words + (_macs(layer, p, _source_rows(
        tensors[layer.lowered.source], program.lowered.shapes[layer.lowered.source], layer))
        if layer.lowered.opcode is Opcode.MATRIX else Activity())
        for layer, words in zip(program.layers, predict_words(program), strict=True)]


def _source_rows(tensor: np.ndarray, shape: tuple[int, int, int],
                 layer: CompiledLayer) -> np.ndarray:
    """The rows of its source that a layer, or part of one, takes."""
    return tensor.reshape(shape)[slice(*layer.part.source_rows)]


def _addition(layer: CompiledLayer, p: AcceleratorParameters) -> Activity:
    words = layer.source.word_groups(p.vector_blocks) * p.vector_blocks
    return Activity(activation_reads=2 * words, activation_writes=words)


def _window(layer: CompiledLayer, p: AcceleratorParameters) -> Activity:
    if layer.fused:
        tiles = tiled_window_inside(layer.lowered, layer.source, p)
        return Activity(activation_reads=sum(int(group.sum()) for tile in tiles for group in tile))
    return Activity(
        activation_reads=int(window_inside(layer.lowered, layer.source, p).sum()),
        activation_writes=_result_words(layer))


def _result_words(layer: CompiledLayer) -> int:
    height, width, _ = layer.lowered.output_shape
    return height * width * layer.destination.blocks


def _matrix(layer: CompiledLayer, p: AcceleratorParameters) -> Activity:
    plan = layer.plan
    fetched = matrix_fetched(layer.lowered, layer.source, p)
    return Activity(
        activation_reads=0 if layer.fed else int((fetched.sum((1, 4)) * plan.taps).sum()),
        activation_writes=_result_words(layer),
        weight_reads=layer.load_words if isinstance(plan, ArrayPlan) else
        1 + fetched.shape[1] * int(plan.passes.sum()))


def _macs(layer: CompiledLayer, p: AcceleratorParameters, source: np.ndarray) -> Activity:
    if isinstance(layer.plan, ArrayPlan):
        return Activity(macs_issued=conversions(layer) * p.multipliers)
    tiles = row_tiles(layer.lowered, p)
    issued = tiles * int(layer.plan.steps.sum()) * p.facts.multipliers
    count = _streamed_products if p.facts.holds_weights else _products
    useful, zero = count(layer, p, source) if p.facts.zero_gating else (issued, 0)
    return Activity(
        macs_issued=issued,
        macs_gated_activation=zero,
        macs_gated_weight=issued - useful - zero)


def layer_operands(layer: CompiledLayer, p: AcceleratorParameters,
              source: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
    """For every tap (y, x) the operands of all array rows, int16 [pixels, Cin].

    Rows without a pixel, behind the last, get the operand of a padded one.
    """
    low = layer.lowered
    x = layer.source.arrange(source.reshape(low.source_shape)).astype(np.int16)
    operands = x if low.signed else x + 128
    pad = low.source_zero_point if low.signed else 0
    (kh, kw), (stride_y, stride_x) = low.kernel, low.stride
    height, width, _ = low.output_shape
    below = (height - 1) * stride_y + kh - low.padding[0] - x.shape[0]
    right = (width - 1) * stride_x + kw - low.padding[1] - x.shape[1]
    padded = np.pad(operands, ((low.padding[0], max(below, 0)), (low.padding[1], max(right, 0)),
                               (0, 0)), constant_values=pad)
    spare = -(height * width) % p.facts.rows
    for ky in range(kh):
        for kx in range(kw):
            taps = padded[ky:ky + (height - 1) * stride_y + 1:stride_y,
                          kx:kx + (width - 1) * stride_x + 1:stride_x]
            yield ky, kx, np.pad(taps.reshape(height * width, -1), ((0, spare), (0, 0)),
                                 constant_values=pad)


def _products(layer: CompiledLayer, p: AcceleratorParameters,
              source: np.ndarray) -> tuple[int, int]:
    """Slots with a non-zero weight whose activation is not zero, and whose activation is."""
    nonzero_weights = np.count_nonzero(layer.lowered.weights, axis=0).astype(np.int64)
    useful = zero = 0
    for ky, kx, rows in layer_operands(layer, p, source):
        live = np.count_nonzero(rows, axis=0)
        useful += int(live @ nonzero_weights[ky, kx])
        zero += int((len(rows) - live) @ nonzero_weights[ky, kx])
    return useful, zero


def _streamed_products(layer: CompiledLayer, p: AcceleratorParameters,
                       source: np.ndarray) -> tuple[int, int]:
    """As ``_products``, of pruned activations that meet held weights."""
    low, plan, slots = layer.lowered, layer.plan, p.facts.nnz
    blocks = layer.source.blocks
    spare = blocks * BLOCK - low.source_shape[2]
    weights = block_weights(low.weights, p.facts.columns) != 0
    rank = np.arange(BLOCK) if plan.split else np.cumsum(weights, axis=-1) - 1
    useful = zero = 0
    for ky, kx, rows in layer_operands(layer, p, source):
        rows = np.pad(rows, ((0, 0), (0, spare))).reshape(-1, blocks, BLOCK)

        @cache
        def streamed(block: int, index: int, steps: int, rows: np.ndarray = rows):
            last = block == blocks - 1
            own = ((1 << slots) - 1) << slots * index if plan.split else (1 << BLOCK) - 1
            return stream(rows[:, block], own & (1 << (BLOCK - spare if last else BLOCK)) - 1,
                          steps)

        for column, tile in enumerate(plan.tiles):
            for issued in tile:
                if (issued.ky, issued.kx) != (ky, kx):
                    continue
                at = (column, issued.block, ky, kx)
                for index in range(issued.passes):
                    values, positions = streamed(issued.block, index, min(
                        plan.pass_steps, issued.steps - index * plan.pass_steps))
                    stored = weights[at] & ((rank if plan.split else rank[at]) // slots == index)
                    hits = np.count_nonzero(stored, axis=0)[positions]
                    useful += int(hits[values != 0].sum())
                    zero += int(hits[values == 0].sum())
    return useful, zero


WORDS = {Opcode.MATRIX: _matrix, Opcode.WINDOW: _window, Opcode.ADD: _addition}
