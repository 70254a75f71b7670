# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Every engine through one harness: products of matrices, tile after tile, and when."""

import itertools
import random

import numpy as np
import pytest
import systolith.rtl.engine.systolic as systolic
import systolith.rtl.pe.tpe as elements
from amaranth import Shape, Signal
from amaranth.lib import data
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from systolith.golden.dbb import prune
from systolith.rtl.kinds import facts_of
from systolith.rtl.parameters import EngineParameters

from ..streams import simulate
from .edge import SHAPES, build, edge_words, octets, product, weight_words, word


def tile(rng, facts, steps, nnz=None):
    """Activations [rows, steps, depth] and weights [columns, steps, depth], as dense as allowed.

    ``nnz``: of the operands that stream by a held block, otherwise any.
    """
    weights = octets(rng, (facts.columns, steps, facts.depth))
    activations = octets(rng, (facts.rows, steps, facts.depth))
    streamed = nnz or int(rng.integers(1, 9))
    if facts.compressed:
        bound = streamed if facts.holds_activations else facts.nnz
        weights = prune(weights.reshape(facts.columns, -1), nnz=bound).reshape(weights.shape)
    if facts.holds_weights:
        activations = prune(activations.reshape(facts.rows, -1), nnz=streamed).reshape(
            activations.shape)
    return activations, weights


def run(shape, tiles, *, signed, beats=1, bubbles=None, bits=32, closer=0, early=0):
    """Rows drained of each of ``tiles`` (activations, weights, v), at the least legal spacing.

    ``bubbles``: a generator of the idle cycles before each step. ``closer``, ``early``: cycles by
    which tiles and drains come sooner than is legal.
    """
    m, engine, decompressor, facts = build(shape, bits)
    presented, drains, expected = {}, {}, {}
    cycle, free = 0, 0
    for activations, weights, v in tiles:
        steps = activations.shape[1]
        slots = [(rows, columns, index == 0) for step in range(steps)
                 for index, (rows, columns) in enumerate(
                     edge_words(facts, activations[:, step], weights[:, step]))]
        for slot, (rows, columns, start) in enumerate(slots):
            cycle += next(bubbles) if bubbles else 0
            if slot == (len(slots) - 1 if facts.overlapped else 0):
                cycle = max(cycle, free)
            presented[cycle] = (rows, columns, {"valid": 1, "first": slot == 0, "start": start,
                                               "last": slot == len(slots) - 1})
            cycle += 1
        closed = cycle - 1
        free = closed + v * beats + (not facts.overlapped) - closer
        result = product(activations, weights, signed, bits)
        for row in range(v):
            strobe = closed + facts.drain_start + row * beats - early
            assert strobe not in drains or closer
            drains.setdefault(strobe, v - 1 - row)
            expected.setdefault(strobe + facts.drain_latency, result[facts.rows - 1 - row])

    async def bench(ctx):
        rng = np.random.default_rng(1)
        ctx.set(engine.signed_activations, signed)
        for now in range(max(expected) + 1):
            step = presented.get(now)
            if step is None:  # whatever lies there does not matter
                noise = {name: int(rng.integers(2)) for name in ("first", "last", "start")}
                ctx.set(engine.i_token, {"valid": 0, **noise})
            else:
                rows, columns, token = step
                if rows is None:  # the block is held: what lies at the edge does not matter
                    rows = [word(row) for row in octets(rng, (facts.rows, facts.depth))]
                if columns is None:
                    columns = [word(row) for row in octets(rng, (facts.columns, 1 + facts.nnz))]
                ctx.set(engine.i_activations, rows)
                ctx.set(decompressor.i, columns)
                ctx.set(engine.i_token, token)
            ctx.set(engine.i_drain, now in drains)
            ctx.set(engine.i_remaining, drains.get(now, 0))
            if now in expected:
                assert list(ctx.get(engine.o_results)) == expected[now].tolist(), f"cycle {now}"
            await ctx.tick()

    simulate(m, bench)


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("shape", SHAPES)
def test_tiles_at_minimal_spacing(shape, signed):
    facts = build(shape)[3]
    rng = np.random.default_rng(facts.rows)
    partial = list(range(1, facts.rows + 1))
    rows = partial + partial[::-1] + [int(v) for v in rng.permutation(partial)]
    run(shape, [(*tile(rng, facts, int(rng.integers(1, 4))), v) for v in rows], signed=signed)


@pytest.mark.parametrize("shape", SHAPES)
def test_full_tiles_of_single_steps_with_several_beats(shape):
    facts = build(shape)[3]
    rng = np.random.default_rng(2)
    run(shape, [(*tile(rng, facts, 1), v) for v in (facts.rows, 1, facts.rows, 2, 1)],
        signed=0, beats=3)


