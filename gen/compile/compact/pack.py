# SPDX-License-Identifier: Apache-2.0
"""Records of weights: what the compact core reads for each group of 8 output channels."""

import numpy as np

from ....golden.numerics import Rounding
from ....rtl.compact.descriptor import MULTIPLIER_ROWS, row_words
from ....rtl.compact.parameters import LANES
from ....rtl.sequencer.descriptor import Opcode
from ..fault import CompileFault
from ..lower import LoweredLayer

__all__ = ["channel_weights", "check_supported", "records", "scale_rows"]


def check_supported(low: LoweredLayer) -> None:
    """Raises CompileFault where the compact core has no way to run a layer."""
    what = None
    if low.opcode is Opcode.ADD:
        what = "adds no tensors"
    elif low.maximum:
        what = "takes no maximum"
    elif low.requantise.rounding is Rounding.FLOAT:
        what = "does not round as ONNX models ask for"
    if what is not None:
        raise CompileFault(f"layer {low.name} ({low.kind}): the compact core {what}; use another "
                           "engine.kind than simd")


def channel_weights(low: LoweredLayer) -> np.ndarray | None:
    """Weights [kh, kw, channels] of a layer whose output channels each have one input channel, the
    one of their number; None of any other."""
    if low.opcode is Opcode.WINDOW:
        kernel = tuple(low.kernel)
        if low.weights.shape[:2] == kernel:
            return low.weights
        return np.broadcast_to(low.weights[:1, :1], (*kernel, low.weights.shape[2]))  # a pool
    outputs, *_, inputs = low.weights.shape
    if not low.depthwise or outputs != inputs:
        return None
    own = np.arange(outputs)
    diagonal = low.weights[own, :, :, own].transpose(1, 2, 0)
    return diagonal if np.count_nonzero(diagonal) == np.count_nonzero(low.weights) else None


def scale_rows(low: LoweredLayer) -> int:
    """Rows that shift: as many as the largest shift."""
    return int(low.requantise.shift.max())


def records(low: LoweredLayer, bits: int) -> np.ndarray:
    """Words of all records of a layer, uint64 [groups, words]; channels that are padded have zeros.

    Raises CompileFault where an accumulator of ``bits`` could overflow.
    """
    own = channel_weights(low)
    flat = (low.weights if own is None else np.moveaxis(own, 2, 0)[..., np.newaxis])
    flat = flat.reshape(len(flat), -1)  # by kernel row, kernel column, input channel
    channels = len(flat)
    groups = -(-channels // LANES)
    spare = groups * LANES - channels
    bias = np.zeros(channels, np.int64) if low.magnitude else low.bias.astype(np.int64)
    bias = bias - low.source_zero_point * flat.astype(np.int64).sum(1)
    _check_sums(low, flat.astype(np.int64), bias, bits)

    def grouped(values: np.ndarray) -> np.ndarray:
        padded = np.pad(values, ((0, spare), *((0, 0),) * (values.ndim - 1)))
        return padded.reshape(groups, LANES, *values.shape[1:])

    multipliers = grouped(low.requantise.multiplier.astype(np.int64))
    shifts = grouped(low.requantise.shift.astype(np.int64))
    count = scale_rows(low)
    steps = np.arange(8 * row_words(count))
    rows = np.where(steps < MULTIPLIER_ROWS, multipliers[..., np.newaxis] >> steps & 1,
                    steps - MULTIPLIER_ROWS < shifts[..., np.newaxis])
    parts = [np.packbits(rows.astype(np.uint8).transpose(0, 2, 1), axis=-1, bitorder="little"),
             grouped(bias).astype("<u4").view(np.uint8),
             grouped(flat).transpose(0, 2, 1).view(np.uint8)]
    packed = np.concatenate([np.ascontiguousarray(part).reshape(groups, -1) for part in parts], 1)
    return np.ascontiguousarray(packed).view("<u8").astype(np.uint64)


def _check_sums(low: LoweredLayer, weights: np.ndarray, bias: np.ndarray, bits: int) -> None:
    """Prove from weights [channel, taps] and biases that no input makes a sum overflow."""
    ends = weights * -128, weights * 127
    highest = bias + np.maximum(*ends).sum(1)
    lowest = bias + np.minimum(*ends).sum(1)
    reach = np.maximum(highest, -lowest - 1)
    need = int(max(reach.max(), 0)).bit_length() + 1
    if need > bits:
        fix = (f"engine.accumulator_bits must be at least {need}" if need <= 32 else
               "sums must fit 32 bits, but they need more")
        raise CompileFault(f"layer {low.name} ({low.kind}): {fix} for channel "
                           f"{int(reach.argmax())}, not {bits}")
