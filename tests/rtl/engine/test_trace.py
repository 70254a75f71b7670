# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""The worked trace (papers, section 4.8), cycle by cycle, in every TPE of every engine."""

import numpy as np
import pytest
import systolith.rtl.engine.systolic as systolic
import systolith.rtl.pe.tpe as tpe
from amaranth import Module
from systolith.gen.build import parameters
from systolith.gen.compile.lower import LoweredLayer
from systolith.gen.compile.pack import engine_weights
from systolith.gen.compile.plan import plan_blocks
from systolith.gen.spec import load
from systolith.golden.dap import prune_activations, stream
from systolith.golden.dbb import encode, encode_indexed
from systolith.golden.numerics import Requantise, Rounding
from systolith.rtl.engine.decompressor import Decompressor
from systolith.rtl.engine.gating import GatingCount
from systolith.rtl.engine.systolic import SystolicEngine
from systolith.rtl.sequencer.descriptor import Opcode

from ..streams import simulate
from .edge import weight_words, word
from .shapes import facts_of

X = np.array([5, 0, -7, 3, 0, 2, 9, -1], np.int8)
W = np.array([0, 4, 0, -2, 0, 0, 3, 0], np.int8)
ENCODED = 0x00_03_FE_04_4A
DEEP = {"b": 8, "nnz": 4, "zero_gating": True}
FACTS = {
    "sa": facts_of("sa", zero_gating=True),
    "sta": facts_of("sta", a=2, b=2, c=2, zero_gating=True),
    "sta-dbb": facts_of("sta-dbb", a=2, c=2, **DEEP),
    "vdbb": facts_of("vdbb", a=2, c=2, **DEEP),
    "s2ta-w": facts_of("s2ta-w", a=2, c=2, **DEEP),
    "s2ta-aw": facts_of("s2ta-aw", a=2, c=2, **DEEP),
}
KEPT = prune_activations(X, zero_point=0, bound=3)


def pairs(values, positions):
    return [(int(value) & 0xFF) | int(position) << 8
            for value, position in zip(values, positions, strict=True)]


def ascending(x):
    """The kept activations in ascending position: S2TA-AW in the papers' trace."""
    positions = np.flatnonzero(prune_activations(x, zero_point=0, bound=3))
    return x[positions], positions


def largest_first(x):
    """... in the order in which the DAP unit finds them."""
    return stream(x, 0xFF, 3)


class Step:
    """An array step: a word for each row and for each column, and each cell's products."""

    def __init__(self, rows, columns, products, start):
        self.rows, self.columns, self.products, self.start = rows, columns, products, start


def in_slots(x, w, nnz):
    """Products of a block where each is multiplied: slot s reaches positions s ... s + 8 - nnz."""
    products = [0] * nnz
    for rank, position in enumerate(np.flatnonzero(w).tolist()):
        products[max(rank, position - (8 - nnz))] = int(x[position]) * int(w[position])
    return products


def steps_of(kind, xs, ws, depth=8, order=ascending):
    """Steps of the first ``depth`` channels of activations ``xs`` and weights ``ws``."""
    f = FACTS[kind]

    def cells(product):
        return [[product(x, w) for w in ws] for x in xs]

    if kind in ("sa", "sta"):
        for first in range(0, depth, f.depth):
            own = slice(first, first + f.depth)
            yield Step([word(x[own]) for x in xs], [word(w[own]) for w in ws],
                       cells(lambda x, w, own=own: (x[own].astype(int) * w[own]).tolist()),
                       first == 0)
    elif kind in ("sta-dbb", "s2ta-w"):
        yield Step([word(x) for x in xs], weight_words(f, np.array(ws))[0],
                   cells(lambda x, w: in_slots(x, w, f.nnz)), True)
    elif kind == "vdbb":
        slots = [pairs(*encode_indexed(w, 4)) for w in ws]
        for s in range(4):
            yield Step([word(x) for x in xs], [each[s] for each in slots],
                       cells(lambda x, w, s=s: [
                           int(x[encode_indexed(w, 4)[1][s]]) * int(encode_indexed(w, 4)[0][s])]),
                       s == 0)
    else:
        slots = [pairs(*order(x)) for x in xs]
        for s in range(3):
            yield Step([each[s] for each in slots], weight_words(f, np.array(ws))[0],
                       cells(lambda x, w, s=s: [int(order(x)[0][s]) * int(w[order(x)[1][s]])]),
                       s == 0)


def int8(octet):
    return octet - 256 * (octet >> 7)


