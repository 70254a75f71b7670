# SPDX-License-Identifier: Apache-2.0
"""Words that a run reads from and writes to every activation bank, as COUNTED_BANK shows them."""

import numpy as np

from ...rtl.parameters import AcceleratorParameters
from ...rtl.sequencer.descriptor import Opcode
from ...rtl.vector.window import WINDOW
from ..compile.layout import TensorLayout
from ..compile.program import CompiledLayer, Program
from ..compile.reads import by_tile, matrix_fetched, tile_pixels, window_inside, window_places

__all__ = ["predict_bank_words"]


def predict_bank_words(program: Program) -> tuple[np.ndarray, np.ndarray]:
    """Words read and words written, each of shape (bank groups, banks)."""
    p = program.parameters
    reads, writes = np.zeros((2, 2, p.banks), int)
    for layer in program.layers:
        low, source, destination = layer.lowered, layer.source, layer.destination
        if low.opcode is Opcode.ADD:
            count = source.word_groups(p.vector_blocks) * p.vector_blocks
            for operand in (source, layer.second):
                reads[operand.group] += _histogram(operand.base + np.arange(count), p)
            writes[destination.group] += _histogram(destination.base + np.arange(count), p)
            continue
        if low.opcode is Opcode.WINDOW:
            reads[source.group] += _histogram(_window_addresses(layer, p), p)
        elif not layer.fed:
            reads[source.group] += _matrix_histogram(layer, p)
        if not layer.fused:
            writes[destination.group] += _histogram(destination.addresses(), p)
    return reads, writes


def _histogram(addresses: np.ndarray, p: AcceleratorParameters) -> np.ndarray:
    return np.bincount(addresses.ravel() % p.banks, minlength=p.banks)


def _word(layout: TensorLayout, y: np.ndarray, x: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Addresses of words; of the nearest one where the pixel is outside the tensor."""
    return layout.addresses()[y.clip(0, layout.height - 1), x.clip(0, layout.width - 1),
                              block.clip(0, layout.blocks - 1)]


def _window_addresses(layer: CompiledLayer, p: AcceleratorParameters) -> np.ndarray:
    """Address of every word that a vector layer reads, as often as it does."""
    low, source = layer.lowered, layer.source
    inside = window_inside(low, source, p)
    y, x, block, _ = window_places(low, source, p)
    addresses = np.broadcast_to(
        _word(source, y, x, block),
        (*inside.shape[:4], WINDOW, p.vector_blocks)).reshape(inside.shape)
    if not layer.fused:
        return addresses[inside]
    return np.concatenate([
        words[present] for tile, presence in zip(by_tile(low, addresses, p),
                                                 by_tile(low, inside, p), strict=True)
        for words, present in zip(tile, presence, strict=True)])


def _matrix_histogram(layer: CompiledLayer, p: AcceleratorParameters) -> np.ndarray:
    """Words that an engine layer reads from each bank."""
    low, source = layer.lowered, layer.source
    fetched = matrix_fetched(low, source, p)  # [shared, tile, ky, kx, row]
    oy, ox, _ = tile_pixels(low, p.facts.rows)
    banks = np.zeros(p.banks, int)
    blocks = np.arange(source.blocks)
    for ky in range(low.kernel[0]):
        for kx in range(low.kernel[1]):
            words = _word(source, oy * low.stride[0] - low.padding[0] + ky,
                          ox * low.stride[1] - low.padding[1] + kx, blocks[:, np.newaxis])
            for shared in range(2):
                present = fetched[shared, :, ky, kx].ravel()
                for tile in layer.plan.tiles:
                    issued = [entry.block for entry in tile
                              if (entry.ky, entry.kx, entry.shared) == (ky, kx, bool(shared))]
                    banks += _histogram(words[issued][:, present], p)
    return banks
