# SPDX-License-Identifier: Apache-2.0
"""What goes through the registers of a TPE: operands of sampled rows and columns, step by step, and
how many bits toggle."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from ....golden import dap, dbb
from ....golden.dbb import BLOCK
from ....rtl.arith.arithmetic import Arithmetic
from ....rtl.facts import Encoding, EngineFacts
from .gates import GateToggles, gates_of

__all__ = ["Toggles", "drawn_activations", "mean_toggles", "toggles_of"]

FOLLOWED = 2048
"""Steps that are followed through all gates."""


@dataclass(frozen=True, kw_only=True)
class Toggles:
    """Bits that toggle in a step, on average.

    ``west``, ``north``: of one row's activations and one column's weights as they come; ``taken``:
    share of steps in which rows (``west``) and columns (``north``) take new ones.
    ``place``: of the position by which an operand is chosen; ``rank``, ``held``: of the rank that a
    position stands for in a block of held weights, and of the value there; ``activation``,
    ``weight``: of one multiplier's operands; ``gates``: of a dot product's, by ``GateToggles``: in
    a step, for the end of a tile, for a sum moved through it; ``accumulator``: of one sum;
    ``moved``: between finished sums of neighbouring rows; ``live``: share of the steps that change
    a sum.
    """

    west: float
    north: float
    west_taken: float
    north_taken: float
    place: float
    rank: float
    held: float
    activation: float
    weight: float
    gates: np.ndarray
    accumulator: float
    moved: float
    live: float


def mean_toggles(parts: Sequence[Toggles], weights: Sequence[float] | None = None) -> Toggles:
    """The mean of several, each with its weight."""
    return Toggles(**{item.name: np.average([getattr(each, item.name) for each in parts], axis=0,
                                            weights=weights) for item in fields(Toggles)})


def drawn_activations(zeros: float, rows: int, blocks: int, *, seed: int = 1) -> np.ndarray:
    """Activations where none are given: |N(0, 32)|, unsigned, of which a share is zero; int16
    [rows, blocks, 8]."""
    rng = np.random.default_rng(seed)
    x = np.minimum(np.rint(np.abs(rng.normal(0, 32, (rows, blocks, BLOCK)))), 127)
    x[rng.random(x.shape) < zeros] = 0
    return x.astype(np.int16)


def toggles_of(facts: EngineFacts, arithmetic: Arithmetic, x: np.ndarray, w: np.ndarray,
               passes: np.ndarray, *, steps: int = 1, split: bool = False) -> Toggles:
    """Toggles of a tile: activations int16 [rows, blocks, 8] times weights int8 [columns, blocks,
    8]; block b takes ``passes[b]`` passes of ``steps`` steps each, as ``EngineFacts`` has them."""
    form = {Encoding.DENSE: _dense, Encoding.MASK: _chosen, Encoding.INDEX: _indexed,
            Encoding.HELD: _held}[facts.encoding]
    parts = [form(facts, x[:, b], w[:, b], int(passes[b]), steps, split)
             for b in range(x.shape[1])]
    xs, ws, west, north, ranked = (np.concatenate(each, axis=-2)
                                   for each in zip(*parts, strict=True))
    blocks = x.shape[1] / xs.shape[-2]  # starts a step
    held = {Encoding.INDEX: (blocks, 1.0), Encoding.HELD: (1.0, 1 / steps)}
    west_taken, north_taken = held.get(facts.encoding, (1.0, 1.0))
    sums = np.cumsum((xs.astype(np.int64) * ws).sum(-1), axis=-1)
    finished = np.concatenate([sums[..., -1], np.zeros_like(sums[:1, :, -1])])
    return Toggles(
        west=_toggled(_bits(west, 16)), north=_toggled(_bits(north, 16)),
        west_taken=west_taken, north_taken=north_taken,
        place=_places(facts, west, north),
        rank=_toggled(_bits(ranked >> 8, 3)), held=_toggled(_bits(ranked, 8)),
        activation=_toggled(_bits(xs, 8)) / xs.shape[-1],
        weight=_toggled(_bits(ws, 8)) / ws.shape[-1],
        gates=_gates(facts, arithmetic, xs, ws, sums),
        accumulator=_toggled(_bits(sums[..., np.newaxis], facts.accumulator_bits)),
        moved=_toggled(np.moveaxis(_bits(finished, facts.accumulator_bits), 0, -2), deep=1),
        live=float(((xs != 0) & (ws != 0)).any(-1).mean()))


def _places(facts: EngineFacts, west: np.ndarray, north: np.ndarray) -> float:
    """Toggles of a position: weights bring theirs, or activations for weights that are held."""
    pairs = west if facts.holds_weights else north
    return 0.0 if facts.encoding is Encoding.DENSE else (
        _toggled(_bits(pairs >> 8, 3)) / pairs.shape[-1])


def _gates(facts: EngineFacts, arithmetic: Arithmetic, xs: np.ndarray, ws: np.ndarray,
           sums: np.ndarray) -> np.ndarray:
    """Of the dot products of some rows and columns, tile after tile of the same operands."""
    rows, columns, count = sums.shape
    pairs = np.unique(np.linspace(0, rows * columns - 1, max(FOLLOWED // count, 8), dtype=int))
    gates = gates_of(facts.products, facts.accumulator_bits, arithmetic)

    def of_pairs(operands: np.ndarray) -> np.ndarray:
        whole = np.broadcast_to(operands, (rows, columns, *operands.shape[2:]))
        return whole.reshape(rows * columns, *operands.shape[2:])[pairs]

    def state(x: np.ndarray, w: np.ndarray, accumulator: np.ndarray) -> np.ndarray:
        """Bits [pairs, steps, inputs] of all inputs."""
        shape = (len(pairs), x.shape[1], -1)
        return np.concatenate([
            _bits(x, 8).reshape(shape), _bits(w, 8).reshape(shape),
            np.full((*shape[:2], 1), bool((xs < 0).any())),
            _bits(accumulator, facts.accumulator_bits)], axis=-1)

    def between(old: np.ndarray, new: np.ndarray) -> np.ndarray:
        return np.array(gates.toggles(*(each.reshape(-1, each.shape[-1]).T
                                        for each in (old, new))))

    x, w, total = of_pairs(xs), of_pairs(ws), of_pairs(sums)
    steps = state(x, w, np.pad(total[:, :-1], ((0, 0), (1, 0))))
    found = np.zeros((3, len(GateToggles._fields)))
    found[0] = between(np.roll(steps, 1, axis=1), steps)
    if not facts.overlapped:  # a step of zeros, then other rows' sums
        first, last = steps[:, :1], steps[:, -1:]
        idle = [state(np.zeros_like(x[:, :1]), np.zeros_like(w[:, :1]), accumulator)
                for accumulator in (total[:, -1:], np.roll(total, 1, axis=0)[:, -1:],
                                    np.zeros_like(total[:, -1:]))]
        found[1] = between(last, idle[0]) + between(idle[2], first) - between(last, first)
        found[2] = between(idle[0], idle[1])
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
# words that rows [rows, 1, steps, words] and columns [1, columns, steps, words] take; at last the
# ranks of held weights and above them their values.

Operands = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _unranked(steps: int) -> np.ndarray:
    return np.zeros((1, 1, steps, 1), np.int16)


def _dense(facts: EngineFacts, x: np.ndarray, w: np.ndarray, passes: int, *_) -> Operands:
    size = passes * facts.depth
    xs = x[:, np.newaxis, :size].reshape(len(x), 1, passes, facts.depth)
    ws = w[np.newaxis, :, :size].reshape(1, len(w), passes, facts.depth)
    return xs, ws, xs & 0xFF, ws.astype(np.int16) & 0xFF, _unranked(passes)


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
    return x[:, positions], ws, rows, pairs[np.newaxis], _unranked(passes)


def _indexed(facts: EngineFacts, x: np.ndarray, w: np.ndarray, passes: int, *_) -> Operands:
    values, positions = dbb.encode_indexed(w, passes)
    ws = values.astype(np.int16)[np.newaxis, :, :, np.newaxis]
    pairs = (ws & 0xFF) | positions.astype(np.int16)[np.newaxis, :, :, np.newaxis] << 8
    rows = np.broadcast_to(x[:, np.newaxis, np.newaxis] & 0xFF, (len(x), 1, passes, BLOCK))
    return x[:, positions][..., np.newaxis], ws, rows, pairs, _unranked(passes)


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
        before = np.cumsum(part != 0, axis=-1) - (part != 0)
        rank = np.minimum(np.moveaxis(before[:, positions], 0, 1), facts.nnz - 1)
        there = stored[np.arange(len(w))[:, np.newaxis], 0 * rank, 1 + rank]
        parts.append((values[:, np.newaxis, :, np.newaxis], met[..., np.newaxis],
                      pairs[:, np.newaxis, :, np.newaxis], stored[np.newaxis],
                      (there | rank << 8)[..., np.newaxis]))
    return tuple(np.concatenate(each, axis=-2)  # type: ignore[return-value]
                 for each in zip(*parts, strict=True))