def run(facts, steps, monkeypatch):
    """By cycle: sums and products in every (row, column), and what gating counts.

    What is held lies at the engine's edge only where its block starts.
    """
    grid = []

    class Recorded(systolic.Tpe):
        def __init__(self, facts):
            super().__init__(facts)
            self.dots = []
            grid.append(self)

        def body(self, platform):
            def record(**shape):
                self.dots.append(plain(**shape))
                return self.dots[-1]
            plain, tpe.DotProduct = tpe.DotProduct, record
            try:
                return super().body(platform)
            finally:
                tpe.DotProduct = plain

    monkeypatch.setattr(systolic, "Tpe", Recorded)
    m = Module()
    m.submodules.engine = engine = SystolicEngine(facts)
    m.submodules.decompressor = decompressor = Decompressor(facts)
    m.submodules.counted = counted = Decompressor(facts)
    m.submodules.gating = gating = GatingCount(facts)
    m.d.comb += [engine.i_weights.eq(decompressor.o), gating.weights.eq(counted.o),
                 gating.valid.eq(engine.i_token.valid)]

    def dot(row, column):
        i, a = divmod(row, facts.a)
        j, c = divmod(column, facts.c)
        return grid[i * facts.n + j].dots[c * facts.a + a]

    sums, products, counts = [], [], []

    async def bench(ctx):
        ctx.set(engine.signed_activations, 1)
        for now in range(len(steps) + facts.m + facts.n + facts.latency + 1):
            valid = now < len(steps)
            if valid:
                step = steps[now]
                ctx.set(gating.activations, step.rows)
                ctx.set(counted.i, step.columns)
                flip_rows = -1 if facts.holds_activations and not step.start else 0
                flip_columns = -1 if facts.holds_weights and not step.start else 0
                ctx.set(engine.i_activations, [
                    (row ^ flip_rows) & (1 << facts.activation_bits) - 1 for row in step.rows])
                ctx.set(decompressor.i, [
                    (column ^ flip_columns) & (1 << facts.stored_bits) - 1
                    for column in step.columns])
            ctx.set(engine.i_token, {"valid": valid, "first": now == 0,
                                     "last": now == len(steps) - 1,
                                     "start": valid and steps[now].start})
            cells = [[dot(row, column) for column in range(facts.columns)]
                     for row in range(facts.rows)]
            sums.append([[ctx.get(cell.accumulator) for cell in line] for line in cells])
            products.append([[[int8(ctx.get(cell.activations[s])) * ctx.get(cell.weights[s])
                               for s in range(facts.products)] for cell in line]
                             for line in cells])
            counts.append((ctx.get(gating.activation), ctx.get(gating.weight)))
            await ctx.tick()

    simulate(m, bench)
    return np.array(sums), products, counts[GatingCount.LATENCY:][:len(steps)]


def check(facts, steps, monkeypatch):
    """TPE (i, j) does step s in cycle ``s + i + j``, ``latency`` after it was presented."""
    sums, products, counts = run(facts, steps, monkeypatch)
    for row in range(facts.rows):
        for column in range(facts.columns):
            start = facts.latency + row // facts.a + column // facts.c
            mine = [step.products[row][column] for step in steps]
            assert [products[start + s][row][column] for s in range(len(steps))] == mine
            after = np.cumsum([sum(each) for each in mine]).tolist()
            final = [after[-1]] * (len(sums) - start - 1 - len(steps))
            assert sums[:, row, column].tolist() == [0] * (start + 1) + after + final
    for step, (activation, weight) in zip(steps, counts, strict=True):
        assert activation + weight == np.count_nonzero(np.array(step.products) == 0)
    first = facts.latency + 1
    return sums[first:first + len(steps), 0, 0].tolist()


TRACES = [
    ("sa", 8, ascending, [0, 0, 0, -6, -6, -6, 21, 21]),
    ("sta", 4, ascending, [0, -6]),
    ("sta", 8, ascending, [0, -6, -6, 21]),
    ("sta-dbb", 8, ascending, [21]),
    ("s2ta-w", 8, ascending, [21]),
    ("vdbb", 8, ascending, [0, -6, 21, 21]),
    ("s2ta-aw", 8, ascending, [0, 0, 27]),
    ("s2ta-aw", 8, largest_first, [27, 27, 27]),
]


@pytest.mark.parametrize(("kind", "depth", "order", "expected"), TRACES)
def test_every_tpe_in_every_cycle(kind, depth, order, expected, monkeypatch):
    f = FACTS[kind]
    xs = [np.roll(X, row) for row in range(f.rows)]
    ws = [np.roll(W, column) for column in range(f.columns)]
    steps = list(steps_of(kind, xs, ws, depth, order))
    assert check(f, steps, monkeypatch) == expected


