# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Window columns of whole layers against loops over the geometry."""

import random

import pytest
from amaranth.lib import data
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from systolith.rtl.vector.window import WINDOW, WindowWalker, column_tag

from ..streams import idle, simulate, stream_get, watch_held

BITS = 12
# A simulation takes too long for hundreds of attempts at a smaller example.
SEARCH = settings(derandomize=True, deadline=None, max_examples=25, phases=[Phase.generate])
FLAGS = ("group_first", "fire", "first", "emit", "clear", "tile_end")


TILE = 4  # pixels


def columns(d, blocks, tile_major=False):
    """(addresses of lanes inside, flags that are raised) of every column."""
    outputs = [(y, x) for y in range(d["out_height"])
               for x in range(d["out_width"] if d["sliding"] else 1)]
    size = TILE if tile_major else len(outputs)
    for start in range(0, len(outputs), size):
        for group in range(d["column_tiles"]):
            part = outputs[start:start + size]
            for row in range(part[0][0], part[-1][0] + 1):
                xs = [x for y, x in part if y == row]
                segment = list(_segment(d, blocks, group, row, xs[0], xs[-1]))
                segment[-1][1].update({"tile_end"} if row == part[-1][0] else set())
                if row == part[0][0]:
                    if group == 0:
                        segment[0][1].add("tile_claim")
                    if start == 0 or d["column_tiles"] > 1:
                        segment[0][1].add("group_first")
                yield from segment


def _segment(d, blocks, group, row, first, last):
    """Columns of the outputs ``first`` to ``last`` of a row."""
    kernel = d["kernel_width"]
    span = kernel + (last - first) * d["stride_x"] if d["sliding"] else d["span"]
    for row_group in range(d["row_groups"]):
        for column in range(span):
            base = (d["pixel_base"] + group * blocks * d["tap_channel"]
                    + row * d["pixel_y"] + first * d["pixel_x"]
                    + row_group * d["row_group_step"]
                    + sum(d["tap_x"][i % 2] for i in range(column)))
            words = {}
            for dy in range(WINDOW):
                in_x = first * d["stride_x"] + column - d["pad_x"]
                kernel_row = row_group * WINDOW + dy
                in_y = row * d["stride_y"] - d["pad_y"] + kernel_row
                if not (0 <= in_x < d["in_width"] and 0 <= in_y < d["in_height"]
                        and kernel_row < d["kernel_height"]):
                    continue
                below = sum(d["tap_y"][i % 2] for i in range(dy))
                for block in range(blocks):
                    if group * blocks + block < d["channel_blocks"]:
                        words[dy * blocks + block] = (
                            base + below + block * d["tap_channel"]) % (1 << BITS)
            flags = set()
            if d["sliding"]:
                if column >= kernel - 1 and (column - kernel + 1) % d["stride_x"] == 0:
                    flags |= {"fire", "first", "emit"}
            else:
                ends = column == span - 1
                if ends or column % WINDOW == WINDOW - 1:
                    flags |= {"fire", "clear"}
                    if row_group == 0 and column < WINDOW:
                        flags.add("first")
                    if ends and row_group == d["row_groups"] - 1:
                        flags.add("emit")
            yield words, flags


def check(d, blocks, *, wait=0, parameters=1.0, tile_major=False, free=1.0):
    dut = walker(blocks, lanes=WINDOW * blocks + 1)
    expected = list(columns(d, blocks, tile_major))
    claims = []
    tile_claims = []

    async def bench(ctx):
        rng = random.Random(len(expected))
        ctx.set(dut.descriptor, d)
        ctx.set(dut.tile_major, tile_major)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        for words, flags in expected:
            await idle(ctx, rng.randint(0, wait))
            payload = await stream_get(ctx, dut.o)
            assert {lane: payload.addresses[lane] for lane in range(WINDOW * blocks)
                    if payload.inside >> lane & 1} == words
            tag = data.Const(column_tag, payload.tag & (1 << column_tag.size) - 1)
            raised = {name for name in FLAGS if getattr(tag, name)}
            if "fire" not in raised:  # without which it has no meaning
                raised.discard("first")
            if "emit" not in raised:
                raised.discard("tile_end")
            assert raised == flags - {"tile_claim"}
        await idle(ctx, 5)
        assert ctx.get(dut.o.valid) == 0

    async def ready(ctx):
        rng = random.Random(1)
        while True:
            is_ready, is_free = rng.random() < parameters, rng.random() < free
            ctx.set(dut.parameters_ready, is_ready)
            ctx.set(dut.tile_free, is_free)
            _, _, claim, tile_claim, valid, taken, tag, stalled = await ctx.tick().sample(
                dut.claim, dut.tile_claim, dut.o.valid, dut.o.ready, dut.o.payload.tag,
                dut.stall_parameters)
            assert claim == (valid and taken and tag & 1)
            assert not (claim and not is_ready) and not (stalled and (valid or is_ready))
            assert not (tile_major and tile_claim and not is_free)
            claims.append(claim)
            if valid and taken:
                tile_claims.append(tile_claim)

    held = [watch_held(dut.o.valid, dut.o.ready, dut.o.payload.inside, dut.o.payload.tag)]
    simulate(dut, bench, cycles=4_000,
             background=[ready, *(held if parameters == free == 1.0 else [])])
    assert sum(claims) == sum("group_first" in flags for _, flags in expected)
    assert tile_claims == ["tile_claim" in flags for _, flags in expected]


