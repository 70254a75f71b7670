# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Counted products at rest against a plain model, for every encoding of weights."""

import numpy as np
import pytest
from amaranth import Value
from amaranth.back import rtlil
from systolith.rtl.engine.gating import GatingCount
from systolith.rtl.facts import Encoding

from ..streams import simulate
from .shapes import facts_of

FACTS = {
    "sa": facts_of("sa", m=4, n=3),
    "sta": facts_of("sta", a=2, b=4, c=2, m=2, n=2),
    "sta-deep": facts_of("sta", a=1, b=8, c=3, m=5, n=1),
    "sta-dbb": facts_of("sta-dbb", a=2, b=8, c=2, m=2, n=2, nnz=3),
    "s2ta-w": facts_of("s2ta-w", a=4, b=8, c=1, m=2, n=2, nnz=8),
    "vdbb": facts_of("vdbb", a=2, b=8, c=2, m=3, n=2),
    "s2ta-aw": facts_of("s2ta-aw", a=4, b=8, c=2, m=2, n=2, nnz=4),
    "s2ta-aw-1": facts_of("s2ta-aw", a=1, b=8, c=1, m=1, n=1, nnz=1),
    "s2ta-aw-8": facts_of("s2ta-aw", a=1, b=8, c=3, m=3, n=1, nnz=8),
}


def word(values, width=8):
    return sum(int(value) << width * index for index, value in enumerate(values))


def sparse(rng, shape):
    """Bytes, of which a share that is drawn too is zero."""
    return np.where(rng.random(shape) < rng.choice([0, 0.3, 0.7, 1]), 0,
                    rng.integers(1, 256, shape))


def held(facts):
    return facts.holds_weights


def drawn(rng, facts):
    """Words of all rows and columns, and (activation, weight or None) of every product."""
    f = facts
    if held(f):
        values, places = sparse(rng, f.rows), rng.integers(0, 8, f.rows)
        masks = [int(rng.choice([0, 0xFF if f.nnz == 8 else 1, sum(
            1 << int(p) for p in rng.permutation(8)[:f.nnz])])) for _ in range(f.columns)]
        stored = rng.integers(0, 256, (f.columns, f.nnz))  # a stored zero counts as a weight
        rows = [int(v) | int(p) << 8 for v, p in zip(values, places, strict=True)]
        columns = [mask | word(each) << 8 for mask, each in zip(masks, stored, strict=True)]
        return rows, columns, [(v, mask >> int(p) & 1)
                               for v, p in zip(values, places, strict=True) for mask in masks]
    x = sparse(rng, (f.rows, f.depth))
    rows = [word(row) for row in x]
    w = sparse(rng, (f.columns, f.nnz))
    if f.compressed:
        indices = rng.integers(0, f.reach, (f.columns, f.nnz))
        places = indices + (np.arange(f.nnz) if f.encoding is Encoding.MASK else 0)
        columns = [word([v | p << 8 for v, p in zip(*each, strict=True)], 11)
                   for each in zip(w.tolist(), indices.tolist(), strict=True)]
    else:
        places = np.tile(np.arange(f.depth), (f.columns, 1))
        columns = [word(column) for column in w]
    return rows, columns, [(row[p], v) for row in x
                           for column, at in zip(w, places, strict=True)
                           for v, p in zip(column, at, strict=True)]


@pytest.mark.parametrize("shape", FACTS)
def test_counts_are_those_of_the_products(shape):
    facts = FACTS[shape]
    dut = GatingCount(facts)
    rng = np.random.default_rng(len(shape))

    async def bench(ctx):
        expected = [(0, 0)] * GatingCount.LATENCY
        for now in range(250):
            assert (ctx.get(dut.activation), ctx.get(dut.weight)) == expected.pop(0), now
            rows, columns, products = drawn(rng, facts)
            assert len(products) == facts.multipliers
            valid = rng.random() < 0.8
            ctx.set(dut.activations, rows)
            ctx.set(dut.weights, columns)
            ctx.set(dut.valid, valid)
            await ctx.tick()
            missing = sum(1 for _, w in products if not w)
            zeros = sum(1 for x, w in products if w and not x)
            expected.append((zeros, missing) if valid else (0, 0))

    simulate(dut, bench)


@pytest.mark.parametrize("shape", [shape for shape in FACTS if held(FACTS[shape])])
def test_held_weights_count_in_every_step_that_uses_them(shape):
    facts = FACTS[shape]
    dut = GatingCount(facts)
    counts = []

    async def bench(ctx):
        # Column c has weights at positions 0 ... c; in step s all rows meet position s.
        ctx.set(dut.weights, [(2 << column) - 1 for column in range(facts.columns)])
        for now in range(8 + GatingCount.LATENCY):
            ctx.set(dut.valid, now < 8)
            ctx.set(dut.activations, [0x01 | (now % 8) << 8 if row else (now % 8) << 8
                                      for row in range(facts.rows)])  # row 0 is zero
            counts.append((ctx.get(dut.activation), ctx.get(dut.weight)))
            await ctx.tick()

    simulate(dut, bench)
    hits = [max(facts.columns - step, 0) for step in range(8)]
    assert counts[GatingCount.LATENCY:] == [
        (hit, facts.rows * (facts.columns - hit)) for hit in hits]


def test_counts_reach_all_products():
    facts = FACTS["sta"]
    dut = GatingCount(facts)
    seen = []

    async def bench(ctx):
        ctx.set(dut.valid, 1)
        for fill in (0x00, 0xFF):
            ctx.set(dut.weights, [word([fill] * facts.depth)] * facts.columns)
            await ctx.tick().repeat(GatingCount.LATENCY)
            seen.append((ctx.get(dut.activation), ctx.get(dut.weight)))

    simulate(dut, bench)
    assert seen == [(0, facts.multipliers), (facts.multipliers, 0)]


def test_hundreds_of_slots_can_be_emitted():
    facts = facts_of("sta-dbb", a=4, b=8, c=4, m=1, n=32, nnz=4, zero_gating=True)
    dut = GatingCount(facts)
    ports = [Value.cast(port) for _, _, port in dut.signature.flatten(dut)]
    text = rtlil.convert(dut, ports=ports)
    assert text.count("\n") > facts.columns * facts.nnz
