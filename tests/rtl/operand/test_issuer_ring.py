# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Weights in a ring: rows of words, narrow ones of whole blocks, and what is read no more."""

import random

import pytest
from systolith.rtl.operand.issuer import Issuer

from ..streams import idle, simulate, stream_put
from .test_issuer import BASE, TAG, layer, pieces

STEPS = [3, 8, 1, 8]  # of which those of 8 have no positions


def run(dut, tiles):
    """Of every step: the row that it used, its width, ``dense``, and ``released`` behind it."""
    log = []
    rng = random.Random(3)
    offered = list(pieces(rng, dut, tiles, False))
    total = sum(steps for tile in tiles for _, steps, _ in tile["blocks"])

    async def produce(ctx):
        for _ in range(2):  # the second layer begins anew
            ctx.set(dut.weight_row, BASE)
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            for piece in offered:
                await idle(ctx, rng.randint(0, 2))
                await stream_put(ctx, dut.i, piece)
            await idle(ctx, 30)

    async def watch(ctx):
        ctx.set(dut.parameters_ready, 1)
        row = narrow = None
        fired = False
        while len(log) < 2 * total:
            _, _, valid, enable, read_row, read_narrow, dense, released = await ctx.tick().sample(
                dut.token.valid, dut.read_enable, dut.read_row, dut.read_dense, dut.dense,
                dut.released)
            if fired:
                log[-1]["released"] = released
            if valid:
                log.append({"row": row, "narrow": narrow, "dense": dense, "before": released})
            if enable:
                row, narrow = read_row, read_narrow
            fired = valid
        _, _, log[-1]["released"] = await ctx.tick().sample(dut.released)

    simulate(dut, produce, watch)
    return log


@pytest.mark.parametrize(("row_step", "dense_step"), [(3, 2), (6, 4), (5, None)])
def test_rows_and_what_is_released(row_step, dense_step):
    dut = Issuer(rows=4, lanes=4, depth=8, beats=1, weight_row_width=10, tag_width=TAG,
                 row_step=row_step, dense_step=dense_step)
    tiles = layer(random.Random(5), 4, 8, columns=2, tiles=3, blocks=4, steps=STEPS)
    log = run(dut, tiles)
    expected = []
    for _ in range(2):
        row = opening = BASE
        released = 0
        for tile in tiles:
            for _, steps, _ in tile["blocks"]:
                dense = dense_step is not None and steps == 8
                for step in range(steps):
                    words = dense_step if dense else row_step
                    before = released
                    released += 0 if tile["rewind"] else words
                    # Which block comes next is not known yet: its first row is read whole.
                    expected.append({"row": row, "narrow": dense and step > 0, "dense": dense,
                                     "before": before, "released": released})
                    row += words
            if tile["rewind"]:
                row = opening
            else:
                opening = row
        assert released == row - BASE
    if dense_step is None:
        for entry in log:
            assert entry.pop("dense") == entry.pop("narrow") == 0
        expected = [{name: value for name, value in entry.items()
                     if name not in ("dense", "narrow")} for entry in expected]
    assert log == expected
