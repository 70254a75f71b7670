# SPDX-License-Identifier: Apache-2.0
"""Matrices for energy measurements: the study's seeded ones, and layers of real networks."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...gen.compile.lower import LoweredLayer, lower
from ...gen.compile.plan import block_weights
from ...golden import dbb, interpreter
from ...golden.dbb import BLOCK
from ...golden.network import Network
from ...rtl.sequencer.descriptor import Opcode

__all__ = ["Matrices", "extremes", "matrix_layers", "sampled", "seeded"]

ROWS, COLUMNS = 256, 64
"""Of the seeded matrices."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Matrices:
    """A layer as a product of matrices, its depth in blocks of up to 8 channels.

    ``x``: operands int16 [pixels, blocks, 8]; ``w``: int8 [channels, blocks, 8]; ``sizes``:
    channels in each block, behind which both are zero. ``signed``: operands are signed bytes,
    otherwise unsigned. ``bound``: of each block's activations, as many are kept.
    """

    name: str
    x: np.ndarray
    w: np.ndarray
    sizes: np.ndarray
    signed: bool
    bound: int = BLOCK

    @property
    def density(self) -> int:
        """Non-zeros of the densest block of weights, at least 1."""
        return max(dbb.max_nnz(self.w), 1)

    @property
    def zeros(self) -> float:
        """Share of operands that are zero."""
        return 1 - np.count_nonzero(self.x) / (len(self.x) * int(self.sizes.sum()))

    def tile(self, index: int, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
        """``rows`` of ``x`` and ``columns`` of ``w``: other ones for each index, as long as there
        are any."""
        return (np.take(self.x, np.arange(rows) + index * rows, 0, mode="wrap"),
                np.take(self.w, np.arange(columns) + index * columns, 0, mode="wrap"))


def seeded(*, depth: int = 256, zeros: float = 0.5, nnz: int = BLOCK, seed: int = 1) -> Matrices:
    """The study's workload: dot products of ``depth``, activations |N(0, 32)|, rounded, up to 127,
    of which a share ``zeros`` is set to zero, and weights N(0, 24), of which each block keeps the
    ``nnz`` largest. Activations, and what weights are before they are pruned, depend on ``seed``
    alone. ValueError where a number is out of range."""
    if depth < BLOCK or depth % BLOCK:
        raise ValueError(f"Depth must be a multiple of {BLOCK}, not {depth!r}")
    if not 0 <= zeros <= 1:
        raise ValueError(f"Share of zeros must be 0 ... 1, not {zeros!r}")
    rng = np.random.default_rng(seed)
    x = np.minimum(np.rint(np.abs(rng.normal(0, 32, (ROWS, depth)))), 127).astype(np.int16)
    x[rng.random((ROWS, depth)) < zeros] = 0
    drawn = np.clip(np.rint(rng.normal(0, 24, (COLUMNS, depth))), -127, 127).astype(np.int8)
    w = dbb.prune(drawn, nnz=nnz)
    return Matrices(name=f"seeded {nnz}/{BLOCK}, {zeros:.0%} zeros", signed=False,
                    x=x.reshape(ROWS, -1, BLOCK), w=w.reshape(COLUMNS, -1, BLOCK),
                    sizes=np.full(depth // BLOCK, BLOCK))


def extremes(*, signed: bool, depth: int = 64, nnz: int = BLOCK, seed: int = 1) -> Matrices:
    """Not a workload but a trial: operands and weights of all values, the outermost in every
    second place, so that a netlist that passes is right beyond what a workload happens to use."""
    rng = np.random.default_rng(seed)

    def drawn(rows: int, low: int, high: int) -> np.ndarray:
        shape = (rows, depth // BLOCK, BLOCK)
        edges = rng.choice([low, low + 1, 0, 1, high - 1, high], shape)
        return np.where(rng.random(shape) < 0.5, edges, rng.integers(low, high + 1, shape))

    x = drawn(ROWS, *((-128, 127) if signed else (0, 255)))
    return Matrices(name="extremes", signed=signed, x=x.astype(np.int16),
                    w=dbb.prune(drawn(COLUMNS, -128, 127).astype(np.int8), nnz=nnz),
                    sizes=np.full(depth // BLOCK, BLOCK))


def matrix_layers(network: Network) -> list[LoweredLayer]:
    """Layers of the network that an engine computes as products of dense matrices."""
    return [layer for layer in lower(network).layers
            if layer.opcode is Opcode.MATRIX and not layer.depthwise and layer.macs]


def sampled(network: Network, values: np.ndarray, layer: LoweredLayer, *,
            tensors: Mapping[int, np.ndarray] | None = None) -> Matrices:
    """A layer's operands for one real input int8 [1, ...], and its weights.

    ``tensors``: golden's of that input, the input itself among them, where many layers are asked
    for. Depth is in the order in which the engine takes it: channel blocks, then the kernel's rows
    and columns.
    """
    if tensors is None:
        tensors = interpreter.run(network, values) | {network.inputs[0]: values}
    source = tensors[layer.source].reshape(layer.source_shape).astype(np.int16)
    pad = layer.source_zero_point if layer.signed else 0
    operands = source if layer.signed else source + 128
    outputs, kh, kw, channels = layer.weights.shape
    height, width, _ = layer.output_shape
    (top, left), (down, right) = layer.padding, layer.stride
    rows, columns = (height - 1) * down + kh, (width - 1) * right + kw
    padded = np.pad(operands, ((top, max(rows - top - len(source), 0)),
                               (left, max(columns - left - source.shape[1], 0)),
                               (0, -channels % BLOCK)), constant_values=pad)
    padded[..., channels:] = 0
    taps = np.stack([padded[y:y + rows - kh + 1:down, x:x + columns - kw + 1:right]
                     for y in range(kh) for x in range(kw)], axis=2)
    x = taps.reshape(height * width, kh * kw, -1, BLOCK).swapaxes(1, 2)
    w = block_weights(layer.weights, outputs)[0]
    blocks = x.shape[1]
    sizes = np.minimum(channels - BLOCK * np.arange(blocks), BLOCK)
    return Matrices(name=f"{network.name}: {layer.name}", signed=layer.signed,
                    bound=layer.activation_bound,
                    x=np.ascontiguousarray(x).reshape(height * width, -1, BLOCK),
                    w=np.moveaxis(w, 3, 0).reshape(outputs, -1, BLOCK),
                    sizes=np.repeat(sizes, kh * kw))
