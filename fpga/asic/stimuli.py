# SPDX-License-Identifier: Apache-2.0
"""Operands for one TPE, cycle by cycle, and the sums that must come out of it.

The TPE is the lowest of a column of TPEs: sums of those above it pass through it as they drain.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...golden import dap, dbb
from ...golden.dbb import BLOCK
from ...rtl.facts import PAIR_BITS, Encoding, EngineFacts
from .simulation import Trace
from .workloads import Matrices

__all__ = ["Stimulus", "check", "pruned", "steps_of", "stimulus"]


@dataclass(frozen=True, eq=False)
class Stimulus:
    """``ports``: bits uint8 [cycles, width] of every input of the TPE, LSB first. ``sums``:
    (cycle, row [c]) pairs, what ``south_sums`` must be as the cycle ends. ``first``, ``last``: the
    cycles (the last exclusive) to be measured, from the second tile's first step to when another
    tile could begin: whole tiles, with their read-out. ``macs``: those of the dense layer that
    these stand for."""

    facts: EngineFacts
    ports: Mapping[str, np.ndarray]
    sums: list[tuple[int, np.ndarray]]
    first: int
    last: int
    macs: int


class _Step(NamedTuple):
    """Words of rows and columns as Python integers, ``products`` [rows, c] of the step."""

    rows: list[int]
    columns: list[int]
    start: bool
    products: np.ndarray


def stimulus(facts: EngineFacts, work: Matrices, *, tiles: int, above: int = 0,
             bound: int = BLOCK) -> Stimulus:
    """Tiles of ``work`` on the TPE, back to back as tight as the engine's read-out allows.

    ``above``: TPEs above this one, whose rows of every tile drain through it. ``bound``:
    activations kept of each block, on engines that hold weights; those of others are not pruned.
    Raises ValueError where ``bound`` is none, the engine does not prune, or tiles are below 2.
    """
    if tiles < 2:
        raise ValueError(f"Tiles must be at least 2, not {tiles!r}")
    if bound != BLOCK and not facts.holds_weights:
        raise ValueError(f"Activation bound must be {BLOCK} for encoding {facts.encoding}, "
                         f"not {bound!r}")
    rows = facts.a * (above + 1)
    timeline = _Timeline(facts, rows)
    for tile in range(tiles):
        x, w = work.tile(tile, rows, facts.c)
        x = pruned(x, bound)
        expected = np.einsum("pbk,qbk->pq", x.astype(np.int64), w.astype(np.int64))
        steps = list(_steps(facts, x, w, work.sizes, bound, work.density))
        timeline.tile(steps, expected)
    macs = (tiles - 1) * facts.a * facts.c * int(work.sizes.sum())
    return timeline.finished(macs, work.signed)


def steps_of(facts: EngineFacts, work: Matrices, *, tiles: int, bound: int = BLOCK) -> float:
    """Steps of a tile of ``stimulus``, the mean of all but the first."""
    counts = []
    for tile in range(1, tiles):
        x, w = work.tile(tile, facts.a, facts.c)
        counts.append(len(list(_steps(facts, pruned(x, bound), w, work.sizes, bound,
                                      work.density))))
    return float(np.mean(counts))


def pruned(x: np.ndarray, bound: int) -> np.ndarray:
    """Operands [..., 8] with all but the ``bound`` largest magnitudes of each block at zero."""
    if bound == BLOCK:
        return x
    if x.min() < -128 or x.max() > 127:  # unsigned bytes
        values = (x - 128).astype(np.int8)
        return dap.prune_activations(values, zero_point=-128, bound=bound).astype(np.int16) + 128
    return dap.prune_activations(x.astype(np.int8), zero_point=0, bound=bound).astype(np.int16)


# How operands are encoded at the TPE's ports: a function a kind of word.

def word(octets: np.ndarray) -> int:
    """Bytes, the first lowest: rows of activations, columns of dense weights."""
    return int.from_bytes((octets.astype(np.int16) & 0xFF).astype(np.uint8).tobytes(), "little")


def pair(value: int, position: int) -> int:
    """A value and above it its position in the block."""
    return (int(value) & 0xFF) | int(position) << 8


def chosen(block: np.ndarray, nnz: int) -> int:
    """A DBB block as pairs, one a slot, as the decompressor hands them on: each value in the first
    slot from its rank on that reaches its position. Empty ones are 0."""
    pairs = 0
    for rank, position in enumerate(np.flatnonzero(block).tolist()[:nnz]):
        s = max(rank, position - (BLOCK - nnz))
        pairs |= pair(block[position], position - s) << PAIR_BITS * s
    return pairs


def held(block: np.ndarray, nnz: int) -> int:
    """A DBB block as its mask and above it its values."""
    values, mask = dbb.encode(block, nnz)
    return int(mask) | word(values) << BLOCK


def _steps(facts: EngineFacts, x: np.ndarray, w: np.ndarray, sizes: np.ndarray, bound: int,
           density: int) -> Iterator[_Step]:
    """Steps of a tile: activations [rows, block, 8] times weights [c, block, 8]. Engines with
    compressed weights leave out blocks without any, but one."""
    blocks = range(x.shape[1])
    if facts.compressed:
        blocks = [b for b in blocks if w[:, b].any()] or [0]
    full = int(sizes.max())
    for b in blocks:
        nnz = max(int(np.count_nonzero(w[:, b], axis=-1).max()), 1)
        size = int(sizes[b])
        split = facts.splits(density, bound)
        passes = facts.passes(size if split else nnz, size, bound)
        match facts.encoding:
            case Encoding.DENSE:
                yield from _dense(facts, x[:, b], w[:, b], passes)
            case Encoding.MASK:
                for index, part in enumerate(_parts(w[:, b], passes, facts.nnz, False)):
                    yield _Step([word(row) for row in x[:, b]],
                                [chosen(column, facts.nnz) for column in part], index == 0,
                                _product(x[:, b], part))
            case Encoding.INDEX:
                yield from _indexed(x[:, b], w[:, b], passes)
            case Encoding.HELD:
                steps = facts.pass_steps(density, full, bound)
                yield from _held(facts, x[:, b], w[:, b], (passes, steps, split, size))


def _product(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    return x.astype(np.int64) @ w.astype(np.int64).T


def _dense(facts: EngineFacts, x: np.ndarray, w: np.ndarray, passes: int) -> Iterator[_Step]:
    for index in range(passes):
        own = slice(index * facts.depth, (index + 1) * facts.depth)
        yield _Step([word(row) for row in x[:, own]], [word(column) for column in w[:, own]],
                    index == 0, _product(x[:, own], w[:, own]))


def _indexed(x: np.ndarray, w: np.ndarray, passes: int) -> Iterator[_Step]:
    values, positions = dbb.encode_indexed(w, passes)
    for s in range(passes):
        picked = x[:, positions[:, s]].astype(np.int64) * values[:, s]
        yield _Step([word(row) for row in x],
                    [pair(*each) for each in zip(values[:, s], positions[:, s], strict=True)],
                    s == 0, picked)


def _held(facts: EngineFacts, x: np.ndarray, w: np.ndarray,
          shape: tuple[int, int, bool, int]) -> Iterator[_Step]:
    passes, steps, split, size = shape
    for index, part in enumerate(_parts(w, passes, facts.nnz, split)):
        own = ((1 << facts.nnz) - 1) << facts.nnz * index if split else 0xFF
        values, positions = dap.stream(x, own & (1 << size) - 1, steps)
        for s in range(steps):
            met = np.take_along_axis(part[np.newaxis].astype(np.int64),
                                     positions[:, np.newaxis, s, np.newaxis].astype(np.int64), -1)
            yield _Step([pair(*each) for each in zip(values[:, s], positions[:, s], strict=True)],
                        [held(column, facts.nnz) for column in part], s == 0,
                        values[:, s, np.newaxis] * met[..., 0])


def _parts(w: np.ndarray, passes: int, nnz: int, split: bool) -> Iterator[np.ndarray]:
    """Columns [c, 8] in passes of at most ``nnz`` values, which share no position: the next
    non-zeros, or if ``split`` the next positions."""
    place = np.arange(BLOCK) if split else np.cumsum(w != 0, axis=-1) - 1
    for index in range(passes):
        yield np.where(place // nnz == index, w, 0)


class _Timeline:
    """Cycles of a column of TPEs, of which the lowest is looked at.

    TPEs above are as many cycles ahead; what their sums look like at this one's northern edge is
    modelled cycle by cycle.
    """

    def __init__(self, facts: EngineFacts, rows: int):
        self.facts = facts
        self.rows = rows
        self.steps: dict[int, tuple[_Step, bool, bool]] = {}  # by cycle: step, first, last
        self.drains: dict[int, np.ndarray] = {}  # by cycle of the lowest row: sums [rows, c]
        self.starts: list[int] = []
        self.closed = 0
        self.drained = 0

    def tile(self, steps: list[_Step], expected: np.ndarray) -> None:
        """Add a tile: it closes as soon as its steps and the rows before it allow."""
        f = self.facts
        start = self._next_start(len(steps))
        closed = start + len(steps) - 1
        for index, step in enumerate(steps):
            self.steps[start + index] = step, index == 0, index == len(steps) - 1
        self.starts.append(start)
        self.drains[closed + f.latency + 1] = expected
        self.closed, self.drained = closed, self.rows

    def _next_start(self, steps: int) -> int:
        """When a tile may begin: its last step replaces sums that must have left by then, or
        if they are read out in place its first."""
        wait = max(self.drained - steps, 0) if self.facts.overlapped else self.drained
        return self.closed + 1 + wait

    def finished(self, macs: int, signed: bool) -> Stimulus:
        """The whole, with the last tile drained."""
        f = self.facts
        cycles = self.closed + f.latency + self.rows + 2
        west = np.zeros((cycles, f.a * f.activation_bits), np.uint8)
        north = np.zeros((cycles, f.c * f.operand_bits), np.uint8)
        token = np.zeros((cycles, 4), np.uint8)
        drain = np.zeros((cycles, 1), np.uint8)
        for t in range(1, cycles):
            west[t], north[t] = west[t - 1], north[t - 1]  # registers before it hold
            if not f.overlapped and t not in self.steps:  # sums move down meanwhile
                (north if f.holds_activations else west)[t] = 0
            if t in self.steps:
                step, first, last = self.steps[t]
                token[t] = 1, first, last, step.start
                if step.start or not f.holds_activations:
                    west[t] = _bits(step.rows[-f.a:], f.activation_bits)
                if step.start or not f.holds_weights:
                    north[t] = _bits(step.columns, f.operand_bits)
        sums = []
        for start, expected in self.drains.items():
            drain[start:start + self.rows - 1] = 1
            for k, row in enumerate(expected[::-1]):
                sums.append((start + k, _wrapped(row, f.accumulator_bits)))
        ports = {"west": west, "token": token, "north": north, "drain": drain,
                 "signed_activations": np.full((cycles, 1), signed, np.uint8),
                 "north_sums": self._north(cycles)}
        last = self._next_start(self.closed + 1 - self.starts[-1])
        return Stimulus(f, ports, sums, self.starts[1], last, macs)

    def _north(self, cycles: int) -> np.ndarray:
        """The lowest sums of the TPEs above, as they show them and shift them out: all the while
        that they sum if read-out is in place."""
        f = self.facts
        above = self.rows - f.a
        bits = np.zeros((cycles, f.c * f.accumulator_bits), np.uint8)
        if above == 0:
            return bits
        chain = np.zeros((above, f.c), np.int64)
        sums = np.zeros((above, f.c), np.int64)
        mask = (1 << f.accumulator_bits) - 1
        shifts = {start + k for start in self.drains for k in range(above - 1)}
        for t in range(cycles):
            bits[t] = _bits([int(value) & mask for value in chain[-1]], f.accumulator_bits)
            if t in shifts:
                chain = np.vstack([np.zeros((1, f.c), np.int64), chain[:-1]])
            # The TPE above is a cycle ahead; those above it matter only by what they hand down.
            done = self.steps.get(t + 1 - f.latency)
            if done is not None:
                step, first, last = done
                sums = step.products[:above] + (0 if first else sums)
                if last or not f.overlapped:
                    chain = sums
        return bits


def _bits(words: list[int], width: int) -> np.ndarray:
    """Words side by side as bits, the first lowest."""
    whole = sum(value << width * k for k, value in enumerate(words))
    size = width * len(words)
    octets = np.frombuffer(whole.to_bytes(-(-size // 8), "little"), np.uint8)
    return np.unpackbits(octets, bitorder="little")[:size]


def _wrapped(values: np.ndarray, width: int) -> np.ndarray:
    half = 1 << width - 1
    return (values + half) % (2 * half) - half


def check(trace: Trace, run: Stimulus) -> None:
    """Raise ValueError at the first difference between a netlist's outputs and golden: sums as
    they drain, and operands, tokens and strobes as they go on east and south, a cycle later."""
    width = run.facts.accumulator_bits
    weights = 1 << np.arange(width, dtype=np.int64)
    for cycle, expected in run.sums:
        bits = trace.outputs["south_sums"][cycle].reshape(-1, width).astype(np.int64)
        found = _wrapped(bits @ weights, width)
        if (found != expected).any():
            column = int(np.flatnonzero(found != expected)[0])
            raise ValueError(f"Sum of column {column} in cycle {cycle} must be "
                             f"{expected[column]}, not {found[column]}")
    for source, target in (("west", "east"), ("north", "south"), ("drain", "east_drain"),
                           ("token", "east_token")):
        given, found = run.ports[source][:-1], trace.outputs[target][1:]
        given = given[:, :found.shape[1]]
        if source == "token" and not (run.facts.holds_activations or run.facts.holds_weights):
            given, found = given[:, :3], found[:, :3]
        if (given != found).any():
            cycle = int(np.flatnonzero((given != found).any(1))[0]) + 1
            raise ValueError(f"{target} in cycle {cycle} must be {source} of the cycle before")
