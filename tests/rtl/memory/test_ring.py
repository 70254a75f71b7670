# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.memory.ring import WeightRing

from ..streams import idle, simulate
from .words import merge, read_word, write_word


@pytest.mark.parametrize(("words", "row_words", "narrow_words"), [
    (8, 1, None), (32, 3, 2), (64, 4, None), (64, 6, 4)])
def test_rows_from_any_word_on_and_around_the_end(words, row_words, narrow_words):
    dut = WeightRing(words=words, row_words=row_words, narrow_words=narrow_words)
    rng = random.Random(words)

    async def bench(ctx):
        stored = [rng.getrandbits(64) for _ in range(words)]
        for address, value in enumerate(stored):
            await write_word(ctx, dut.access, address, value)
        await idle(ctx, 2)  # none waits aside
        for _ in range(200):
            address = rng.randrange(words)
            match rng.choice(["row", "narrow", "read", "write"]):
                case "row" | "narrow" as kind:
                    narrow = kind == "narrow"
                    count = (narrow and narrow_words) or row_words
                    ctx.set(dut.read_enable, 1)
                    ctx.set(dut.read_narrow, narrow)
                    ctx.set(dut.read_row, address)
                    await ctx.tick()
                    ctx.set(dut.read_enable, 0)
                    ctx.set(dut.read_row, rng.randrange(words))
                    await idle(ctx, rng.randint(0, 2))  # held
                    assert list(ctx.get(dut.read_data))[:count] == [
                        stored[(address + place) % words] for place in range(count)]
                case "read":
                    assert await read_word(ctx, dut.access, address) == stored[address]
                case "write":
                    value, mask = rng.getrandbits(64), rng.getrandbits(8)
                    await write_word(ctx, dut.access, address, value, mask)
                    stored[address] = merge(stored[address], value, mask)

    simulate(dut, bench)


@pytest.mark.parametrize(("row_words", "narrow_words", "step"), [(3, None, 3), (3, 2, 2),
                                                                 (4, None, 4), (1, None, 1)])
def test_a_word_a_cycle_beside_a_row_a_cycle(row_words, narrow_words, step):
    words = 128
    dut = WeightRing(words=words, row_words=row_words, narrow_words=narrow_words)
    rng = random.Random(row_words)
    stored = [rng.getrandbits(64) for _ in range(words)]
    fresh = [rng.getrandbits(64) for _ in range(48)]

    async def bench(ctx):
        for address, value in enumerate(stored):
            await write_word(ctx, dut.access, address, value)
        await idle(ctx, 2)
        ctx.set(dut.lock, 1)
        ctx.set(dut.access.enable, 1)
        ctx.set(dut.access.write, 1)
        ctx.set(dut.access.write_mask, 0xFF)
        ctx.set(dut.read_enable, 1)
        ctx.set(dut.read_narrow, narrow_words is not None)
        written = cycles = 0
        while written < len(fresh):  # the upper part, while rows of the lower one are read
            row = cycles * step % 56
            ctx.set(dut.read_row, row)
            ctx.set(dut.access.address, 72 + written)
            ctx.set(dut.access.write_data, fresh[written])
            granted = ctx.get(dut.access.grant)
            await ctx.tick()
            count = narrow_words or row_words
            assert list(ctx.get(dut.read_data))[:count] == stored[row:row + count]
            written += granted
            cycles += 1
        assert cycles <= len(fresh) + 2
        ctx.set(dut.access.enable, 0)
        ctx.set(dut.read_enable, 0)
        ctx.set(dut.lock, 0)
        await idle(ctx, 2)
        for place, value in enumerate(fresh):
            assert await read_word(ctx, dut.access, 72 + place) == value

    simulate(dut, bench)


def test_lock_lets_only_writes_through():
    dut = WeightRing(words=16, row_words=2)

    async def bench(ctx):
        await write_word(ctx, dut.access, 5, 55)
        await idle(ctx, 1)
        ctx.set(dut.lock, 1)
        ctx.set(dut.access.enable, 1)
        ctx.set(dut.access.write, 0)
        assert ctx.get(dut.access.grant) == 0
        ctx.set(dut.access.write, 1)
        assert ctx.get(dut.access.grant) == 1

    simulate(dut, bench)


@pytest.mark.parametrize("words", [24, 8])
def test_sizes_must_fit(words):
    with pytest.raises(ValueError, match="^Words must be a power of two and at least two lines of 8"
                                         f" banks, not {words}$"):
        WeightRing(words=words, row_words=4)
