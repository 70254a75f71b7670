# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.operand.raster import RasterWalker

from ..streams import simulate


def visits(base, width, height, step_x, step_y, bits):
    row = base
    for y in range(height):
        address = row
        for x in range(width):
            yield address % (1 << bits), x, y
            address += step_x[x % 2]
        row += step_y[y % 2]


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 4), (5, 1), (4, 3), (3, 6)])
def test_addresses(width, height):
    dut = RasterWalker(address_width=10)
    rng = random.Random(width * 10 + height)
    base, *steps = (rng.randrange(1 << 10) for _ in range(5))
    walk = list(visits(base, width, height, steps[:2], steps[2:], 10))

    async def bench(ctx):
        ctx.set(dut.base, base)
        ctx.set(dut.width, width)
        ctx.set(dut.height, height)
        ctx.set(dut.step_x, steps[:2])
        ctx.set(dut.step_y, steps[2:])
        ctx.set(dut.restart, 1)
        await ctx.tick()
        ctx.set(dut.restart, 0)
        for index, visit in enumerate(walk * 2):  # after the last pixel it starts over
            await ctx.tick().repeat(rng.randint(1, 3))
            assert (ctx.get(dut.address), ctx.get(dut.x), ctx.get(dut.y)) == visit
            assert ctx.get(dut.last) == (index % len(walk) == len(walk) - 1)
            ctx.set(dut.step, 1)
            await ctx.tick()
            ctx.set(dut.step, 0)

    simulate(dut, bench)


def test_goes_back_to_the_marked_pixel():
    dut = RasterWalker(address_width=10)
    walk = list(visits(7, 4, 3, (1, 2), (5, 6), 10))

    async def bench(ctx):
        ctx.set(dut.base, 7)
        ctx.set(dut.width, 4)
        ctx.set(dut.height, 3)
        ctx.set(dut.step_x, (1, 2))
        ctx.set(dut.step_y, (5, 6))
        ctx.set(dut.restart, 1)
        await ctx.tick()
        ctx.set(dut.restart, 0)
        for first in range(0, len(walk), 5):  # each stretch of 5 pixels three times
            part = walk[first:first + 5]
            for turn in range(3):
                for index, visit in enumerate(part):
                    assert (ctx.get(dut.address), ctx.get(dut.x), ctx.get(dut.y)) == visit
                    last = index == len(part) - 1
                    ctx.set(dut.step, 1)
                    ctx.set(dut.mark, last and turn == 2)
                    ctx.set(dut.back, last and turn != 2)
                    await ctx.tick()
        assert ctx.get(dut.address) == 7

    simulate(dut, bench)


def test_restart_in_the_middle():
    dut = RasterWalker(address_width=8)

    async def bench(ctx):
        ctx.set(dut.base, 7)
        ctx.set(dut.width, 3)
        ctx.set(dut.height, 3)
        ctx.set(dut.step_x, [1, 1])
        ctx.set(dut.step_y, [3, 3])
        ctx.set(dut.restart, 1)
        await ctx.tick()
        ctx.set(dut.restart, 0)
        ctx.set(dut.step, 1)
        await ctx.tick().repeat(4)
        assert ctx.get(dut.address) == 7 + 4
        ctx.set(dut.restart, 1)
        await ctx.tick()
        assert (ctx.get(dut.address), ctx.get(dut.x), ctx.get(dut.y)) == (7, 0, 0)

    simulate(dut, bench)
