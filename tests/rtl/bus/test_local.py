# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.bus.local import LocalArbiter, LocalBus

from ..streams import idle, simulate, stream_get, stream_put, watch_held
from .axi import LocalMemory


def request(address, value=None):
    return {"address": address, "write": value is not None, "data": value or 0, "strobe": 0xFF}


def watch_request(bus):
    return watch_held(bus.request.valid, bus.request.ready, bus.request.payload)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_every_asker_gets_its_own_answers(count, stall):
    arbiter = LocalArbiter(address_width=12, count=count)
    memory = LocalMemory(arbiter.bus, 1024, rng=random.Random(1), stall=stall)
    benches = []
    for index, port in enumerate(arbiter.ports):
        words = range(index * 256, index * 256 + 160, 8)

        async def ask(ctx, port=port, words=words, index=index):
            rng = random.Random(index)
            for address in words:
                await idle(ctx, rng.randint(0, 2))
                await stream_put(ctx, port.request, request(address, address * 3))
            for address in words:
                await idle(ctx, rng.randint(0, 2))
                await stream_put(ctx, port.request, request(address))

        async def listen(ctx, port=port, words=words, index=index):
            rng = random.Random(100 + index)
            for kind in ("write", "read"):
                for address in words:
                    await idle(ctx, rng.randint(0, 2))
                    answer = await stream_get(ctx, port.response)
                    assert answer.error == 0
                    assert kind == "write" or answer.data == address * 3
            assert ctx.get(port.response.valid) == 0

        benches += [ask, listen]
    simulate(arbiter, *benches, background=[memory.bench, watch_request(arbiter.bus)])
    assert len(memory.log) == 40 * count


def test_waiting_askers_take_turns():
    arbiter = LocalArbiter(address_width=12, count=3, outstanding=4)
    memory = LocalMemory(arbiter.bus, 4096)

    async def bench(ctx):
        for index, port in enumerate(arbiter.ports):
            ctx.set(port.request.payload, request(256 * index))
            ctx.set(port.request.valid, 1)
            ctx.set(port.response.ready, 1)
        await ctx.tick().repeat(12)

    simulate(arbiter, bench, background=[memory.bench])
    order = [address // 256 for _, address in memory.log]
    assert len(order) >= 11
    assert order == [(order[0] + n) % 3 for n in range(len(order))]


def test_offered_request_is_not_taken_back():
    arbiter = LocalArbiter(address_width=12)

    async def bench(ctx):
        ctx.set(arbiter.ports[0].request.payload, request(8))
        ctx.set(arbiter.ports[0].request.valid, 1)
        await ctx.tick()
        ctx.set(arbiter.ports[1].request.payload, request(16))
        ctx.set(arbiter.ports[1].request.valid, 1)
        await ctx.tick().repeat(3)
        assert ctx.get(arbiter.bus.request.payload).address == 8
        ctx.set(arbiter.bus.request.ready, 1)
        assert ctx.get(arbiter.ports[0].request.ready) == 1
        assert ctx.get(arbiter.ports[1].request.ready) == 0
        await ctx.tick()
        assert ctx.get(arbiter.bus.request.payload).address == 16

    simulate(arbiter, bench, background=[watch_request(arbiter.bus)])


def test_requests_stop_at_the_outstanding_limit():
    arbiter = LocalArbiter(address_width=12, outstanding=3)

    async def bench(ctx):
        ctx.set(arbiter.bus.request.ready, 1)
        for _ in range(3):
            await stream_put(ctx, arbiter.ports[1].request, request(0))
        ctx.set(arbiter.ports[1].request.valid, 1)
        assert ctx.get(arbiter.bus.request.valid) == 0
        assert ctx.get(arbiter.ports[1].request.ready) == 0
        ctx.set(arbiter.bus.response.valid, 1)
        ctx.set(arbiter.ports[1].response.ready, 1)
        await ctx.tick()
        assert ctx.get(arbiter.bus.request.valid) == 1

    simulate(arbiter, bench)


def test_error_reaches_its_asker_only():
    arbiter = LocalArbiter(address_width=12)
    memory = LocalMemory(arbiter.bus, 64)

    async def bad(ctx):
        await stream_put(ctx, arbiter.ports[0].request, request(64, 1))
        assert (await stream_get(ctx, arbiter.ports[0].response)).error == 1

    async def good(ctx):
        await stream_put(ctx, arbiter.ports[1].request, request(56, 1))
        assert (await stream_get(ctx, arbiter.ports[1].response)).error == 0

    simulate(arbiter, bad, good, background=[memory.bench])


def test_no_askers():
    with pytest.raises(ValueError, match="^Arbiter ports must be at least 1, not 0$"):
        LocalArbiter(address_width=12, count=0)


def test_no_outstanding_requests():
    with pytest.raises(ValueError, match="^Outstanding requests must be at least 1, not 0$"):
        LocalArbiter(address_width=12, outstanding=0)


def test_address_width_too_small():
    with pytest.raises(ValueError, match="^Local address width must be at least 4, not 3$"):
        LocalBus(3)
