# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Gather requests of whole layers against loops over the geometry."""

import random

import pytest
from amaranth.lib import data
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from systolith.rtl.operand.im2col import Im2col, block_tag

from ..streams import idle, simulate, stream_get, stream_put, watch_held

BITS = 12
SHARES = [(0, 0), (1, 0), (0, 1)]
TAG = 24
# A simulation takes too long for hundreds of attempts at a smaller example.
SEARCH = settings(derandomize=True, deadline=None, max_examples=25, phases=[Phase.generate])


def order(columns, tiles, tile_major):
    """(column, tile, new columns, rewind) in the order in which tiles are read."""
    if tile_major:
        for tile in range(tiles):
            for column in range(columns):
                yield column, tile, tile == 0 or columns > 1, column == columns - 1
    else:
        for column in range(columns):
            for tile in range(tiles):
                yield column, tile, tile == 0, tile < tiles - 1


def entries(rng, d, shares):
    """A schedule: for each column tile some taps of some blocks in order, at least one.

    An entry's words may be the neighbours' of the entry before, or of the one before that.
    """
    taps = [(block, ky, kx) for block in range(d["channel_blocks"])
            for ky in range(d["kernel_height"]) for kx in range(d["kernel_width"])]
    for _ in range(d["column_tiles"]):
        chosen = sorted(rng.sample(taps, rng.randint(1, len(taps))))
        yield [{"last": tap == chosen[-1], "tail": tap[0] == d["channel_blocks"] - 1,
                "near": near, "far": far, "steps": rng.randrange(8), "kx": tap[2], "ky": tap[1],
                "tap": rng.getrandbits(BITS)}
               for tap in chosen for near, far in [rng.choice(shares)]]


def requests(d, schedule, rows, lanes, tile_major=False):
    """(addresses, shifted lanes, tag) of every request, addresses of lanes inside only."""
    pixels = [(y, x) for y in range(d["out_height"]) for x in range(d["out_width"])]
    tiles = [pixels[start:start + rows] for start in range(0, len(pixels), rows)]
    pieces = rows // lanes
    for column, index, new_columns, rewind in order(len(schedule), len(tiles), tile_major):
        tile = tiles[index]
        for entry in schedule[column]:
            for piece in range(pieces):
                words = {}
                shifted = set()
                slots = tile[piece * lanes:(piece + 1) * lanes]
                for lane, (y, x) in enumerate(slots):
                    in_y = y * d["stride_y"] + entry["ky"] - d["pad_y"]
                    in_x = x * d["stride_x"] + entry["kx"] - d["pad_x"]
                    if 0 <= in_y < d["in_height"] and 0 <= in_x < d["in_width"]:
                        words[lane] = (d["pixel_base"] + y * d["pixel_y"]
                                       + x * d["pixel_x"] + entry["tap"]) % (1 << BITS)
                    right = tile[piece * lanes + lane + 1:][:1]
                    if right == [(y, x + 1)] and (entry["near"] or entry["far"]):
                        shifted.add(lane)
                yield words, shifted, {
                    "piece": piece,
                    "block_done": piece == pieces - 1,
                    "far": entry["far"],
                    "tail": entry["tail"],
                    "steps": entry["steps"] + 1,
                    "tile_last": entry["last"],
                    "rows": len(tile),
                    "new_columns": new_columns,
                    "rewind": rewind,
                }


