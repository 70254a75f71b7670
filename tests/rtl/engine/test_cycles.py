# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""The cycle contract: steps of a tile as the papers count them, and tiles behind the issuer."""

import numpy as np
import pytest
from systolith.rtl.operand.drain import Drain
from systolith.rtl.operand.im2col import block_tag
from systolith.rtl.operand.issuer import Issuer

from ...further import further
from ..streams import simulate, stream_put
from .edge import SHAPES, build
from .gemm import Gemm, tiles_of
from .shapes import facts_of

TAG = 24
BASE = 5  # first weight row


@pytest.mark.parametrize("blocks", [1, 3, 8])
@pytest.mark.parametrize("nnz", range(1, 9))
def test_steps_of_a_tile_are_the_papers(nnz, blocks):
    channels = 8 * blocks

    def steps(kind, bound=8, **shape):
        return tiles_of(Gemm(p=3, k=channels, q=3, nnz=nnz, bound=bound, x="any", w="highest"),
                        facts_of(kind, **shape)).steps

    dbb = {"b": 8, "nnz": 4}
    passes = 1 if nnz <= 4 else 2
    assert steps("sa") == channels
    for depth in (1, 2, 4, 8):
        assert steps("sta", b=depth) == channels // depth
    assert steps("sta-dbb", **dbb) == steps("s2ta-w", **dbb) == passes * blocks
    assert steps("vdbb", b=8) == nnz * blocks
    for bound in (1, 2, 3, 4, 5):
        assert steps("s2ta-aw", bound, **dbb) == passes * bound * blocks
    assert steps("s2ta-aw", 8, **dbb) == 8 * blocks  # dense weights share out the positions


def bytes_of(words):
    return int.from_bytes(np.ascontiguousarray(words).astype(np.uint8).tobytes(), "little")


def run(shape, gemm):
    """``gemm``'s tiles behind an issuer that never waits for operands: cycle of the first step,
    cycles and sums of all rows."""
    m, engine, decompressor, f = build(shape)
    m.submodules.issuer = issuer = Issuer(
        rows=f.rows, lanes=f.rows, depth=f.depth, beats=1, weight_row_width=10, tag_width=TAG,
        held_slots=f.nnz if f.holds_weights else None, overlapped=f.overlapped)
    m.submodules.drain = drain = Drain(rows=f.rows, beats=1, drain_start=f.drain_start,
                                       drain_latency=f.drain_latency)
    m.d.comb += [
        engine.i_activations.eq(issuer.activations), engine.i_token.eq(issuer.token),
        drain.issued.eq(issuer.issued), drain.issued_rows.eq(issuer.issued_rows),
        engine.i_drain.eq(drain.drain), engine.i_remaining.eq(drain.remaining),
    ]
    plan = tiles_of(gemm, f)
    assert len(plan.columns) == 1
    stored = plan.columns[0][plan.starts] if f.holds_weights else plan.columns[0]
    weights = [[bytes_of(word) for word in row] for row in stored]
    blocks = -(-gemm.k // 8)
    last = (gemm.k - 1) % 8 + 1
    pass_steps = f.pass_steps(gemm.density, min(gemm.k, 8), gemm.bound)
    steps = [f.passes(gemm.density, channels, gemm.bound) * pass_steps
             for channels in [8] * (blocks - 1) + [last]]
    assert sum(steps) == plan.steps
    # What lies behind the last channel and the last pixel does not matter.
    x = np.random.default_rng(blocks).integers(
        0, 256, (len(plan.valid) * f.rows, blocks, 8)).astype(np.uint8)
    x.reshape(len(x), -1)[:gemm.p, :gemm.k] = gemm.activations.astype(np.uint8)
    firsts, log = [], []

    async def produce(ctx):
        ctx.set(engine.signed_activations, gemm.signed)
        ctx.set(issuer.is_signed, gemm.signed)
        ctx.set(issuer.pass_steps, pass_steps)
        ctx.set(issuer.split, f.splits(gemm.density, gemm.bound))
        ctx.set(issuer.last_channels, last)
        ctx.set(issuer.parameters_ready, 1)
        ctx.set(issuer.weight_row, BASE)
        ctx.set(issuer.start, 1)
        await ctx.tick()
        ctx.set(issuer.start, 0)
        tag = block_tag(rows=f.rows, pieces=1)
        for tile, rows in enumerate(plan.valid):
            for block in range(blocks):
                value = tag.const({
                    "block_done": 1, "steps": steps[block], "tail": block == blocks - 1,
                    "tile_last": block == blocks - 1, "rows": rows, "new_columns": tile == 0,
                    "rewind": tile < len(plan.valid) - 1}).as_value().value
                words = x[tile * f.rows:(tile + 1) * f.rows, block]
                await stream_put(ctx, issuer.i, {
                    "values": [bytes_of(word) for word in words],
                    "write": (1 << f.rows) - 1, "done": 1, "tag": value})

    async def remember(ctx):
        while True:
            _, _, enable, row = await ctx.tick().sample(issuer.read_enable, issuer.read_row)
            if enable and BASE <= row < BASE + len(weights):
                ctx.set(decompressor.i, [word & (1 << f.stored_bits) - 1
                                         for word in weights[row - BASE]])

    async def watch(ctx):
        cycle = 0
        while len(log) < gemm.p:
            _, _, valid, row_valid, sums = await ctx.tick().sample(
                issuer.token.valid, drain.row_valid, engine.o_results)
            if valid and not firsts:
                firsts.append(cycle)
            if row_valid:
                log.append((cycle, list(sums)))
            cycle += 1

    simulate(m, produce, watch, background=(remember,))
    return plan, firsts[0], log


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("k", "nnz", "bound"), [
    (24, 8, 8), (13, 4, 3), *further([(8, 1, 1), (3, 2, 8)])])
def test_tiles_follow_one_another_as_summed(shape, k, nnz, bound):
    f = build(shape)[3]
    if not f.holds_weights:
        bound = 8
    gemm = Gemm(p=3 * f.rows + 1, k=k, q=f.columns, nnz=nnz, bound=bound, signed=nnz % 2,
                seed=k)
    plan, first, rows = run(shape, gemm)
    together = max if f.overlapped else int.__add__
    tiles = [together(plan.steps, before) for before in (0, *plan.valid[:-1])]
    closed = first + sum(tiles) - 1
    # The last row starts down after the rows of its tile, and has all columns to cross.
    assert rows[-1][0] == closed + f.latency + f.m + f.n - 1 + plan.valid[-1] - 1
    found = np.array([sums for _, sums in rows])[:, :gemm.q]
    np.testing.assert_array_equal(found, gemm.expected)
    # A tile takes S + M + N - 2 + L cycles to the last sum; its first row is out in the next.
    assert rows[0][0] == first + plan.steps + f.m + f.n - 2 + f.latency
