# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Products of matrices on an engine in Verilator: operands at its edge, sums with their cycles."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from systolith.gen.emit.platform import EmittingPlatform
from systolith.golden import dap, dbb
from systolith.golden.dbb import BLOCK
from systolith.rtl.engine.decompressor import Decompressor
from systolith.rtl.engine.systolic import SystolicEngine
from systolith.rtl.facts import Encoding, EngineFacts
from systolith.rtl.operand.drain import Drain
from systolith.verif.simulator import Simulator, build

from .shapes import facts_of

__all__ = ["FACTS", "PATTERNS", "EdgeBench", "EdgeBenches", "Gemm", "run", "simulator",
           "tiles_of"]

TOP = "edge_benches"
FACTS = {
    "sa": facts_of("sa", m=8, n=8, zero_gating=True),
    "sta": facts_of("sta", a=2, b=4, c=2, m=3, n=4),
    "sta-dbb": facts_of("sta-dbb", a=2, b=8, c=2, m=4, n=3, nnz=3),
    "vdbb": facts_of("vdbb", a=2, b=8, c=4, m=4, n=2, zero_gating=True),
    "s2ta-w": facts_of("s2ta-w", a=4, b=8, c=2, m=2, n=4, nnz=4, zero_gating=True),
    "s2ta-aw": facts_of("s2ta-aw", a=4, b=8, c=4, m=2, n=2, nnz=4, zero_gating=True),
    "s2ta-aw-inplace": facts_of("s2ta-aw", a=2, b=8, c=2, m=3, n=3, nnz=3, overlapped=False),
}
"""Engines of every kind, the fifth and sixth with the papers' four slots of weights."""
PATTERNS = ("any", "extremes", "lowest", "highest", "minus", "alternating", "single", "zeros")


