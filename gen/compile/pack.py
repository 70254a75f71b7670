# SPDX-License-Identifier: Apache-2.0
"""Weight and parameter packing: the bytes that the core reads."""

import numpy as np

from ...golden import dbb
from ...golden.dbb import BLOCK
from ...rtl.facts import INDEX_BITS, Encoding
from ...rtl.parameters import AcceleratorParameters
from ...rtl.sequencer.descriptor import ROW_BITS
from ...rtl.vector.window import WINDOW
from .fault import CompileFault
from .lower import LoweredLayer
from .plan import plan_blocks

__all__ = ["engine_parameters", "engine_weights", "vector_parameters"]

ROW_BYTES = ROW_BITS // 8


def _blocks(layer: LoweredLayer) -> np.ndarray:
    """Weights as [Cout, channel block, ky, kx, 8]: the order in which im2col reads."""
    outputs, kh, kw, channels = layer.weights.shape
    blocks = -(-channels // BLOCK)
    padded = np.zeros((outputs, kh, kw, blocks * BLOCK), np.int8)
    padded[..., :channels] = layer.weights
    return padded.reshape(outputs, kh, kw, blocks, BLOCK).transpose(0, 3, 1, 2, 4)


def engine_weights(layer: LoweredLayer, p: AcceleratorParameters) -> np.ndarray:
    """Weight rows of the layer, uint8 [rows, bytes of a row], in the order of the steps.

    A row holds every column's weights of a step as the engine's ``Encoding`` states.
    """
    facts = p.facts
    blocks = _blocks(layer)
    outputs = blocks.shape[0]
    tiles = -(-outputs // facts.columns)
    padded = np.zeros((tiles * facts.columns, *blocks.shape[1:]), np.int8)
    padded[:outputs] = blocks
    # [tile, column, block, ky, kx, 8] -> [tile, block, tap, column, 8]
    tiled = padded.reshape(tiles, facts.columns, blocks.shape[1], -1, BLOCK)
    tiled = tiled.transpose(0, 2, 3, 1, 4)
    plan = plan_blocks(layer, facts)
    rows = []
    for tile in tiled:
        for index, block in enumerate(tile):
            passes = plan.passes[index == len(tile) - 1]
            match facts.encoding:
                case Encoding.DENSE:
                    part = _dense_steps(block, passes, facts.depth)
                case Encoding.INDEX:
                    part = _indexed_steps(block, passes)
                case Encoding.MASK | Encoding.HELD:
                    part = _masked_steps(block, passes, facts.nnz, plan.split)
            rows.append(part.reshape(-1, part.shape[-1]))
    packed = np.concatenate(rows)
    row_bytes = 8 * p.weight_banks
    return np.pad(packed, ((0, 0), (0, row_bytes - packed.shape[1])))


def _dense_steps(block: np.ndarray, steps: int, depth: int) -> np.ndarray:
    """[tap, column, 8] -> bytes [tap, step, columns x depth]."""
    taps, columns, _ = block.shape
    split = block.reshape(taps, columns, BLOCK // depth, depth)[:, :, :steps]
    return np.ascontiguousarray(split.transpose(0, 2, 1, 3)).view(np.uint8).reshape(
        taps, steps, -1)


def _masked_steps(block: np.ndarray, passes: int, nnz: int, split: bool) -> np.ndarray:
    """[tap, column, 8] -> bytes [tap, pass, columns x (1 + nnz)]: passes with disjoint masks.

    A pass takes the next ``nnz`` non-zeros of each column, or if ``split`` the next positions.
    """
    taps, columns, _ = block.shape
    order = np.arange(BLOCK) if split else np.cumsum(block != 0, axis=-1) - 1
    packed = np.empty((taps, passes, columns, 1 + nnz), np.uint8)
    for index in range(passes):
        mine = (block != 0) & (order // nnz == index)
        values, mask = dbb.encode(np.where(mine, block, 0), nnz)
        packed[:, index, :, 0] = mask
        packed[:, index, :, 1:] = values.view(np.uint8)
    return packed.reshape(taps, passes, -1)


def _indexed_steps(block: np.ndarray, steps: int) -> np.ndarray:
    """[tap, column, 8] -> bytes [tap, step, columns x 11 bits]: one value and position a step."""
    values, positions = dbb.encode_indexed(block, steps)
    pairs = values.view(np.uint8).astype(np.uint16) | positions.astype(np.uint16) << 8
    bits = pairs.transpose(0, 2, 1)[..., None] >> np.arange(8 + INDEX_BITS) & 1
    return np.packbits(bits.astype(np.uint8).reshape(len(block), steps, -1), axis=-1,
                       bitorder="little")


def _parameter_rows(layer: LoweredLayer, bias: np.ndarray, channels: int) -> np.ndarray:
    """uint8 [channels, 16]: multiplier, bias, shift, little endian; zeros behind the last."""
    rows = np.zeros((channels, ROW_BYTES), np.uint8)
    count = bias.size
    rows[:count, 0:4] = layer.requantise.multiplier.astype("<i4").view(np.uint8).reshape(-1, 4)
    rows[:count, 4:8] = bias.astype("<i4").view(np.uint8).reshape(-1, 4)
    rows[:count, 8] = layer.requantise.shift
    return rows


def _folded_bias(layer: LoweredLayer, sums: np.ndarray) -> np.ndarray:
    """Bias with ``-zero_point * sum(weights)``, which raw signed operands leave out."""
    if layer.magnitude or not layer.signed:
        return layer.bias.astype(np.int64)
    bias = layer.bias.astype(np.int64) - layer.source_zero_point * sums
    if np.abs(bias).max() >= 2**31:
        channel = int(np.abs(bias).argmax())
        raise CompileFault(f"layer {layer.name} ({layer.kind}): the bias of channel {channel} "
                           "with its zero point folded in does not fit 32 bits")
    return bias


def _check_accumulator(layer: LoweredLayer, weights: np.ndarray, bits: int) -> None:
    """Prove from the weights [channel, taps] that no input overflows the accumulator."""
    reach = np.abs(weights.astype(np.int64)).sum(1) * (128 if layer.signed else 255)
    if reach.max() >= 2 ** (bits - 1):
        need = int(reach.max()).bit_length() + 1
        raise CompileFault(f"layer {layer.name} ({layer.kind}): engine.accumulator_bits must be "
                           f"at least {need} for channel {int(reach.argmax())}, not {bits}")


def engine_parameters(layer: LoweredLayer, p: AcceleratorParameters) -> np.ndarray:
    """Program rows of an engine layer's channels, padded to whole column tiles."""
    flat = layer.weights.reshape(layer.weights.shape[0], -1)
    _check_accumulator(layer, flat, p.facts.accumulator_bits)
    columns = p.facts.columns
    padded = -(-flat.shape[0] // columns) * columns
    return _parameter_rows(layer, _folded_bias(layer, flat.astype(np.int64).sum(1)), padded)


def vector_parameters(layer: LoweredLayer, p: AcceleratorParameters) -> np.ndarray:
    """Program rows of a vector layer's channels: parameters and window weights in turn.

    A kernel smaller than the window takes its last columns and first rows.
    """
    kh, kw, channels = layer.weights.shape
    flat = layer.weights.reshape(-1, channels).T
    if not layer.magnitude:
        _check_accumulator(layer, flat, 32)
    padded = -(-channels // p.vector_lanes) * p.vector_lanes
    window = np.zeros((padded, WINDOW, WINDOW), np.int8)
    window[:channels, WINDOW - kw:, :kh] = layer.weights.transpose(2, 1, 0)
    rows = np.zeros((padded, 2, ROW_BYTES), np.uint8)
    rows[:, 0] = _parameter_rows(layer, _folded_bias(layer, flat.astype(np.int64).sum(1)), padded)
    rows[:, 1, :WINDOW * WINDOW] = window.reshape(padded, -1).view(np.uint8)
    return rows.reshape(-1, ROW_BYTES)
