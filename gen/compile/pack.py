# SPDX-License-Identifier: Apache-2.0
"""Weight and parameter packing: the bytes that the core reads."""

from collections.abc import Iterator

import numpy as np

from ...golden import dbb
from ...golden.dbb import BLOCK
from ...rtl.facts import INDEX_BITS, Encoding
from ...rtl.parameters import AcceleratorParameters
from ...rtl.sequencer.descriptor import ROW_BITS
from ...rtl.vector.window import WINDOW
from .fault import CompileFault
from .lower import LoweredLayer
from .plan import BlockPlan, IssuedBlock, block_weights

__all__ = ["block_words", "engine_parameters", "engine_weights", "ring_weights",
           "vector_parameters"]

ROW_BYTES = ROW_BITS // 8


def engine_weights(layer: LoweredLayer, plan: BlockPlan, p: AcceleratorParameters) -> np.ndarray:
    """Weight rows of the blocks that ``plan`` issues, uint8 [rows, bytes of a row], in order.

    A row holds every column's weights of a pass as the engine's ``Encoding`` states.
    """
    packed = np.concatenate([rows for tile in _tiles(layer, plan, p) for rows in tile])
    row_bytes = 8 * p.weight_banks
    return np.pad(packed, ((0, 0), (0, row_bytes - packed.shape[1])))


def ring_weights(layer: LoweredLayer, plan: BlockPlan,
                 p: AcceleratorParameters) -> list[np.ndarray]:
    """For each column tile its weights as they lie in a ring, uint64: the rows of
    ``engine_weights``, but those of a block of ``BLOCK`` steps without positions where the engine
    can do without."""
    dense = p.dense_words is not None
    return [np.concatenate([_words(rows) for rows in tile])
            for tile in _tiles(layer, plan, p, dense=dense)]


def block_words(block: IssuedBlock, p: AcceleratorParameters) -> int:
    """Words that an issued block takes in a ring."""
    if p.dense_words is not None and block.steps == BLOCK:
        return BLOCK * p.dense_words
    return block.passes * p.weight_banks


def _words(rows: np.ndarray) -> np.ndarray:
    """Bytes [row, bytes] as 64-bit words, each row padded to whole ones."""
    padded = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 8)))
    return np.ascontiguousarray(padded).view("<u8").ravel().astype(np.uint64)


def _tiles(layer: LoweredLayer, plan: BlockPlan, p: AcceleratorParameters, *,
           dense: bool = False) -> Iterator[list[np.ndarray]]:
    """Of each column tile the rows of each block that it issues, uint8 [rows, bytes]; ``dense``:
    those of a block of ``BLOCK`` steps are its values alone."""
    facts = p.facts
    for blocks, tile in zip(block_weights(layer.weights, facts.columns), plan.tiles, strict=True):
        rows = []
        for issued in tile:
            block = blocks[issued.block, issued.ky, issued.kx]
            match facts.encoding:
                case Encoding.DENSE:
                    rows.append(_dense_steps(block, issued.passes, facts.depth))
                case Encoding.INDEX if dense and issued.steps == BLOCK:
                    rows.append(_dense_steps(block, BLOCK, 1))
                case Encoding.INDEX:
                    rows.append(_indexed_steps(block, issued.passes))
                case Encoding.MASK | Encoding.HELD:
                    rows.append(_masked_steps(block, issued.passes, facts.nnz, plan.split))
        yield rows


def _dense_steps(block: np.ndarray, steps: int, depth: int) -> np.ndarray:
    """[column, 8] -> bytes [step, columns x depth]."""
    split = block.reshape(len(block), BLOCK // depth, depth)[:, :steps]
    return np.ascontiguousarray(split.transpose(1, 0, 2)).view(np.uint8).reshape(steps, -1)


def _masked_steps(block: np.ndarray, passes: int, nnz: int, split: bool) -> np.ndarray:
    """[column, 8] -> bytes [pass, columns x (1 + nnz)]: passes with disjoint masks.

    A pass takes the next ``nnz`` non-zeros of each column, or if ``split`` the next positions.
    """
    order = np.arange(BLOCK) if split else np.cumsum(block != 0, axis=-1) - 1
    packed = np.empty((passes, len(block), 1 + nnz), np.uint8)
    for index in range(passes):
        mine = (block != 0) & (order // nnz == index)
        values, mask = dbb.encode(np.where(mine, block, 0), nnz)
        packed[index, :, 0] = mask
        packed[index, :, 1:] = values.view(np.uint8)
    return packed.reshape(passes, -1)


def _indexed_steps(block: np.ndarray, steps: int) -> np.ndarray:
    """[column, 8] -> bytes [step, columns x 11 bits]: one value and position a step."""
    values, positions = dbb.encode_indexed(block, steps)
    pairs = values.view(np.uint8).astype(np.uint16) | positions.astype(np.uint16) << 8
    bits = pairs.T[..., None] >> np.arange(8 + INDEX_BITS) & 1
    return np.packbits(bits.astype(np.uint8).reshape(steps, -1), axis=-1, bitorder="little")


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