@pytest.mark.parametrize("shape", SHAPES)
def test_bubbles_between_steps(shape):
    facts = build(shape)[3]
    rng = np.random.default_rng(3)
    bubbles = (int(rng.choice([0, 0, 1, 5])) for _ in iter(int, 1))
    tiles = [(*tile(rng, facts, int(rng.integers(1, 8))), int(rng.integers(1, facts.rows + 1)))
             for _ in range(8)]
    run(shape, tiles, signed=1, bubbles=bubbles)


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=4, deadline=None, derandomize=True,
          phases=[Phase.generate])  # shrinking would simulate for minutes
@given(choices=st.data())
def test_any_tiles_signedness_beats_and_bubbles(shape, choices):
    facts = build(shape)[3]
    draw = choices.draw
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="seed"))
    idle = draw(st.lists(st.integers(0, 3), min_size=1, max_size=6), label="bubbles")
    plan = draw(st.lists(st.tuples(st.integers(1, 5), st.integers(1, facts.rows)),
                         min_size=1, max_size=5), label="steps and rows")
    run(shape, [(*tile(rng, facts, steps), v) for steps, v in plan],
        signed=draw(st.integers(0, 1), label="signed"),
        beats=draw(st.integers(1, 3), label="beats"), bubbles=itertools.cycle(idle),
        bits=draw(st.sampled_from([16, 24, 32]), label="bits"))


class Unknown:
    """``Signal``, whose registers without a reset hold anything at first."""

    def __init__(self, rng):
        self.rng = rng
        self.made = 0

    def _anything(self, shape):
        self.made += 1
        if isinstance(shape, data.ArrayLayout):
            return [self._anything(shape.elem_shape) for _ in range(shape.length)]
        return self.rng.getrandbits(Shape.cast(shape).width - Shape.cast(shape).signed)

    def __call__(self, shape=None, *, reset_less=False, **options):
        if reset_less:
            options["init"] = self._anything(shape)
        return Signal(shape, reset_less=reset_less, **options)

    def like(self, other, *, reset_less=None, **options):
        reset_less = getattr(other, "reset_less", False) if reset_less is None else reset_less
        return self(other.shape(), reset_less=reset_less, **options)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_registers_hold_at_first_does_not_matter(shape, monkeypatch):
    unknown = Unknown(random.Random(shape))
    monkeypatch.setattr(elements, "Signal", unknown)
    facts = build(shape)[3]
    rng = np.random.default_rng(6)
    for first in (1, facts.rows):
        run(shape, [(*tile(rng, facts, int(rng.integers(1, 4))), v)
                    for v in (first, facts.rows, 2)], signed=1)
    assert unknown.made >= 6 * facts.m * facts.n


