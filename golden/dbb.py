# SPDX-License-Identifier: Apache-2.0
"""Density-bound blocks: at most ``nnz`` non-zeros in every 8 consecutive input channels.

Arrays are int8 with the channels last. Source: Liu, Whatmough and Mattina, "Systolic Tensor Array".
"""

import numpy as np

__all__ = ["BLOCK", "decode", "decode_indexed", "diagonal", "encode", "encode_indexed", "max_nnz",
           "prune"]

BLOCK = 8


def prune(weights: np.ndarray, *, block: int = BLOCK, nnz: int) -> np.ndarray:
    """Keep the ``nnz`` largest magnitudes of each block of [..., K]; of equals the lowest index.

    ``nnz`` is 1 ... ``block``; a last block of fewer than ``block`` channels counts as one.
    """
    if not 1 <= nnz <= block:
        raise ValueError(f"Non-zeros of a block must be 1 ... {block}, not {nnz!r}")
    blocks = _blocks(weights, block)
    order = np.argsort(-np.abs(blocks.astype(np.int16)), axis=-1, kind="stable")
    kept = np.zeros(blocks.shape, bool)
    np.put_along_axis(kept, order[..., :nnz], True, axis=-1)
    return np.where(kept, blocks, 0).astype(np.int8).reshape(
        *weights.shape[:-1], -1)[..., :weights.shape[-1]]


def diagonal(weights: np.ndarray, multiplier: int = 1) -> np.ndarray:
    """Depthwise weights [kh, kw, Cout] as those of a convolution [Cout, kh, kw, Cin] with
    ``multiplier`` outputs a channel: at most one of a block of channels is not zero (VDBB,
    section 3)."""
    outputs = np.arange(weights.shape[2])
    dense = np.zeros((len(outputs), *weights.shape[:2], len(outputs) // multiplier), weights.dtype)
    dense[outputs, :, :, outputs // multiplier] = weights.transpose(2, 0, 1)
    return dense


def max_nnz(weights: np.ndarray) -> int:
    """The most non-zeros in any block of [..., K]."""
    return int((_blocks(weights) != 0).sum(-1).max(initial=0))


def encode(blocks: np.ndarray, nnz: int) -> tuple[np.ndarray, np.ndarray]:
    """Blocks [..., 8] as values int8 [..., nnz] in ascending position, and masks uint8 [...].

    Bit i of a mask is set where position i is not zero; unused values are 0. Raises ValueError
    where ``nnz`` is not 1 ... 8 or a block holds more than ``nnz`` non-zeros.
    """
    if not 1 <= nnz <= BLOCK:
        raise ValueError(f"Non-zeros of a block must be 1 ... {BLOCK}, not {nnz!r}")
    if blocks.shape[-1:] != (BLOCK,):
        raise ValueError(f"Blocks must be of shape [..., {BLOCK}], not {blocks.shape!r}")
    present = blocks != 0
    most = int(present.sum(-1).max(initial=0))
    if most > nnz:
        raise ValueError(f"Blocks must hold at most {nnz} non-zeros, not {most}")
    mask = (present << np.arange(BLOCK)).sum(-1).astype(np.uint8)
    order = np.argsort(~present, axis=-1, kind="stable")[..., :nnz]
    return np.take_along_axis(blocks, order, -1).astype(np.int8), mask


def decode(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The blocks int8 [..., 8] that ``encode`` was given.

    Raises ValueError where a mask has more bits set than there are values.
    """
    present = (mask[..., np.newaxis] >> np.arange(BLOCK)) & 1
    most = int(present.sum(-1).max(initial=0))
    if most > values.shape[-1]:
        raise ValueError(f"Masks must have at most {values.shape[-1]} bits set, not {most}")
    rank = np.clip(np.cumsum(present, -1) - 1, 0, values.shape[-1] - 1)
    return np.where(present, np.take_along_axis(values, rank, -1), 0).astype(np.int8)


def encode_indexed(blocks: np.ndarray, nnz: int) -> tuple[np.ndarray, np.ndarray]:
    """Blocks [..., 8] as values int8 [..., nnz] and their positions uint8, ascending.

    The form in which non-zeros are streamed one at a time. A block with fewer repeats its last
    position with value 0. Raises ValueError as ``encode``.
    """
    values, _ = encode(blocks, nnz)
    present = blocks != 0
    order = np.argsort(~present, axis=-1, kind="stable")
    last = np.maximum(present.sum(-1, keepdims=True) - 1, 0)
    slots = np.minimum(np.arange(nnz), last)
    return values, np.take_along_axis(order, slots, -1).astype(np.uint8)


def decode_indexed(values: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """The blocks int8 [..., 8] that ``encode_indexed`` was given."""
    hits = positions[..., np.newaxis] == np.arange(BLOCK)
    return np.where(hits, values[..., np.newaxis], 0).sum(-2).astype(np.int8)


def _blocks(weights: np.ndarray, block: int = BLOCK) -> np.ndarray:
    spare = -weights.shape[-1] % block
    padded = np.pad(weights, [(0, 0)] * (weights.ndim - 1) + [(0, spare)])
    return padded.reshape(*weights.shape[:-1], -1, block)
