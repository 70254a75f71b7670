# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from amaranth import ClockDomain, Module
from systolith.rtl.fixed.branch import Fork, Join

from ..streams import idle, simulate, stream_assert, stream_get, stream_put, watch_held


@pytest.mark.parametrize("slow", [(0, 0, 0), (3, 0, 0), (0, 3, 0), (0, 0, 3), (2, 3, 4)])
def test_every_way_gets_every_pixel(slow):
    dut = Fork(channels=1, ways=2)
    values = list(range(40))

    async def produce(ctx):
        rng = random.Random(1)
        for value in values:
            await idle(ctx, rng.randint(0, slow[0]))
            await stream_put(ctx, dut.i, [value])

    def consumer(way):
        async def consume(ctx):
            rng = random.Random(way)
            for value in values:
                await idle(ctx, rng.randint(0, slow[1 + way]))
                await stream_assert(ctx, dut.o[way], [value])
        return consume

    simulate(dut, produce, consumer(0), consumer(1), background=[
        watch_held(o.valid, o.ready, o.payload.as_value()) for o in dut.o])


def test_clear_forgets_who_has_taken_the_pixel():
    dut = Fork(channels=1, ways=2)

    async def bench(ctx):
        ctx.set(dut.i.payload, [1])
        ctx.set(dut.i.valid, 1)
        await stream_assert(ctx, dut.o[0], [1])
        assert ctx.get(dut.o[0].valid) == 0
        ctx.set(dut.clear, 1)
        await ctx.tick()
        ctx.set(dut.clear, 0)
        assert ctx.get(dut.o[0].valid) == 1

    simulate(dut, bench)


@pytest.mark.parametrize("slow", [(0, 0, 0), (3, 0, 0), (0, 3, 0), (2, 3, 4)])
def test_pixels_are_joined_one_by_one(slow):
    dut = Join(channels=(1, 1))
    values = list(range(30))

    def producer(way):
        async def produce(ctx):
            rng = random.Random(way)
            for value in values:
                await idle(ctx, rng.randint(0, slow[way]))
                await stream_put(ctx, dut.i[way], [value + 100 * way])
        return produce

    async def consume(ctx):
        rng = random.Random(9)
        for value in values:
            await idle(ctx, rng.randint(0, slow[2]))
            assert list(await stream_get(ctx, dut.o)) == [value, value + 100]

    top = Module()  # which has a clock
    top.domains.sync = ClockDomain()
    top.submodules.dut = dut
    simulate(top, producer(0), producer(1), consume)


def test_refusals():
    with pytest.raises(ValueError, match="^Ways of a fork must be at least 2, not 1$"):
        Fork(channels=1, ways=1)
    with pytest.raises(ValueError, match="^Streams to join must be at least 2, not 1$"):
        Join(channels=(3,))
    with pytest.raises(ValueError, match="^Streams to join must have the same channels, not "):
        Join(channels=(3, 2))
