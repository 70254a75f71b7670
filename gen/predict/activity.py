# SPDX-License-Identifier: Apache-2.0
"""Events of a run as the hardware's counters will show them, from real weights and activations."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from ...rtl.parameters import AcceleratorParameters
from ...rtl.sequencer.descriptor import Opcode
from ..compile.lower import LoweredLayer
from ..compile.program import CompiledLayer, Program
from ..compile.reads import matrix_inside, window_inside

__all__ = ["Activity", "predict_activity"]


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


def predict_activity(program: Program, tensors: Mapping[int, np.ndarray]) -> list[Activity]:
    """Activity of each layer of ``program`` on one input.

    ``tensors``: the int8 input and golden's tensors [1, ...] by index. The sequencer's read of
    the image trailer, one weight row a run, belongs to no layer.
    """
    return [UNITS[layer.lowered.opcode](layer, program.parameters, tensors[layer.lowered.source])
            for layer in program.layers]


def _addition(layer: CompiledLayer, p: AcceleratorParameters, _: np.ndarray) -> Activity:
    words = layer.source.word_groups(p.vector_blocks) * p.vector_blocks
    return Activity(activation_reads=2 * words, activation_writes=words)


def _window(layer: CompiledLayer, p: AcceleratorParameters, _: np.ndarray) -> Activity:
    return Activity(
        activation_reads=int(window_inside(layer.lowered, layer.source, p).sum()),
        activation_writes=_result_words(layer))


def _result_words(layer: CompiledLayer) -> int:
    height, width, _ = layer.lowered.output_shape
    return height * width * layer.destination.blocks


def _matrix(layer: CompiledLayer, p: AcceleratorParameters, source: np.ndarray) -> Activity:
    low = layer.lowered
    column_tiles = -(-low.output_shape[2] // p.facts.columns)
    inside = matrix_inside(low, layer.source, p)
    steps = ((layer.source.blocks - 1) * layer.steps[0] + layer.steps[1]) * (
        column_tiles * inside.shape[0] * low.kernel[0] * low.kernel[1])
    issued = steps * p.facts.multipliers
    useful, zero = _products(layer, p, source)
    gating = p.facts.zero_gating
    return Activity(
        macs_issued=issued,
        macs_gated_activation=zero if gating else 0,
        macs_gated_weight=issued - useful - zero if gating else 0,
        activation_reads=int(inside.sum()) * layer.source.blocks * column_tiles,
        activation_writes=_result_words(layer),
        weight_reads=1 + steps)


def _products(layer: CompiledLayer, p: AcceleratorParameters,
              source: np.ndarray) -> tuple[int, int]:
    """Slots with a non-zero weight whose activation is not zero, and whose activation is.

    Array rows without a pixel get the operand of a padded one.
    """
    low, rows = layer.lowered, p.facts.rows
    x = source.reshape(low.source_shape).astype(np.int16)
    operands = x if low.signed else x + 128
    pad = low.source_zero_point if low.signed else 0
    (kh, kw), (stride_y, stride_x) = low.kernel, low.stride
    height, width, _ = low.output_shape
    below = (height - 1) * stride_y + kh - low.padding[0] - x.shape[0]
    right = (width - 1) * stride_x + kw - low.padding[1] - x.shape[1]
    padded = np.pad(operands, ((low.padding[0], max(below, 0)), (low.padding[1], max(right, 0)),
                               (0, 0)), constant_values=pad)
    spare = -(height * width) % rows
    nonzero_weights = _nonzero_weights(low)
    useful = zero = 0
    for ky in range(kh):
        for kx in range(kw):
            taps = padded[ky:ky + (height - 1) * stride_y + 1:stride_y,
                          kx:kx + (width - 1) * stride_x + 1:stride_x]
            live = np.count_nonzero(taps, axis=(0, 1)) + (spare if pad else 0)
            hits = nonzero_weights[ky, kx]
            useful += int(live @ hits)
            zero += int((height * width + spare - live) @ hits)
    return useful, zero


def _nonzero_weights(low: LoweredLayer) -> np.ndarray:
    """Non-zero weights of all output channels, int [kh, kw, Cin]."""
    return np.count_nonzero(low.weights, axis=0).astype(np.int64)


UNITS = {Opcode.MATRIX: _matrix, Opcode.WINDOW: _window, Opcode.ADD: _addition}