def test_dense_blocks_in_passes_of_disjoint_masks():
    facts = build("sta-dbb")[3]
    rng = np.random.default_rng(4)
    block = rng.integers(1, 128, (facts.columns, 1, 8))
    passes = facts.passes(8)
    weights = np.concatenate([np.where(np.arange(8) // facts.nnz == each, block, 0)
                              for each in range(passes)], axis=1).astype(np.int8)
    held = np.repeat(octets(rng, (facts.rows, 1, 8)), passes, axis=1)
    assert (product(held, weights, 0, 32) == product(
        held[:, :1], block.astype(np.int8), 0, 32)).all()
    run("sta-dbb", [(held, weights, facts.rows)] * 2, signed=0)


@pytest.mark.parametrize("shape", SHAPES)
def test_sums_are_not_there_a_cycle_before_the_first_legal_drain(shape):
    facts = build(shape)[3]
    ones = [(np.ones((rows, 1, facts.depth), np.int8)) for rows in (facts.rows, facts.columns)]
    ones[0][:, :, facts.depth if not facts.holds_weights else 1:] = 0
    ones[1][:, :, facts.nnz:] = 0
    run(shape, [(*ones, facts.rows)], signed=0)
    missed = facts.drain_start + facts.drain_latency - 1
    with pytest.raises(AssertionError, match=rf"cycle {missed}\b"):
        run(shape, [(*ones, facts.rows)], signed=0, early=1)


@pytest.mark.parametrize("shape", SHAPES)
def test_tiles_a_cycle_too_close_collide(shape):
    facts = build(shape)[3]
    rng = np.random.default_rng(5)
    tiles = [(*tile(rng, facts, 1, nnz=1), facts.rows) for _ in range(3)]
    run(shape, tiles, signed=0)
    overrun = facts.rows + facts.drain_start + facts.drain_latency - 1
    # In place, the top row's sums leave a cycle before the drain that brings them out.
    with pytest.raises(AssertionError, match=rf"cycle {overrun}\b"):
        run(shape, tiles, signed=0, closer=1 if facts.overlapped else 2)


@pytest.mark.parametrize("signed", [0, 1])
def test_extreme_operands(signed):
    facts = build("sta")[3]
    tiles = []
    for x, w in ((-128, -128), (-1, -128), (127, 127), (-128, 127)):
        tiles.append((np.full((facts.rows, 6, facts.depth), x, np.int8),
                      np.full((facts.columns, 6, facts.depth), w, np.int8), facts.rows))
    run("sta", tiles, signed=signed)


def test_narrow_accumulators_wrap():
    facts = build("sta")[3]
    full = (np.full((facts.rows, 8, facts.depth), -1, np.int8),
            np.full((facts.columns, 8, facts.depth), 127, np.int8), facts.rows)
    run("sta", [full, full], signed=0, bits=18)


@pytest.mark.parametrize("shape", SHAPES)
def test_step_reaches_each_tpe_when_promised(shape, monkeypatch):
    made = []

    class Recorded(systolic.Tpe):
        def __init__(self, facts):
            super().__init__(facts)
            made.append(self)

    monkeypatch.setattr(systolic, "Tpe", Recorded)
    m, engine, decompressor, facts = build(shape)
    steps = 5
    ones = np.ones((facts.columns, facts.depth), np.int8)
    ones[:, facts.nnz:] = 0
    seen = {}

    async def bench(ctx):
        # Of a held block the first weight is met in every step.
        ctx.set(engine.i_activations,
                [1 if facts.holds_weights else word([1] * facts.depth)] * facts.rows)
        ctx.set(decompressor.i, weight_words(facts, ones)[0])
        for now in range(steps + facts.m + facts.n + 4):
            ctx.set(engine.i_token, {"valid": now < steps, "first": now == 0, "start": 1,
                                     "last": now == steps - 1})
            await ctx.tick()
            for index, tpe in enumerate(made):
                sums = list(ctx.get(tpe.south_sums))
                whole = [steps * facts.products] * facts.c
                assert sums == whole or not (facts.overlapped and any(sums))
                if sums == whole:
                    seen.setdefault(divmod(index, facts.n), now)  # accumulated at its end

    simulate(m, bench)
    assert len(made) == facts.m * facts.n
    assert seen == {(i, j): steps - 1 + facts.latency + i + j
                    for i in range(facts.m) for j in range(facts.n)}
    assert max(seen.values()) + 1 == steps + facts.m + facts.n - 2 + facts.latency


@pytest.mark.parametrize(("kind", "change", "message"), [
    ("sa", {"a": 2}, "^SA's TPE must be 1x1x1, not 2x1x1$"),
    ("sta", {"b": 3}, "^STA's TPEs must be 1 or 2 or 4 or 8 deep, not 3$"),
    ("sta-dbb", {"b": 4}, "^STA-DBB's TPEs must be 8 deep, not 4$"),
    ("sta-dbb", {"nnz": 9}, r"^NNZ must be 1 \.\.\. 8, not 9$"),
    ("vdbb", {"b": 4}, "^VDBB's TPEs must be 8 deep, not 4$"),
])
def test_shape_must_fit_the_kind(kind, change, message):
    shape = EngineParameters(kind=kind, accumulator_bits=32, **SHAPES[kind] | change)
    with pytest.raises(ValueError, match=message):
        facts_of(shape)


@pytest.mark.parametrize(("nnz", "passes"), [(0, 1), (1, 1), (3, 1), (4, 2), (8, 3)])
def test_passes_over_a_block(nnz, passes):
    facts = build("sta-dbb")[3]
    assert facts.passes(nnz) == passes and facts.pass_steps(nnz) == 1


@pytest.mark.parametrize("nnz", range(9))
def test_held_blocks_take_a_step_a_non_zero(nnz):
    facts = build("vdbb")[3]
    assert facts.passes(nnz) == max(nnz, 1) and facts.pass_steps(nnz) == 1


@pytest.mark.parametrize(("nnz", "channels", "bound", "passes", "steps"), [
    (4, 8, 4, 1, 4), (4, 8, 8, 1, 8), (3, 8, 2, 1, 2), (0, 8, 5, 1, 5),
    (8, 8, 8, 2, 4),  # each pass has four positions
    (8, 8, 3, 2, 3),  # both passes meet the same three activations
    (4, 1, 8, 1, 1), (3, 3, 5, 1, 3), (5, 5, 8, 2, 4)])
def test_held_weights_take_a_step_an_activation(nnz, channels, bound, passes, steps):
    facts = build("s2ta-aw")[3]
    assert facts.passes(nnz, channels, bound) == passes
    assert facts.pass_steps(nnz, channels, bound) == steps
    assert facts.splits(nnz, bound) == (passes == 2 and bound == 8)


@pytest.mark.parametrize(("channels", "steps"), [(1, 1), (4, 1), (5, 2), (8, 2)])
def test_dense_steps_of_a_block(channels, steps):
    facts = build("sta")[3]
    assert facts.passes(8, channels) == steps and facts.pass_steps(8, channels) == 1
