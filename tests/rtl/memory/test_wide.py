# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.memory.wide import WideMemory

from ..streams import idle, simulate
from .words import merge, read_word, write_word


@pytest.mark.parametrize(("banks", "rows"), [(1, 4), (2, 8), (3, 5), (8, 2)])
def test_rows_and_words(banks, rows):
    dut = WideMemory(banks=banks, rows=rows)
    stride = 1 << dut.bank_bits
    rng = random.Random(banks)

    async def bench(ctx):
        stored = [[rng.getrandbits(64) for _ in range(banks)] for _ in range(rows)]
        for row in range(rows):
            for bank in range(banks):
                await write_word(ctx, dut.access, row * stride + bank, stored[row][bank])
        for _ in range(150):
            row, bank = rng.randrange(rows), rng.randrange(stride)
            match rng.choice(["row", "read", "write"]):
                case "row":
                    ctx.set(dut.read_enable, 1)
                    ctx.set(dut.read_row, row)
                    await ctx.tick()
                    ctx.set(dut.read_enable, 0)
                    await idle(ctx, rng.randint(0, 2))  # held
                    assert list(ctx.get(dut.read_data)) == stored[row]
                case "read":
                    expected = stored[row][bank] if bank < banks else 0
                    assert await read_word(ctx, dut.access, row * stride + bank) == expected
                case "write":
                    value, mask = rng.getrandbits(64), rng.getrandbits(8)
                    await write_word(ctx, dut.access, row * stride + bank, value, mask)
                    if bank < banks:
                        stored[row][bank] = merge(stored[row][bank], value, mask)

    simulate(dut, bench)


def test_row_reads_go_first():
    dut = WideMemory(banks=2, rows=4)

    async def bench(ctx):
        await write_word(ctx, dut.access, 3, 33)
        ctx.set(dut.access.enable, 1)
        ctx.set(dut.access.write, 1)
        ctx.set(dut.access.address, 3)
        ctx.set(dut.access.write_data, 44)
        ctx.set(dut.read_enable, 1)
        ctx.set(dut.read_row, 1)
        assert ctx.get(dut.access.grant) == 0
        await ctx.tick()
        assert ctx.get(dut.read_data[1]) == 33
        await ctx.tick()
        assert ctx.get(dut.read_data[1]) == 33, "a refused write changed memory"

    simulate(dut, bench)


def test_lock_holds_read_data():
    dut = WideMemory(banks=2, rows=4)

    async def bench(ctx):
        for address in range(4):
            await write_word(ctx, dut.access, address, address + 10)
        ctx.set(dut.lock, 1)
        ctx.set(dut.read_enable, 1)
        await ctx.tick()
        ctx.set(dut.read_enable, 0)
        ctx.set(dut.access.enable, 1)
        ctx.set(dut.access.write, 0)
        ctx.set(dut.access.address, 2)
        for _ in range(3):
            assert ctx.get(dut.access.grant) == 0
            assert list(ctx.get(dut.read_data)) == [10, 11]
            await ctx.tick()
        ctx.set(dut.lock, 0)
        assert ctx.get(dut.access.grant) == 1

    simulate(dut, bench)
