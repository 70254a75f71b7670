# SPDX-License-Identifier: Apache-2.0
"""Words of channels in their rows, and operands of fewer bits."""

import random
from fractions import Fraction
from math import floor

import pytest
from amaranth.sim import Simulator
from systolith.rtl.cim.rows import DacQuantiser, RowDrivers

from ..streams import idle, sample_until, simulate, stream_put


def quantised(value, bits, is_signed):
    top = (1 << bits - 1) - 1 if is_signed else (1 << bits) - 1
    return min(floor(Fraction(value, 1 << 8 - bits) + Fraction(1, 2)), top)


@pytest.mark.parametrize("is_signed", [False, True])
def test_every_operand_at_every_width(is_signed):
    dut = DacQuantiser()

    async def bench(ctx):
        ctx.set(dut.is_signed, is_signed)
        for bits in range(1, 9):
            ctx.set(dut.bits, bits)
            for value in range(-128, 128) if is_signed else range(256):
                ctx.set(dut.i, value & 0xFF)
                await ctx.delay(1e-7)
                assert ctx.get(dut.o) == quantised(value, bits, is_signed) & 0xFF

    simulator = Simulator(dut)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize("seed", range(6))
def test_tiles_follow_one_another(seed):
    """Tiles of words at any row; between them waits at both ends."""
    rng = random.Random(seed)
    rows = 40
    dut = RowDrivers(rows=rows)
    tiles = []
    for _ in range(30):
        first, words = rng.randrange(rows), []
        row = first
        while row < rows and (not words or rng.random() < 0.8):
            channels = rng.randint(1, min(8, rows - row))
            words.append([rng.randrange(256) for _ in range(channels)])
            row += channels
        tiles.append((first, words))
    slow = seed % 2

    async def feed(ctx):
        for _, words in tiles:
            for index, word in enumerate(words):
                await idle(ctx, rng.randint(0, 2) * slow)
                junk = [rng.randrange(256) for _ in range(8 - len(word))]
                await stream_put(ctx, dut.i, {
                    "values": int.from_bytes(bytes(word + junk), "little"),
                    "channels": len(word), "last": index == len(words) - 1})

    async def place(ctx):
        for first, _ in tiles:
            ctx.set(dut.first_row, first)
            await sample_until(ctx, dut.tile_filled)

    async def take(ctx):
        for first, words in tiles:
            await idle(ctx, rng.randint(0, 3) * slow)
            while not ctx.get(dut.full):
                await ctx.tick()
            ctx.set(dut.move, 1)
            await ctx.tick()
            ctx.set(dut.move, 0)
            values = [value for word in words for value in word]
            assert ctx.get(dut.row_enable) == (1 << len(values)) - 1 << first
            assert ctx.get(dut.driven) == len(values)
            assert [ctx.get(dut.row_data[first + i]) for i in range(len(values))] == values
        assert not ctx.get(dut.full)

    async def bench(ctx):
        ctx.set(dut.bits, 8)
        await take(ctx)

    simulate(dut, bench, background=[feed, place])


def put(ctx, dut, channels, last):
    return stream_put(ctx, dut.i, {"values": 0x0807060504030201, "channels": channels,
                                   "last": last})


def test_a_tile_of_n_words_fills_in_n_cycles():
    dut = RowDrivers(rows=64)
    moves = []

    async def bench(ctx):
        ctx.set(dut.bits, 8)
        for word in range(15):
            await put(ctx, dut, 8, word % 3 == 2)

    async def take(ctx):
        cycle = 0
        while True:
            ctx.set(dut.move, ctx.get(dut.full))
            moves.extend([cycle] * ctx.get(dut.full))
            await ctx.tick()
            cycle += 1

    simulate(dut, bench, background=[take])
    assert moves == [4, 7, 10, 13]


def test_words_do_not_leave_the_array():
    dut = RowDrivers(rows=16)
    seen = []

    async def bench(ctx):
        ctx.set(dut.bits, 8)
        ctx.set(dut.first_row, 11)
        await put(ctx, dut, 5, False)
        await put(ctx, dut, 1, False)
        await idle(ctx, 3)
        ctx.set(dut.stop, 1)
        await ctx.tick()
        ctx.set(dut.stop, 0)
        await put(ctx, dut, 5, True)  # nothing is left of the tile that was given up
        await idle(ctx, 2)
        assert ctx.get(dut.full)
        ctx.set(dut.move, 1)
        await ctx.tick()
        assert ctx.get(dut.row_enable) == 0x1F << 11 and ctx.get(dut.driven) == 5

    async def watch(ctx):
        while True:
            _, _, overflow = await ctx.tick().sample(dut.overflow)
            seen.append(overflow)

    simulate(dut, bench, background=[watch])
    assert sum(seen) == 1


@pytest.mark.parametrize("rows", [0, 12])
def test_rows_come_in_eights(rows):
    with pytest.raises(ValueError, match="Rows must be a multiple of 8, not"):
        RowDrivers(rows=rows)
