# SPDX-License-Identifier: Apache-2.0
"""Scaled codes and their sums over row tiles against the definition."""

import random

import pytest
from systolith.rtl.cim.contract import MacroParameters
from systolith.rtl.cim.scale import ScaledSums, ScaleLane

from ..postproc.reference import wrap
from ..streams import idle, simulate


def scaled(code, factor, shift):
    return wrap(code * factor + (1 << shift >> 1) >> shift)


@pytest.mark.parametrize("code_bits", [8, 24, 32])
def test_lane(code_bits):
    rng = random.Random(code_bits)
    dut = ScaleLane(code_bits=code_bits)
    half = 1 << code_bits - 1
    codes = [-half, half - 1, 0, 1, -1, *(rng.randrange(-half, half) for _ in range(60))]

    async def bench(ctx):
        for factor, shift in [(1, 0), (1, 1), (3, 1), (0, 5), (1 << 18, 18), ((1 << 19) - 1, 31),
                              (12345, 7)]:
            ctx.set(dut.factor, factor)
            ctx.set(dut.shift, shift)
            for index in range(len(codes) + dut.LATENCY):
                if index < len(codes):
                    ctx.set(dut.code, codes[index])
                if index >= dut.LATENCY:
                    assert ctx.get(dut.o) == scaled(codes[index - dut.LATENCY], factor, shift)
                await ctx.tick()

    simulate(dut, bench)


@pytest.mark.parametrize(("tiles", "groups"), [(1, 4), (2, 1), (2, 3), (4, 4), (3, 5)])
def test_sums_over_row_tiles(tiles, groups):
    rng = random.Random(tiles * groups)
    p = MacroParameters(macro="digital", rows=8, columns=64, mux=1, lanes=8)
    dut = ScaledSums(p)
    scale, gdc, shift = 777, 0x1F00, 9
    factor = (scale * gdc + 4096) // 8192
    pixels = 6
    codes = [[[[rng.randrange(-1 << 23, 1 << 23) for _ in range(8)] for _ in range(groups)]
              for _ in range(tiles)] for _ in range(pixels)]
    expected = [[wrap(sum(scaled(codes[pixel][tile][group][lane], factor, shift)
                          for tile in range(tiles))) for lane in range(8)]
                for pixel in range(pixels) for group in range(groups)]
    asked, got = [], []

    async def bench(ctx):
        ctx.set(dut.scale, scale)
        ctx.set(dut.shift, shift)
        ctx.set(dut.gdc, gdc)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        ctx.set(dut.gdc, 0xFFFF)  # too late for this layer
        await ctx.tick().repeat(3)
        cycle = 0
        for pixel in codes:
            for tile, values in enumerate(pixel):
                for group, lanes in enumerate(values):
                    ctx.set(dut.valid, 1)
                    ctx.set(dut.tag, {"place": group, "opens": tile == 0,
                                      "closes": tile == tiles - 1})
                    asked.extend([cycle] * (tile == tiles - 1))
                    await ctx.tick()
                    cycle += 1
                    ctx.set(dut.codes, lanes)
                ctx.set(dut.valid, 0)
                pause = rng.randint(1, 3)
                await ctx.tick()
                ctx.set(dut.codes, [99] * 8)
                await idle(ctx, pause - 1)
                cycle += pause
        await ctx.tick().repeat(dut.LATENCY + 1)

    async def watch(ctx):
        await ctx.tick().repeat(4)
        cycle = 0
        while True:
            _, _, valid, o = await ctx.tick().sample(dut.o_valid, dut.o)
            if valid:
                got.append((cycle, list(o)))
            cycle += 1

    simulate(dut, bench, background=[watch])
    assert [values for _, values in got] == expected
    assert [cycle for cycle, _ in got] == [cycle + dut.LATENCY for cycle in asked]