class EdgeBench(wiring.Component):
    """An engine whose whole edge is one port: two bytes of control, then rows, then columns.

    Byte 0 is the token and above it ``signed_activations``, byte 1 the tile's valid rows. Rows
    and columns start at bytes. Weights go through the decompressor, sums through the drain.
    """

    def __init__(self, facts: EngineFacts):
        self.facts = facts
        self.row_bytes = -(-facts.activation_bits // 8)
        self.column_bytes = -(-facts.stored_bits // 8)
        self.bytes = 2 + facts.rows * self.row_bytes + facts.columns * self.column_bytes
        super().__init__({
            "edge": In(8 * self.bytes),
            "row_valid": Out(1),
            "row": Out(facts.accumulator_bits * facts.columns),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        f = self.facts
        m.submodules.decompressor = decompressor = Decompressor(f)
        m.submodules.engine = engine = SystolicEngine(f)
        m.submodules.drain = drain = Drain(rows=f.rows, beats=1, drain_start=f.drain_start,
                                           drain_latency=f.drain_latency)
        columns = self.edge[8 * (2 + f.rows * self.row_bytes):]
        m.d.comb += [
            engine.i_token.eq(self.edge[:4]),
            engine.signed_activations.eq(self.edge[4]),
            drain.issued.eq(engine.i_token.valid & engine.i_token.last),
            drain.issued_rows.eq(self.edge[8:16]),
            *(engine.i_activations[row].eq(self.edge[16:].word_select(row, 8 * self.row_bytes))
              for row in range(f.rows)),
            *(decompressor.i[column].eq(columns.word_select(column, 8 * self.column_bytes))
              for column in range(f.columns)),
            engine.i_weights.eq(decompressor.o),
            engine.i_drain.eq(drain.drain),
            engine.i_remaining.eq(drain.remaining),
            self.row_valid.eq(drain.row_valid),
            self.row.eq(engine.o_results),
        ]
        return m


class EdgeBenches(wiring.Component):
    """An ``EdgeBench`` of every kind in ``FACTS``, side by side: one simulator serves all."""

    def __init__(self):
        self.benches = {kind.replace("-", "_"): EdgeBench(facts) for kind, facts in FACTS.items()}
        super().__init__({name: Out(bench.signature) for name, bench in self.benches.items()})

    def elaborate(self, platform) -> Module:
        m = Module()
        for name, bench in self.benches.items():
            m.submodules[name] = bench
            wiring.connect(m, wiring.flipped(getattr(self, name)), bench)
        return m


def simulator() -> Simulator:
    """The Verilator model of ``EdgeBenches``."""
    source, ports = EmittingPlatform(TOP).convert(EdgeBenches(), TOP)
    return build(source, top=TOP, ports=ports)


@dataclass(frozen=True, kw_only=True)
class Gemm:
    """Activations [p, k] times weights [q, k], of which blocks keep ``nnz`` and ``bound``.

    ``x`` and ``w``: patterns of the operands. Unsigned activations are those of zero point -128.
    """

    p: int
    k: int
    q: int
    nnz: int = BLOCK
    bound: int = BLOCK
    signed: bool = True
    x: str = "any"
    w: str = "any"
    seed: int = 0

    @cached_property
    def activations(self) -> np.ndarray:
        """Operands before they are pruned, int16."""
        low, high = (-128, 127) if self.signed else (0, 255)
        return _pattern(self.x, (self.p, self.k), low, high, self.seed)

    @cached_property
    def weights(self) -> np.ndarray:
        """int8, pruned."""
        dense = _pattern(self.w, (self.q, self.k), -128, 127, self.seed + 1)
        return dbb.prune(dense.astype(np.int8), nnz=self.nnz)

    @property
    def density(self) -> int:
        """Non-zeros of the densest block of weights, at least 1."""
        return max(dbb.max_nnz(self.weights), 1)

    @cached_property
    def expected(self) -> np.ndarray:
        """The integer product [p, q] of what pruning leaves."""
        zero_point = 0 if self.signed else -128
        values = (self.activations + zero_point).astype(np.int8)
        kept = dap.prune_activations(values, zero_point=zero_point, bound=self.bound)
        return (kept.astype(np.int64) - zero_point) @ self.weights.astype(np.int64).T


def _pattern(name: str, shape: tuple[int, int], low: int, high: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    match name:
        case "any":
            values = rng.integers(low, high + 1, shape)
        case "extremes":
            values = rng.choice([low, low + 1, 0, 1, high], shape)
        case "lowest" | "highest" | "minus":
            values = np.full(shape, {"lowest": low, "highest": high, "minus": low + 1}[name])
        case "alternating":
            values = np.where(np.indices(shape).sum(0) % 2, low, high)
        case "single":
            values = np.zeros(shape)
            values[tuple(rng.integers(size) for size in shape)] = rng.choice([low or high, high])
        case "zeros":
            values = np.zeros(shape)
    return values.astype(np.int16)


@dataclass(frozen=True, kw_only=True)
class Tiles:
    """A GEMM cut up for an engine: bytes of rows [row tile, step, row, ...] and of columns
    [column tile, step, column, ...], ``starts`` [step], and valid rows of each row tile."""

    rows: np.ndarray
    columns: np.ndarray
    starts: np.ndarray
    valid: list[int]

    @property
    def steps(self) -> int:
        """Steps of a tile."""
        return len(self.starts)

    @property
    def sequence(self) -> list[tuple[int, int]]:
        """(column tile, row tile) in the order in which they run."""
        return [(column, row) for column in range(len(self.columns))
                for row in range(len(self.rows))]


def tiles_of(gemm: Gemm, facts: EngineFacts) -> Tiles:
    """Cut ``gemm`` up. What the engine must not look at is noise."""
    rng = np.random.default_rng(gemm.seed + 2)
    blocks = -(-gemm.k // BLOCK)
    count = -(-gemm.p // facts.rows)
    x = rng.integers(0, 256, (count * facts.rows, blocks * BLOCK)).astype(np.int16)
    x[:gemm.p, :gemm.k] = gemm.activations
    # Rows drain bottom first.
    x = x.reshape(count, facts.rows, blocks, BLOCK)[:, ::-1]
    w = np.zeros((-(-gemm.q // facts.columns) * facts.columns, blocks * BLOCK), np.int8)
    w[:gemm.q, :gemm.k] = gemm.weights
    w = w.reshape(-1, facts.columns, blocks, BLOCK)
    rows, columns, starts = [], [], []
    for block in range(blocks):
        channels = min(gemm.k - block * BLOCK, BLOCK)
        for row, column, start in _block(facts, gemm, x[:, :, block], w[:, :, block], channels):
            if not start and facts.holds_activations:
                row = rng.integers(0, 256, row.shape)
            if not start and facts.holds_weights:
                column = rng.integers(0, 256, column.shape)
            rows.append(row.astype(np.uint8))
            columns.append(column.astype(np.uint8))
            starts.append(start)
    return Tiles(rows=np.stack(rows, 1), columns=np.stack(columns, 1), starts=np.array(starts),
                 valid=[min(facts.rows, gemm.p - tile * facts.rows) for tile in range(count)])


def _block(facts: EngineFacts, gemm: Gemm, x: np.ndarray, w: np.ndarray, channels: int):
    """(bytes of rows, bytes of columns, start) for each step of a block."""
    full = min(gemm.k, BLOCK)
    passes = facts.passes(gemm.density, channels, gemm.bound)
    match facts.encoding:
        case Encoding.DENSE:
            for step in range(passes):
                own = slice(step * facts.depth, (step + 1) * facts.depth)
                yield x[..., own] & 0xFF, w[..., own].view(np.uint8), step == 0
        case Encoding.INDEX:
            values, positions = dbb.encode_indexed(w, passes)
            for step in range(passes):
                yield x & 0xFF, _pairs(values[..., step], positions[..., step]), step == 0
        case Encoding.MASK:
            for index, words in enumerate(_masked(w, passes, facts.nnz, False)):
                yield x & 0xFF, words, index == 0
        case Encoding.HELD:
            split = facts.splits(gemm.density, gemm.bound)
            steps = facts.pass_steps(gemm.density, full, gemm.bound)
            for index, words in enumerate(_masked(w, passes, facts.nnz, split)):
                own = ((1 << facts.nnz) - 1) << facts.nnz * index if split else 0xFF
                values, positions = dap.stream(x, own & (1 << channels) - 1, steps)
                for step in range(steps):
                    yield _pairs(values[..., step], positions[..., step]), words, step == 0


def _pairs(values: np.ndarray, positions: np.ndarray) -> np.ndarray:
    return np.stack([values.astype(np.int16) & 0xFF, positions], -1)


def _masked(w: np.ndarray, passes: int, nnz: int, split: bool):
    """Words of masks and values for each pass; their masks share no position."""
    place = np.arange(BLOCK) if split else np.cumsum(w != 0, axis=-1) - 1
    for index in range(passes):
        values, masks = dbb.encode(np.where(place // nnz == index, w, 0), nnz)
        yield np.concatenate([masks[..., np.newaxis], values.view(np.uint8)], -1)


def run(model: Simulator, kind: str, gemms: Sequence[Gemm]) -> None:
    """Run ``gemms`` on the engine of ``kind``, one after another, as tight as is legal.

    Every sum must be that of the integer product, and every row must come when it should: a tile
    closes ``max(steps, rows that the tile before it drains)`` cycles after that one, or where it
    is read out in place the sum of the two.
    """
    facts = FACTS[kind]
    bench = EdgeBench(facts)
    rng = np.random.default_rng(len(gemms))
    plans = [tiles_of(gemm, facts) for gemm in gemms]
    parts, expected = [], []
    cycle = 0
    for gemm, plan in zip(gemms, plans, strict=True):
        closed, drained = cycle - 1, 0
        for column, row in plan.sequence:
            closed += max(plan.steps, drained) if facts.overlapped else plan.steps + drained
            drained = plan.valid[row]
            parts += [_idle(rng, bench, closed - plan.steps + 1 - cycle, gemm.signed),
                      _edge(bench, plan, column, row, gemm.signed)]
            cycle = closed + 1
            first = closed + facts.drain_start + facts.drain_latency
            expected += range(first, first + drained)
        # The next GEMM's activations may be of the other signedness: let these go by.
        rest = facts.rows + facts.m + facts.n + facts.latency
        parts.append(_idle(rng, bench, rest, gemm.signed))
        cycle += rest
    cycles, sums = _simulate(model, kind, np.concatenate(parts))
    assert cycles.tolist() == expected
    first = 0
    for gemm, plan in zip(gemms, plans, strict=True):
        count = gemm.p * len(plan.columns)
        found = sums[first:first + count].reshape(len(plan.columns), gemm.p, facts.columns)
        found = found.transpose(1, 0, 2).reshape(gemm.p, -1)
        np.testing.assert_array_equal(found[:, :gemm.q], gemm.expected, err_msg=repr(gemm))
        assert not found[:, gemm.q:].any()
        first += count


def _idle(rng: np.random.Generator, bench: EdgeBench, cycles: int, signed: bool) -> np.ndarray:
    edge = rng.integers(0, 256, (cycles, bench.bytes)).astype(np.uint8)
    edge[:, 0] = edge[:, 0] & 0b1110 | signed << 4
    return edge


def _edge(bench: EdgeBench, plan: Tiles, column: int, row: int, signed: bool) -> np.ndarray:
    steps = plan.steps
    control = np.ones((steps, 2), np.uint8)
    control[:, 0] |= plan.starts.astype(np.uint8) << 3 | signed << 4
    control[0, 0] |= 0b0010
    control[-1, 0] |= 0b0100
    control[:, 1] = plan.valid[row]
    return np.concatenate([control, plan.rows[row].reshape(steps, -1),
                           plan.columns[column].reshape(steps, -1)], axis=1)


def _simulate(model: Simulator, kind: str, edge: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cycles [rows] and sums [rows, columns] of the rows that come out."""
    with tempfile.TemporaryDirectory(prefix="systolith-") as name:
        folder = Path(name)
        np.savez(folder / "job.npz", bench=kind.replace("-", "_"), edge=edge)
        model.run("tests.rtl.engine.gemm_bench", job=folder, work=folder)
        with np.load(folder / "rows.npz") as answer:
            return answer["cycles"], answer["sums"]
