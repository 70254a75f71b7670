# SPDX-License-Identifier: Apache-2.0
"""The largest of any number of values, wherever it is."""

import random

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator
from systolith.rtl.arith.largest import largest, registered_largest


@pytest.mark.parametrize("count", [1, 2, 3, 9, 10])
def test_largest(count):
    values = [Signal(8, name=f"value_{index}") for index in range(count)]
    m = Module()
    result = Signal(8)
    m.d.comb += result.eq(largest(values))
    simulator = Simulator(m)
    rng = random.Random(count)

    async def bench(ctx):
        for index in range(count):
            for top in (1, 128, 255):
                numbers = [rng.randrange(top) for _ in values]
                numbers[index] = top
                for signal, number in zip(values, numbers, strict=True):
                    ctx.set(signal, number)
                assert ctx.get(result) == top

    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize("count", [1, 2, 9])
def test_registered_largest(count):
    values = [Signal(8, name=f"value_{index}") for index in range(count)]
    m = Module()
    result = Signal(8)
    m.d.comb += result.eq(registered_largest(m, values))
    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    rng = random.Random(count)
    cases = [[rng.randrange(256) for _ in values] for _ in range(40)]
    latency = 1 + (count - 1).bit_length()

    async def bench(ctx):
        for now in range(len(cases) + latency):
            for signal, number in zip(values, cases[min(now, len(cases) - 1)], strict=True):
                ctx.set(signal, number)
            if now >= latency:
                assert ctx.get(result) == max(cases[now - latency])
            await ctx.tick()

    simulator.add_testbench(bench)
    simulator.run()
