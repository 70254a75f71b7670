# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.compact.walker import Walker

from ..streams import simulate

WIDTH = 12


def words_of(d, group):
    """(address or None outside, flags) of every word of a group, from the descriptor's meaning."""
    for oy in range(d["out_height"]):
        for ox in range(d["out_width"]):
            pixel = d["source"] + group * d["own_channel"] + oy * d["pixel_y"] + ox * d["pixel_x"]
            for ky in range(d["kernel_height"]):
                for kx in range(d["kernel_width"]):
                    y = (d["y_start"] + oy * d["stride_y"] + ky) % 256
                    x = (d["x_start"] + ox * d["stride_x"] + kx) % 256
                    inside = y < d["in_height"] and x < d["in_width"]
                    for block in range(d["blocks"]):
                        address = (pixel + ky * d["tap_y"]
                                   + kx * (d["tap_x"] + d["blocks"] - 1) + block)
                        last = block == d["blocks"] - 1
                        ended = (last and ky == d["kernel_height"] - 1
                                 and kx == d["kernel_width"] - 1)
                        yield (address % (1 << WIDTH) if inside else d["outside"], last, ended,
                               ox == d["out_width"] - 1,
                               ox == d["out_width"] - 1 and oy == d["out_height"] - 1)


@pytest.mark.parametrize("own", [0, 1])
@pytest.mark.parametrize("seed", range(4))
def test_every_address(own, seed):
    rng = random.Random(f"{own} {seed}")
    d = {"own_channel": own, "groups": 3, "blocks": 1 if own else rng.randrange(1, 4),
         "stride_x": rng.randrange(1, 3), "stride_y": rng.randrange(1, 3), "outside": 4001}
    d |= {name: rng.randrange(1, 5) for name in (
        "out_width", "out_height", "in_width", "in_height", "kernel_width", "kernel_height")}
    d |= {name: rng.randrange(1 << WIDTH) for name in (
        "source", "pixel_x", "pixel_y", "tap_x", "tap_y", "destination", "destination_x",
        "destination_y")}
    d |= {"x_start": 255, "y_start": 254}
    dut = Walker(word_width=WIDTH)

    async def strobe(ctx, signal):
        ctx.set(signal, 1)
        await ctx.tick()
        ctx.set(signal, 0)

    async def bench(ctx):
        for name, value in d.items():
            ctx.set(dut.descriptor[name], value)
        await strobe(ctx, dut.begin)
        for group in range(d["groups"]):
            ctx.set(dut.open, 1)
            for step in range(Walker.OPENING):
                ctx.set(dut.opening, step)
                await ctx.tick()
            ctx.set(dut.open, 0)
            assert ctx.get(dut.last_group) == (group == d["groups"] - 1)
            destination = d["destination"] + group
            for expected in words_of(d, group):
                found = tuple(ctx.get(signal) for signal in (
                    dut.address, dut.last_block, dut.last_word, dut.last_column, dut.last_pixel))
                assert found == expected
                await strobe(ctx, dut.next_tap)
                if expected[2]:
                    assert ctx.get(dut.destination) == destination % (1 << WIDTH)
                    ctx.set(dut.row_ended, expected[3])
                    await strobe(ctx, dut.next_result)
                    destination += d["destination_y" if expected[3] else "destination_x"]

    simulate(dut, bench, cycles=100_000)