def feed(dut, d, schedule, rows, wait=0, tile_major=False):
    """A background bench: the schedule's entries, tile after tile, as they are taken."""
    tiles = -(-d["out_width"] * d["out_height"] // rows)

    async def bench(ctx):
        rng = random.Random(wait)
        for column, *_ in order(len(schedule), tiles, tile_major):
            for entry in schedule[column]:
                await idle(ctx, rng.randint(0, wait))
                await stream_put(ctx, dut.i, entry)
    return bench


def build(rows, lanes):
    return Im2col(rows=rows, lanes=lanes, address_width=BITS, tag_width=TAG)


def compare(dut, payload, expected):
    words, shifted, tag = expected
    inside = {lane: payload.addresses[lane] for lane in range(dut.lanes)
              if payload.inside >> lane & 1}
    assert inside == words
    assert {lane for lane in range(dut.lanes) if payload.shift >> lane & 1} == shifted
    layout = block_tag(rows=dut.rows, pieces=dut.rows // dut.lanes)
    actual = data.Const(layout, payload.tag)
    assert {name: getattr(actual, name) for name, _ in layout} == tag


async def pulse(ctx, signal):
    ctx.set(signal, 1)
    await ctx.tick()
    ctx.set(signal, 0)


def check(d, rows, lanes, wait, gaps=0, tile_major=False):
    dut = build(rows, lanes)
    schedule = list(entries(random.Random(rows), d, SHARES))
    expected = list(requests(d, schedule, rows, lanes, tile_major))

    async def bench(ctx):
        rng = random.Random(len(expected))
        ctx.set(dut.descriptor, d)
        ctx.set(dut.tile_major, tile_major)
        await pulse(ctx, dut.start)
        for request in expected:
            await idle(ctx, rng.randint(0, wait))
            compare(dut, await stream_get(ctx, dut.o), request)
        await idle(ctx, rows + 5)
        assert ctx.get(dut.o.valid) == 0

    simulate(dut, bench, cycles=6_000, background=[
        feed(dut, d, schedule, rows, gaps, tile_major),
        watch_held(dut.o.valid, dut.o.ready, dut.o.payload.inside, dut.o.payload.tag)])


address = st.integers(0, (1 << BITS) - 1)
geometry = st.fixed_dictionaries({
    "out_width": st.integers(1, 6), "out_height": st.integers(1, 5),
    "in_width": st.integers(1, 9), "in_height": st.integers(1, 9),
    "kernel_width": st.integers(1, 3), "kernel_height": st.integers(1, 3),
    "pad_x": st.integers(0, 2), "pad_y": st.integers(0, 2),
    "channel_blocks": st.integers(1, 3), "column_tiles": st.integers(1, 2),
    "stride_x": st.integers(1, 2), "stride_y": st.integers(1, 2),
    "pixel_base": address, "pixel_x": address, "pixel_y": address,
})


@settings(SEARCH)
@given(d=geometry, shape=st.sampled_from([(1, 1), (4, 4), (4, 2), (6, 3), (8, 2)]),
       wait=st.sampled_from([0, 2]), gaps=st.sampled_from([0, 2]), tile_major=st.booleans())
def test_requests(d, shape, wait, gaps, tile_major):
    check(d, *shape, wait, gaps, tile_major)


EXAMPLE = {
    "out_width": 5, "out_height": 4, "in_width": 5, "in_height": 4, "kernel_width": 3,
    "kernel_height": 3, "pad_x": 1, "pad_y": 1, "channel_blocks": 2, "column_tiles": 2,
    "stride_x": 1, "stride_y": 1, "pixel_base": 0, "pixel_x": 1, "pixel_y": 5,
}


def test_same_padding():
    check(EXAMPLE, 8, 8, 0)


def test_one_request_a_cycle():
    dut = build(4, 2)
    schedule = list(entries(random.Random(1), EXAMPLE, SHARES))
    count = len(list(requests(EXAMPLE, schedule, 4, 2)))
    valids = []

    async def bench(ctx):
        ctx.set(dut.descriptor, EXAMPLE)
        ctx.set(dut.o.ready, 1)
        await pulse(ctx, dut.start)
        for _ in range(count + 10):
            _, _, valid = await ctx.tick().sample(dut.o.valid)
            valids.append(valid)

    simulate(dut, bench, background=[feed(dut, EXAMPLE, schedule, 4)])
    first = valids.index(1)
    assert first == 4 + 1  # a pixel a cycle, then the slots move on
    assert valids == [0] * first + [1] * count + [0] * (10 - first)


def test_stop_gives_up_and_start_begins_anew():
    dut = build(4, 4)
    schedule = list(entries(random.Random(2), EXAMPLE, SHARES))

    async def bench(ctx):
        ctx.set(dut.descriptor, EXAMPLE)
        flat = [entry for column in schedule for entry in column * 5]
        for taken in (0, 3, 40):
            await pulse(ctx, dut.start)
            for request, entry in zip(list(requests(EXAMPLE, schedule, 4, 4))[:taken], flat,
                                      strict=False):
                ctx.set(dut.i.payload, entry)
                ctx.set(dut.i.valid, 1)
                compare(dut, await stream_get(ctx, dut.o), request)
            ctx.set(dut.i.valid, 0)
            await pulse(ctx, dut.stop)
            ctx.set(dut.i.valid, 1)
            for _ in range(8):
                assert ctx.get(dut.o.valid) == 0
                await ctx.tick()
            ctx.set(dut.i.valid, 0)

    simulate(dut, bench)


def test_lanes_must_divide_rows():
    with pytest.raises(ValueError, match="^Gather lanes must be a divisor of 4 rows, not 3$"):
        build(4, 3)
