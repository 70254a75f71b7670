# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from amaranth.lib import data
from systolith.rtl.stream import Queue

from .streams import idle, simulate, stream_assert, stream_get, stream_put, watch_held


@pytest.mark.parametrize("depth", [1, 2, 3, 8])
@pytest.mark.parametrize("waits", [(0, 0), (2, 0), (0, 2), (3, 3)])
def test_order_is_kept(depth, waits):
    queue = Queue(8, depth=depth)
    values = [random.Random(depth).randrange(256) for _ in range(50)]

    async def produce(ctx):
        rng = random.Random(1)
        for value in values:
            await idle(ctx, rng.randint(0, waits[0]))
            await stream_put(ctx, queue.i, value)

    async def consume(ctx):
        rng = random.Random(2)
        for value in values:
            await idle(ctx, rng.randint(0, waits[1]))
            await stream_assert(ctx, queue.o, value)
        assert ctx.get(queue.o.valid) == 0
        assert ctx.get(queue.level) == 0

    simulate(queue, produce, consume,
             background=[watch_held(queue.o.valid, queue.o.ready, queue.o.payload)])


@pytest.mark.parametrize("depth", [2, 5])
def test_one_transfer_a_cycle(depth):
    queue = Queue(8, depth=depth)

    async def produce(ctx):
        for value in range(30):
            await stream_put(ctx, queue.i, value)

    async def consume(ctx):
        await ctx.tick()
        for value in range(30):
            ctx.set(queue.o.ready, 1)
            _, _, valid, payload = await ctx.tick().sample(queue.o.valid, queue.o.payload)
            assert (valid, payload) == (1, value)

    simulate(queue, produce, consume)


def test_full_queue_refuses():
    queue = Queue(8, depth=3)

    async def bench(ctx):
        for value in range(3):
            await stream_put(ctx, queue.i, value)
        assert ctx.get(queue.i.ready) == 0
        assert ctx.get(queue.level) == 3
        await stream_assert(ctx, queue.o, 0)
        assert ctx.get(queue.i.ready) == 1

    simulate(queue, bench)


def test_structured_payload():
    queue = Queue(data.StructLayout({"a": 3, "b": 5}), depth=2)

    async def bench(ctx):
        await stream_put(ctx, queue.i, {"a": 5, "b": 17})
        payload = await stream_get(ctx, queue.o)
        assert (payload.a, payload.b) == (5, 17)

    simulate(queue, bench)


def test_depth_must_be_positive():
    with pytest.raises(ValueError, match="^Queue depth must be at least 1, not 0$"):
        Queue(8, depth=0)


def test_depth_must_be_an_integer():
    with pytest.raises(TypeError, match="^Queue depth must be an integer, not 1.5$"):
        Queue(8, depth=1.5)
