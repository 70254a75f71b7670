# SPDX-License-Identifier: Apache-2.0
"""What goes through the registers of a TPE: operands of sampled rows and columns, step by step, and
how many bits toggle."""

from dataclasses import dataclass

import numpy as np

from ....golden import dap, dbb
from ....golden.dbb import BLOCK
from ....rtl.facts import Encoding, EngineFacts

__all__ = ["Toggles", "drawn_activations", "toggles_of"]


@dataclass(frozen=True, kw_only=True)
class Toggles:
    """Bits that toggle in a step, on average, without glitches.

    ``west``, ``north``: of one row's activations and one column's weights as they come; ``taken``:
    share of steps in which rows (``west``) and columns (``north``) take new ones.
    ``activation``, ``weight``: of one multiplier's operands; ``products``: of its 64 partial
    products; ``rows``: of sums of two and of four of its rows; ``whole``: of its product;
    ``sums``: of sums of two, four and more products of a dot product, as far as there are;
    ``accumulator``: of one sum of them all; ``moved``: between finished sums of neighbouring rows;
    ``live``: share of the steps that change a sum.
    """

    west: float
    north: float
    west_taken: float
    north_taken: float
    activation: float
    weight: float
    products: float
    rows: float
    whole: float
    sums: float
    accumulator: float
    moved: float
    live: float


def drawn_activations(zeros: float, rows: int, blocks: int, *, seed: int = 1) -> np.ndarray:
    """Activations where none are given: |N(0, 32)|, unsigned, of which a share is zero; int16
    [rows, blocks, 8]."""
    rng = np.random.default_rng(seed)
    x = np.minimum(np.rint(np.abs(rng.normal(0, 32, (rows, blocks, BLOCK)))), 127)
    x[rng.random(x.shape) < zeros] = 0
    return x.astype(np.int16)


def toggles_of(facts: EngineFacts, x: np.ndarray, w: np.ndarray, passes: np.ndarray, *,
               steps: int = 1, split: bool = False) -> Toggles:
    """Toggles of a tile: activations int16 [rows, blocks, 8] times weights int8 [columns, blocks,
    8]; block b takes ``passes[b]`` passes of ``steps`` steps each, as ``EngineFacts`` has them."""
    form = {Encoding.DENSE: _dense, Encoding.MASK: _chosen, Encoding.INDEX: _indexed,
            Encoding.HELD: _held}[facts.encoding]
    parts = [form(facts, x[:, b], w[:, b], int(passes[b]), steps, split)
             for b in range(x.shape[1])]
    xs, ws, west, north = (np.concatenate(each, axis=-2) for each in zip(*parts, strict=True))
    count = xs.shape[-2]
    blocks = x.shape[1] / count  # starts a step
    plain, signed = xs.astype(np.int64) & 0xFF, ws.astype(np.int64)
    rows = sum(_toggled(_bits((plain >> low & (1 << size) - 1) * signed, 8 + size))
               for size in (2, 4) for low in range(0, 8, size))
    product = xs.astype(np.int64) * signed
    both = _bits(xs, 8)[..., :, np.newaxis] & _bits(ws, 8)[..., np.newaxis, :]
    held = {Encoding.INDEX: (blocks, 1.0), Encoding.HELD: (1.0, 1 / steps)}
    west_taken, north_taken = held.get(facts.encoding, (1.0, 1.0))
    sums = np.cumsum(product.sum(-1), axis=-1)
    finished = np.concatenate([sums[..., -1], np.zeros_like(sums[:1, :, -1])])
    return Toggles(
        west=_toggled(_bits(west, 16)), north=_toggled(_bits(north, 16)),
        west_taken=west_taken, north_taken=north_taken,
        activation=_toggled(_bits(xs, 8)) / xs.shape[-1],
        weight=_toggled(_bits(ws, 8)) / ws.shape[-1],
        products=_toggled(both, deep=3) / both.shape[-3],
        rows=rows / xs.shape[-1], whole=_toggled(_bits(product, 16)) / xs.shape[-1],
        sums=_sums(product),
        accumulator=_toggled(_bits(sums[..., np.newaxis], facts.accumulator_bits)),
        moved=_toggled(np.moveaxis(_bits(finished, facts.accumulator_bits), 0, -2), deep=1),
        live=float(((xs != 0) & (ws != 0)).any(-1).mean()))


def _sums(products: np.ndarray) -> float:
    """Toggles of a tree of sums."""
    found, width = 0.0, 16
    while products.shape[-1] > 1:
        spare = products.shape[-1] % 2
        products = np.pad(products, [(0, 0)] * (products.ndim - 1) + [(0, spare)])
        products, width = products[..., ::2] + products[..., 1::2], width + 1
        found += _toggled(_bits(products, width))
    return found


