# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.rtl.compact.memory import CompactMemory

from ..streams import simulate, stream_get, stream_put


def request(address, data=None, strobe=0xFF):
    return {"address": address, "write": data is not None, "data": data or 0, "strobe": strobe}


@pytest.mark.parametrize("words", [64, 40])
def test_bus_and_core_share_it(words):
    dut = CompactMemory(words=words)

    async def ask(ctx, **fields):
        await stream_put(ctx, dut.bus.request, request(**fields))
        return await stream_get(ctx, dut.bus.response)

    async def bench(ctx):
        for word in range(words):
            answer = await ask(ctx, address=8 * word, data=word * 0x0101_0101_0101_0101)
            assert not answer.error
        await ask(ctx, address=16, data=0, strobe=0x0F)
        assert (await ask(ctx, address=16)).data == 0x0202_0202_0000_0000
        if words < 64:
            assert (await ask(ctx, address=8 * words)).error
        # An answer that is not taken keeps the core waiting.
        await stream_put(ctx, dut.bus.request, request(24))
        ctx.set(dut.lock, 1)
        for _ in range(3):
            assert not ctx.get(dut.free)
            await ctx.tick()
        assert (await stream_get(ctx, dut.bus.response)).data == 0x0303_0303_0303_0303
        assert ctx.get(dut.free)
        # The core's turn: the bus waits.
        ctx.set(dut.bus.request.valid, 1)
        ctx.set(dut.enable, 1)
        ctx.set(dut.address, 5)
        ctx.set(dut.write, 1)
        ctx.set(dut.write_data, 77)
        await ctx.tick()
        ctx.set(dut.write, 0)
        await ctx.tick()
        ctx.set(dut.enable, 0)
        for _ in range(3):
            assert ctx.get(dut.read_data) == 77
            assert not ctx.get(dut.bus.request.ready)
            await ctx.tick()
        ctx.set(dut.lock, 0)
        assert ctx.get(dut.bus.request.ready)

    simulate(dut, bench)