def walker(blocks, *, lanes):
    return WindowWalker(blocks=blocks, lanes=lanes, tile_pixels=TILE, address_width=BITS,
                        tag_width=9)


address = st.integers(0, (1 << BITS) - 1)
pair = st.lists(address, min_size=2, max_size=2)
addresses = {"pixel_base": address, "pixel_x": address, "pixel_y": address,
             "tap_x": pair, "tap_y": pair, "tap_channel": address, "row_group_step": address}


@st.composite
def depthwise(draw):
    size = st.integers(1, 3)
    d = draw(st.fixed_dictionaries(addresses | {
        "kernel_width": size, "kernel_height": size, "stride_x": st.integers(1, 2),
        "stride_y": st.integers(1, 2), "pad_x": st.integers(0, 2), "pad_y": st.integers(0, 2),
        "out_width": st.integers(1, 4), "out_height": st.integers(1, 4),
        "in_width": st.integers(1, 6), "in_height": st.integers(1, 6),
        "channel_blocks": st.integers(1, 5)}))
    span = d["kernel_width"] + (d["out_width"] - 1) * d["stride_x"]
    return d | {"sliding": 1, "span": span, "row_groups": 1}


@st.composite
def pooling(draw):
    d = draw(st.fixed_dictionaries(addresses | {
        "in_width": st.integers(1, 8), "in_height": st.integers(4, 9),
        "channel_blocks": st.integers(1, 5)}))
    kernel = draw(st.integers(1, d["in_height"]))
    stride = draw(st.integers(1, 3))
    return d | {"sliding": 0, "span": d["in_width"], "kernel_width": d["in_width"],
                "kernel_height": kernel, "row_groups": -(-kernel // WINDOW), "stride_x": 1,
                "stride_y": stride, "pad_x": 0, "pad_y": 0, "out_width": 1,
                "out_height": (d["in_height"] - kernel) // stride + 1}


def tiles(d, blocks):
    return d | {"column_tiles": -(-d["channel_blocks"] // blocks)}


@settings(SEARCH)
@given(d=depthwise(), blocks=st.integers(1, 3), wait=st.sampled_from([0, 2]),
       parameters=st.sampled_from([1.0, 0.3]))
def test_depthwise(d, blocks, wait, parameters):
    check(tiles(d, blocks), blocks, wait=wait, parameters=parameters)


@settings(SEARCH)
@given(d=depthwise(), blocks=st.integers(1, 3), wait=st.sampled_from([0, 2]),
       parameters=st.sampled_from([1.0, 0.5]), free=st.sampled_from([1.0, 0.3]))
def test_depthwise_tile_by_tile(d, blocks, wait, parameters, free):
    check(tiles(d, blocks), blocks, wait=wait, parameters=parameters, tile_major=True, free=free)


@settings(SEARCH)
@given(d=pooling(), blocks=st.integers(1, 3), wait=st.sampled_from([0, 2]))
def test_global_pooling(d, blocks, wait):
    check(tiles(d, blocks), blocks, wait=wait)


def test_one_column_a_cycle():
    dut = walker(1, lanes=3)
    d = {"sliding": 1, "span": 5, "row_groups": 1, "kernel_width": 3, "kernel_height": 3,
         "stride_x": 1, "stride_y": 1, "out_width": 3, "out_height": 3, "in_width": 5,
         "in_height": 5, "channel_blocks": 2, "column_tiles": 2}
    valids = []

    async def bench(ctx):
        ctx.set(dut.descriptor, d)
        ctx.set(dut.parameters_ready, 1)
        ctx.set(dut.o.ready, 1)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        for _ in range(40):
            _, _, valid = await ctx.tick().sample(dut.o.valid)
            valids.append(valid)

    simulate(dut, bench)
    assert valids == [1] * 30 + [0] * 10


def test_lanes_must_hold_a_column():
    with pytest.raises(ValueError, match="^Gather lanes must be at least 6, not 5$"):
        walker(2, lanes=5)