def _bits(values: np.ndarray, width: int) -> np.ndarray:
    """Bits of each value, on a new axis."""
    return (values.astype(np.int64)[..., np.newaxis] >> np.arange(width) & 1).astype(bool)


def _toggled(bits: np.ndarray, deep: int = 2) -> float:
    """Bits [..., steps, *deep axes] that change from step to step, summed over the last axes."""
    at = bits.ndim - deep - 1
    before, after = (np.take(bits, range(start, bits.shape[at] - 1 + start), axis=at)
                     for start in (0, 1))
    changed = (before ^ after).sum(axis=tuple(range(at + 1, bits.ndim)))
    return float(changed.mean()) if changed.size else 0.0


# Each form gives of a block, step by step: the operands of every multiplier, activations
# [rows, columns or 1, steps, products] and weights [rows or 1, columns, steps, products], and the
# words that rows [rows, 1, steps, words] and columns [1, columns, steps, words] take.

Operands = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _dense(facts: EngineFacts, x: np.ndarray, w: np.ndarray, passes: int, *_) -> Operands:
    size = passes * facts.depth
    xs = x[:, np.newaxis, :size].reshape(len(x), 1, passes, facts.depth)
    ws = w[np.newaxis, :, :size].reshape(1, len(w), passes, facts.depth)
    return xs, ws, xs & 0xFF, ws.astype(np.int16) & 0xFF


def _slots(block: np.ndarray, passes: int, nnz: int) -> tuple[np.ndarray, np.ndarray]:
    """Values and positions [columns, passes, nnz] of a block [columns, 8], in the slots in which
    the decompressor hands them on."""
    values = np.zeros((len(block), passes, nnz), np.int16)
    positions = np.broadcast_to(np.arange(nnz), values.shape).copy()
    for c, column in enumerate(block):
        for rank, position in enumerate(np.flatnonzero(column)):
            index, own = divmod(rank, nnz)
            s = max(own, position - (BLOCK - nnz))
            values[c, index, s], positions[c, index, s] = column[position], position
    return values, positions


def _chosen(facts: EngineFacts, x: np.ndarray, w: np.ndarray, passes: int, *_) -> Operands:
    values, positions = _slots(w, passes, facts.nnz)
    ws = values[np.newaxis]
    pairs = (values & 0xFF) | (positions - np.arange(facts.nnz)) << 8
    rows = np.broadcast_to(x[:, np.newaxis, np.newaxis] & 0xFF, (len(x), 1, passes, BLOCK))
    return x[:, positions], ws, rows, pairs[np.newaxis]


def _indexed(facts: EngineFacts, x: np.ndarray, w: np.ndarray, passes: int, *_) -> Operands:
    values, positions = dbb.encode_indexed(w, passes)
    ws = values.astype(np.int16)[np.newaxis, :, :, np.newaxis]
    pairs = (ws & 0xFF) | positions.astype(np.int16)[np.newaxis, :, :, np.newaxis] << 8
    rows = np.broadcast_to(x[:, np.newaxis, np.newaxis] & 0xFF, (len(x), 1, passes, BLOCK))
    return x[:, positions][..., np.newaxis], ws, rows, pairs


def _held(facts: EngineFacts, x: np.ndarray, w: np.ndarray, passes: int, steps: int,
          split: bool) -> Operands:
    parts = []
    place = np.arange(BLOCK) if split else np.cumsum(w != 0, axis=-1) - 1
    for index in range(passes):
        own = ((1 << facts.nnz) - 1) << facts.nnz * index if split else (1 << BLOCK) - 1
        part = np.where(place // facts.nnz == index, w, 0).astype(np.int16)
        values, positions = dap.stream(x, own, steps)
        met = np.moveaxis(part[:, positions], 0, 1)  # [rows, columns, steps]
        pairs = (values & 0xFF) | positions.astype(np.int16) << 8
        stored = np.zeros((len(w), steps, facts.nnz + 1), np.int16)
        for c, column in enumerate(part):
            found = np.flatnonzero(column)[:facts.nnz]
            stored[c, :, 0] = (1 << found).sum() & 0xFF
            stored[c, :, 1:1 + len(found)] = column[found] & 0xFF
        parts.append((values[:, np.newaxis, :, np.newaxis], met[..., np.newaxis],
                      pairs[:, np.newaxis, :, np.newaxis], stored[np.newaxis]))
    return tuple(np.concatenate(each, axis=-2)  # type: ignore[return-value]
                 for each in zip(*parts, strict=True))
