# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Tiles of random shapes, written and read at random paces, against a list of pixels."""

import random

import pytest
from amaranth.lib import data
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from systolith.rtl.operand.im2col import block_tag
from systolith.rtl.operand.tile_buffer import TileBuffer

from ..streams import idle, sample_until, simulate, stream_get, stream_put, watch_held

TAG = 24
# A simulation takes too long for hundreds of attempts at a smaller example.
SEARCH = settings(derandomize=True, deadline=None, max_examples=25, phases=[Phase.generate])
FLIP = 0x8080808080808080


def build(rows, lanes, words, blocks):
    return TileBuffer(rows=rows, lanes=lanes, words=words, blocks=blocks, address_width=8,
                      tag_width=TAG)


def requests(sizes, rows, lanes, blocks, columns):
    """(tile, block, piece, tag) in the order in which im2col asks."""
    pieces = rows // lanes
    layout = block_tag(rows=rows, pieces=pieces)
    for tile, size in enumerate(sizes):
        for column in range(columns):
            for block in range(blocks):
                for piece in range(pieces):
                    yield tile, block, piece, layout.const({
                        "piece": piece, "block_done": piece == pieces - 1,
                        "tile_last": block == blocks - 1, "rows": size,
                        "rewind": column == columns - 1}).as_value().value


@settings(SEARCH)
@given(shape=st.sampled_from([(4, 4), (8, 8), (8, 4), (8, 2)]), words=st.sampled_from([1, 2, 4]),
       blocks=st.integers(1, 6), columns=st.integers(1, 3), last=st.integers(1, 4),
       slow=st.sampled_from(["nobody", "writer", "reader", "both"]), flip=st.booleans())
def test_tiles(shape, words, blocks, columns, last, slow, flip):
    rows, lanes = shape
    dut = build(rows, lanes, words, blocks)
    rng = random.Random(rows * words + blocks)
    sizes = [rows, rows, rows, last]
    groups = -(-blocks // words)
    tiles = [[[rng.getrandbits(64) for _ in range(groups * words)] for _ in range(size)]
             for size in sizes]

    async def writer(ctx):
        ctx.set(dut.groups, groups)
        for tile in tiles:
            await sample_until(ctx, dut.free)
            ctx.set(dut.claim, 1)
            await ctx.tick()
            ctx.set(dut.claim, 0)
            for group in range(groups):
                for index, pixel in enumerate(tile):
                    await idle(ctx, rng.randint(0, 3 * (slow in ("writer", "both"))))
                    ctx.set(dut.valid, 1)
                    ctx.set(dut.values, pixel[group * words:(group + 1) * words])
                    ctx.set(dut.tile_end, index == len(tile) - 1)
                    await ctx.tick()
                    ctx.set(dut.valid, 0)

    expected = list(requests(sizes, rows, lanes, blocks, columns))

    async def asker(ctx):
        for tile, block, piece, tag in expected:
            inside = sum(1 << lane for lane in range(lanes)
                         if piece * lanes + lane < sizes[tile])
            await stream_put(ctx, dut.i, {"group": 0, "addresses": [block] * lanes, "shift": 0,
                                          "inside": inside, "tag": tag})

    async def reader(ctx):
        ctx.set(dut.flip, flip)
        ctx.set(dut.pad_value, 0x5A)
        for tile, block, piece, tag in expected:
            await idle(ctx, rng.randint(0, 3 * (slow in ("reader", "both"))))
            payload = await stream_get(ctx, dut.o)
            assert (payload.tag, payload.write, payload.shift, payload.done) == (
                tag, (1 << lanes) - 1, 0, 1)
            for lane in range(lanes):
                pixel = piece * lanes + lane
                assert payload["values"][lane] == (
                    tiles[tile][pixel][block] ^ (FLIP if flip else 0) if pixel < sizes[tile]
                    else 0x5A5A5A5A5A5A5A5A)
        await idle(ctx, 3)
        assert ctx.get(dut.o.valid) == 0

    simulate(dut, reader, background=[
        writer, asker, watch_held(dut.o.valid, dut.o.ready, dut.o.payload.as_value())])


def test_one_piece_a_cycle():
    dut = build(4, 4, 2, 4)
    valids = []

    async def bench(ctx):
        ctx.set(dut.groups, 2)
        ctx.set(dut.o.ready, 1)
        for index in range(8):
            ctx.set(dut.valid, 1)
            ctx.set(dut.tile_end, index % 4 == 3)
            await ctx.tick()
        ctx.set(dut.valid, 0)
        ctx.set(dut.i.valid, 1)
        for _ in range(6):
            _, _, ready, valid = await ctx.tick().sample(dut.i.ready, dut.o.valid)
            valids.append((ready, valid))

    simulate(dut, bench)
    # The cycle after the last write is the first that takes a request.
    assert TileBuffer.FULL_DELAY == 1
    assert valids == [(1, 0)] + [(1, 1)] * 5


def test_two_tiles_and_no_more():
    dut = build(4, 4, 1, 1)
    tag = block_tag(rows=4, pieces=1).const(
        {"block_done": 1, "tile_last": 1, "rewind": 1}).as_value().value

    async def bench(ctx):
        ctx.set(dut.groups, 1)
        for _ in range(2):
            assert ctx.get(dut.free) == 1
            ctx.set(dut.claim, 1)
            await ctx.tick()
        ctx.set(dut.claim, 0)
        assert ctx.get(dut.free) == 0
        ctx.set(dut.valid, 1)
        ctx.set(dut.tile_end, 1)
        await ctx.tick()
        ctx.set(dut.valid, 0)
        assert ctx.get(dut.free) == 0
        await stream_put(ctx, dut.i, {"group": 0, "addresses": [0] * 4, "shift": 0, "inside": 15,
                                      "tag": tag})
        assert ctx.get(dut.free) == 1
        ctx.set(dut.stop, 1)
        await ctx.tick()
        ctx.set(dut.stop, 0)
        assert (ctx.get(dut.o.valid), ctx.get(dut.free), ctx.get(dut.i.ready)) == (0, 1, 0)

    simulate(dut, bench)


def test_tag_is_im2cols():
    dut = build(8, 2, 1, 1)
    assert data.StructLayout(dut.tag.members) == block_tag(rows=8, pieces=4)


def test_lanes_must_divide_rows():
    with pytest.raises(ValueError, match="^Lanes must be a divisor of 8 rows, not 3$"):
        build(8, 3, 1, 1)
    with pytest.raises(ValueError, match="^Words written at once must be a power of two, not 3$"):
        build(8, 4, 3, 1)
