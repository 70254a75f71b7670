# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from amaranth import Module, Signal
from systolith.rtl.memory.map import REGIONS, MemoryMap

from ..streams import idle, simulate, stream_get, stream_put, watch_held
from .words import merge

SIZES = (12, 40, 9, 5)


def build():
    """The map, and a signal for each memory that says that it is free."""
    m = Module()
    m.submodules.dut = dut = MemoryMap(sizes=SIZES)
    free = [Signal(name=f"{name}_free") for name in REGIONS]
    for name, signal in zip(REGIONS, free, strict=True):
        port = getattr(dut, name)
        m.d.comb += port.grant.eq(port.enable & signal)
    return m, dut, free


def memories(dut, free, rng, stored, busy):
    """Background benches: the memories, each busy in a share of the cycles."""
    def memory(index, port):
        async def bench(ctx):
            while True:
                ctx.set(free[index], rng.random() >= busy)
                _, _, granted, write, address, value, mask = await ctx.tick().sample(
                    port.grant, port.write, port.address, port.write_data, port.write_mask)
                # Whoever else reads meanwhile changes what is at the output.
                ctx.set(port.read_data, rng.getrandbits(64))
                if granted and write:
                    stored[index][address] = merge(stored[index][address], value, mask)
                elif granted:
                    ctx.set(port.read_data, stored[index][address])
        return bench
    return [memory(index, getattr(dut, name)) for index, name in enumerate(REGIONS)]


@pytest.mark.parametrize("busy", [0.0, 0.5])
def test_words_of_every_region(busy):
    m, dut, free = build()
    rng = random.Random(1)
    stored = [[0] * size for size in SIZES]
    requests, expected = [], []
    model = [[0] * size for size in SIZES]
    for _ in range(200):
        region = rng.randrange(len(SIZES))
        word = rng.randrange(SIZES[region])
        write, value, strobe = rng.randrange(2), rng.getrandbits(64), rng.getrandbits(8)
        requests.append({"address": region << dut.region_bits | word << 3, "write": write,
                         "data": value, "strobe": strobe})
        expected.append(None if write else model[region][word])
        if write:
            model[region][word] = merge(model[region][word], value, strobe)

    async def ask(ctx):
        gaps = random.Random(2)
        for request in requests:
            await idle(ctx, gaps.choice([0, 0, 2]))
            await stream_put(ctx, dut.bus.request, request)

    async def listen(ctx):
        gaps = random.Random(3)
        for value in expected:
            await idle(ctx, gaps.choice([0, 0, 1, 3]))
            answer = await stream_get(ctx, dut.bus.response)
            assert answer.error == 0
            assert value is None or answer.data == value
        assert ctx.get(dut.bus.response.valid) == 0

    response = dut.bus.response
    simulate(m, ask, listen, background=[
        *memories(dut, free, random.Random(4), stored, busy),
        watch_held(response.valid, response.ready, response.payload.error)])
    assert stored == model


def test_absent_words_answer_with_an_error():
    m, dut, free = build()
    stored = [[0] * size for size in SIZES]
    absent = [12, (1 << dut.region_bits - 3) - 1, 1 << dut.region_bits - 3 | 40,
              2 << dut.region_bits - 3 | 9, 3 << dut.region_bits - 3 | 5]

    async def bench(ctx):
        for word in absent:
            for write in (0, 1):
                await stream_put(ctx, dut.bus.request,
                                 {"address": word << 3, "write": write, "data": 1, "strobe": 255})
                assert (await stream_get(ctx, dut.bus.response)).error == 1

    simulate(m, bench, background=memories(dut, free, random.Random(5), stored, 0.0))
    assert not any(map(any, stored))
