# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.postproc.parameters import ParameterLoader
from systolith.rtl.postproc.requantiser import Requantiser
from systolith.rtl.sequencer.descriptor import ROW_BITS

from ..streams import idle, simulate

SHAPES = [(8, (69,), 1), (8, (69,), 4), (8, (69, 72), 2), (16, (69, 72), 8), (4, (5,), 4)]
BASE = 9


def build(lanes, fields, width):
    dut = ParameterLoader(lanes=lanes, fields=fields, width=width, row_width=8)
    rng = random.Random(lanes * width)
    stored = [[rng.getrandbits(ROW_BITS) for _ in range(width)] for _ in range(100)]

    async def memory(ctx):
        while True:
            _, _, enable, row = await ctx.tick().sample(dut.read_enable, dut.read_row)
            # Others read too: what is at the output is this loader's for one cycle only.
            ctx.set(dut.read_data, stored[row] if enable
                    else [rng.getrandbits(ROW_BITS) for _ in range(width)])

    def expected(number):
        rows = [word for row in stored[BASE + number * dut.reads:][:dut.reads] for word in row]
        sets = []
        for lane in range(lanes):
            value = offset = 0
            for field, bits in enumerate(fields):
                value |= (rows[lane * len(fields) + field] & (1 << bits) - 1) << offset
                offset += bits
            sets.append(value)
        return sets

    return dut, memory, expected


async def pulse(ctx, signal):
    ctx.set(signal, 1)
    await ctx.tick()
    ctx.set(signal, 0)


async def cycles_until_ready(ctx, dut):
    cycles = 1  # that of the pulse
    while not ctx.get(dut.ready):
        await ctx.tick()
        cycles += 1
    return cycles


@pytest.mark.parametrize(("lanes", "fields", "width"), SHAPES)
def test_sets_follow_one_another(lanes, fields, width):
    dut, memory, expected = build(lanes, fields, width)
    need = ParameterLoader.load_cycles(lanes=lanes, rows_per_lane=len(fields), width=width)

    async def bench(ctx):
        ctx.set(dut.base, BASE)
        for _ in range(2):  # a second start begins at the first set again
            await pulse(ctx, dut.start)
            assert await cycles_until_ready(ctx, dut) == need
            for number in range(3):
                await pulse(ctx, dut.claim)
                assert ctx.get(dut.ready) == 0
                assert list(ctx.get(dut.shadow)) == expected(number)
                await idle(ctx, 3)
                await pulse(ctx, dut.swap)
                assert await cycles_until_ready(ctx, dut) == need + ParameterLoader.HOLD

    simulate(dut, bench, background=[memory])


@pytest.mark.parametrize(("lanes", "fields", "width"), SHAPES)
@pytest.mark.parametrize("sets", [1, 3])
def test_first_set_comes_again(lanes, fields, width, sets):
    dut, memory, expected = build(lanes, fields, width)

    async def bench(ctx):
        ctx.set(dut.base, BASE)
        ctx.set(dut.sets, sets)
        for _ in range(2):
            await pulse(ctx, dut.start)
            for number in range(2 * sets + 1):
                await cycles_until_ready(ctx, dut)
                await pulse(ctx, dut.claim)
                assert list(ctx.get(dut.shadow)) == expected(number % sets)
                await pulse(ctx, dut.swap)

    simulate(dut, bench, background=[memory])


@pytest.mark.parametrize(("lanes", "fields", "width"), SHAPES)
def test_waits_for_the_memory(lanes, fields, width):
    dut, memory, expected = build(lanes, fields, width)
    need = ParameterLoader.load_cycles(lanes=lanes, rows_per_lane=len(fields), width=width)

    async def bench(ctx):
        ctx.set(dut.base, BASE)
        await pulse(ctx, dut.start)
        for number, refused in enumerate((1, 5, 0)):
            ctx.set(dut.read_grant, 0)
            await idle(ctx, refused)
            ctx.set(dut.read_grant, 1)
            hold = ParameterLoader.HOLD if number else 0
            assert (await cycles_until_ready(ctx, dut)
                    == need + hold - (min(refused, hold) if number else 0))
            await pulse(ctx, dut.claim)
            assert list(ctx.get(dut.shadow)) == expected(number)
            await pulse(ctx, dut.swap)

    async def refused_memory(ctx):
        while True:
            _, _, enable, grant, row = await ctx.tick().sample(
                dut.read_enable, dut.read_grant, dut.read_row)
            ctx.set(dut.read_data, memory_rows[row] if enable and grant else [0] * width)

    rng = random.Random(lanes * width)
    memory_rows = [[rng.getrandbits(ROW_BITS) for _ in range(width)] for _ in range(100)]
    simulate(dut, bench, background=[refused_memory])


@pytest.mark.parametrize(("lanes", "fields", "width"), SHAPES)
def test_shadow_holds_after_swap(lanes, fields, width):
    dut, memory, expected = build(lanes, fields, width)

    async def bench(ctx):
        ctx.set(dut.base, BASE)
        await pulse(ctx, dut.start)
        await cycles_until_ready(ctx, dut)
        await pulse(ctx, dut.claim)
        await pulse(ctx, dut.swap)
        for _ in range(Requantiser.SHIFT_DELAY):
            assert list(ctx.get(dut.shadow)) == expected(0)
            await ctx.tick()

    simulate(dut, bench, background=[memory])


def test_stop_loads_no_further_set():
    dut, memory, _ = build(8, (69,), 1)

    async def bench(ctx):
        ctx.set(dut.base, BASE)
        await pulse(ctx, dut.start)
        await cycles_until_ready(ctx, dut)
        await pulse(ctx, dut.swap)
        await pulse(ctx, dut.stop)
        for _ in range(20):
            assert (ctx.get(dut.read_enable), ctx.get(dut.ready)) == (0, 0)
            await ctx.tick()

    simulate(dut, bench, background=[memory])


def test_width_must_divide_the_rows():
    with pytest.raises(ValueError, match="^Parameter rows a cycle must be a divisor of 8, not 3$"):
        ParameterLoader(lanes=8, fields=(69,), width=3, row_width=8)
