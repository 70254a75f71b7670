# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.rtl.memory.shared import SharedAccess

from ..streams import simulate


def _ask(ctx, port, address):
    ctx.set(port.enable, address is not None)
    ctx.set(port.write, 1)
    ctx.set(port.address, address or 0)


def test_they_take_turns():
    dut = SharedAccess(address_width=4)

    async def bench(ctx):
        ctx.set(dut.memory.grant, 1)
        _ask(ctx, dut.bus, 3)
        _ask(ctx, dut.writer, 5)
        for writes in (True, False, True, False):
            assert ctx.get(dut.memory.address) == (5 if writes else 3)
            assert ctx.get(dut.writer.grant) == writes == (not ctx.get(dut.bus.grant))
            await ctx.tick()
        _ask(ctx, dut.bus, None)
        for _ in range(3):
            assert ctx.get(dut.writer.grant)
            await ctx.tick()

    simulate(dut, bench)


@pytest.mark.parametrize(("blocked", "served"), [(3, "writer"), (5, "bus")])
def test_word_that_is_not_to_be_had_stops_nobody_else(blocked, served):
    dut = SharedAccess(address_width=4)

    async def bench(ctx):
        _ask(ctx, dut.bus, 3)
        _ask(ctx, dut.writer, 5)
        grants = {"bus": 0, "writer": 0}
        for _ in range(20):
            ctx.set(dut.memory.grant, ctx.get(dut.memory.address) != blocked)
            for name in grants:
                grants[name] += ctx.get(getattr(dut, name).grant)
            await ctx.tick()
        assert grants == {"bus": 0, "writer": 0} | {served: 10}

    simulate(dut, bench)


def test_bus_reads():
    dut = SharedAccess(address_width=4)

    async def bench(ctx):
        ctx.set(dut.memory.grant, 1)
        ctx.set(dut.bus.enable, 1)
        ctx.set(dut.bus.address, 3)
        assert ctx.get(dut.bus.grant) and not ctx.get(dut.memory.write)
        await ctx.tick()
        _ask(ctx, dut.writer, 5)
        ctx.set(dut.memory.read_data, 99)
        assert ctx.get(dut.bus.read_data) == 99

    simulate(dut, bench)