def test_sta_of_the_paper_on_four_cycles(monkeypatch):
    f = FACTS["sta"]
    xs = [np.full(8, 1 + row, np.int8) for row in range(f.rows)]
    ws = [np.repeat([1, 10, 1, 1], 2).astype(np.int8)] * f.columns  # step 1 counts ten times
    sums, _, _ = run(f, list(steps_of("sta", xs, ws, 4)), monkeypatch)
    doing = []
    for now in range(4):
        change = (sums[now + f.latency + 1] - sums[now + f.latency])[::f.a, ::f.c]
        units = change // (2 * np.array([[1], [3]]))  # of TPE rows 0 and 1
        doing.append({f"T{i}{j}": {1: "s0", 10: "s1"}[int(units[i, j])]
                      for i, j in zip(*np.nonzero(units), strict=True)})
    assert doing == [{"T00": "s0"}, {"T00": "s1", "T01": "s0", "T10": "s0"},
                     {"T01": "s1", "T10": "s1", "T11": "s0"}, {"T11": "s1"}]


# Products at rest, by cause, of one row and one column: (activation is zero, no weight).
REST = {
    "sa": [(0, 1), (1, 0), (0, 1), (0, 0), (0, 1), (0, 1), (0, 0), (0, 1)],
    "sta": [(1, 1), (0, 1), (0, 2), (0, 1)],
    "sta-dbb": [(1, 1)],  # x1 is zero, and the fourth slot has no weight
    "s2ta-w": [(1, 1)],
    "vdbb": [(1, 0), (0, 0), (0, 0), (0, 1)],
    "s2ta-aw": [(0, 1), (0, 1), (0, 0)],  # p0 and p2 miss
}


@pytest.mark.parametrize("kind", FACTS)
def test_what_rests(kind, monkeypatch):
    f = FACTS[kind]
    one = facts_of(kind, b=f.depth, m=1, n=1, nnz=4, zero_gating=True)
    _, _, counts = run(one, list(steps_of(kind, [X], [W])), monkeypatch)
    assert counts == REST[kind]


def test_a_zero_that_hits_rests_for_its_activation(monkeypatch):
    one = facts_of("s2ta-aw", m=1, n=1, **DEEP)
    columns = [ENCODED]
    steps = [Step(pairs([x], [p]), columns, None, s == 0)
             for s, (x, p) in enumerate([(0, 1), (3, 3), (0, 0)])]
    sums, _, counts = run(one, steps, monkeypatch)
    assert counts == [(1, 0), (0, 0), (0, 1)]
    assert sums[one.latency + 1:, 0, 0].tolist()[:3] == [0, -6, -6]


def test_pruned_activations_of_the_trace():
    assert KEPT.tolist() == [5, 0, -7, 0, 0, 0, 9, 0]
    assert int(KEPT.astype(int) @ W) == 27 and int(X.astype(int) @ W) == 21
    values, positions = largest_first(X)
    assert values.tolist() == [9, -7, 5] and positions.tolist() == [6, 2, 0]


def test_encoded_word():
    values, mask = encode(W, 4)
    assert (int(mask), values.tolist()) == (0b01001010, [4, -2, 3, 0])
    for kind in ("sta-dbb", "s2ta-w", "s2ta-aw"):
        assert weight_words(FACTS[kind], W[np.newaxis]) == [[ENCODED]]


@pytest.mark.parametrize("kind", ["sta-dbb", "s2ta-w", "s2ta-aw"])
def test_packed_word(kind):
    p = parameters(load("demo", [f"engine.kind={kind}", "postproc.lanes=8"]))
    assert p.facts.nnz == 4
    layer = LoweredLayer(
        name="trace", kind="CONV_2D", opcode=Opcode.MATRIX, source=0, output=1,
        source_shape=(1, 1, 8), output_shape=(1, 1, 2), kernel=(1, 1), stride=(1, 1),
        padding=(0, 0), weights=np.stack([W, np.roll(W, 1)]).reshape(2, 1, 1, 8),
        bias=np.zeros(2, np.int32), source_zero_point=-128, requantise=Requantise(
            multiplier=np.ones(2, np.int32), shift=np.zeros(2, np.int32), zero_point=0, low=-128,
            high=127, rounding=Rounding.DOUBLE))
    row, = engine_weights(layer, plan_blocks(layer, p.facts), p)
    assert row[:10].tobytes().hex(" ") == "4a 04 fe 03 00 94 04 fe 03 00"
    assert int.from_bytes(row[:5].tobytes(), "little") == ENCODED
    assert not row[10:].any()
