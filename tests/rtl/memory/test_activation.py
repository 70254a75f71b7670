# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.memory.activation import GROUPS, ActivationMemory

from ..streams import simulate
from .words import merge, read_word, write_word


@pytest.mark.parametrize("write_words", [1, 2])
@pytest.mark.parametrize(("banks", "words"), [(2, 8), (4, 12), (8, 32)])
def test_layer_reads_and_writes(banks, words, write_words):
    dut = ActivationMemory(banks=banks, words=words, write_words=write_words)
    rng = random.Random(banks * words)

    async def bench(ctx):
        stored = [[0] * words for _ in range(GROUPS)]
        latest = [[None] * banks for _ in range(GROUPS)]  # what each bank read last
        source = 0
        for _ in range(300):
            if rng.random() < 0.2:
                source = 1 - source
            enable = rng.getrandbits(banks)
            lines = [rng.randrange(words // banks) for _ in range(banks)]
            count = rng.randint(0, write_words)
            # Words of one cycle lie in different banks.
            targets = [bank + banks * rng.randrange(words // banks)
                       for bank in rng.sample(range(banks), write_words)]
            values = [rng.getrandbits(64) for _ in targets]
            ctx.set(dut.read_group, source)
            ctx.set(dut.read_enable, enable)
            ctx.set(dut.read_lines, lines)
            ctx.set(dut.write_group, 1 - source)
            ctx.set(dut.write_enable, (1 << count) - 1)
            ctx.set(dut.write_addresses, targets)
            ctx.set(dut.write_data, values)
            await ctx.tick()
            for bank in range(banks):
                if enable >> bank & 1:
                    latest[source][bank] = stored[source][lines[bank] * banks + bank]
                if latest[source][bank] is not None:
                    assert ctx.get(dut.read_data[bank]) == latest[source][bank]
            for word, value in zip(targets[:count], values[:count], strict=True):
                stored[1 - source][word] = value

    simulate(dut, bench)


def test_access_port_sees_every_word():
    dut = ActivationMemory(banks=4, words=12, write_words=1)
    rng = random.Random(1)
    addresses = [group * 16 + word for group in range(GROUPS) for word in range(12)]

    async def bench(ctx):
        stored = {}
        for address in addresses:
            stored[address] = rng.getrandbits(64)
            await write_word(ctx, dut.access, address, stored[address])
        for _ in range(60):
            address = rng.choice(addresses)
            if rng.random() < 0.5:
                value, mask = rng.getrandbits(64), rng.getrandbits(8)
                stored[address] = merge(stored[address], value, mask)
                await write_word(ctx, dut.access, address, value, mask)
            else:
                assert await read_word(ctx, dut.access, address) == stored[address]

    simulate(dut, bench)


def test_access_waits_for_the_layer():
    dut = ActivationMemory(banks=2, words=8, write_words=1)

    async def bench(ctx):
        ctx.set(dut.access.enable, 1)
        ctx.set(dut.access.address, 0b0_010)  # group 0, bank 0
        assert ctx.get(dut.access.grant) == 1
        ctx.set(dut.read_enable, 0b01)
        assert ctx.get(dut.access.grant) == 0
        ctx.set(dut.read_enable, 0b10)
        assert ctx.get(dut.access.grant) == 1
        ctx.set(dut.read_enable, 0)
        ctx.set(dut.write_group, 1)
        ctx.set(dut.write_enable, 1)
        ctx.set(dut.write_addresses[0], 3)
        assert ctx.get(dut.access.grant) == 1
        ctx.set(dut.access.address, 0b1_001)  # group 1, bank 1: written
        assert ctx.get(dut.access.grant) == 0
        ctx.set(dut.write_enable, 0)
        ctx.set(dut.lock, 1)
        assert ctx.get(dut.access.grant) == 1
        ctx.set(dut.access.address, 0b0_001)  # the group that the layer reads
        assert ctx.get(dut.access.grant) == 0

    simulate(dut, bench)


def test_lock_holds_read_data():
    dut = ActivationMemory(banks=2, words=8, write_words=1)

    async def bench(ctx):
        await write_word(ctx, dut.access, 0, 11)
        await write_word(ctx, dut.access, 2, 22)
        ctx.set(dut.lock, 1)
        ctx.set(dut.read_enable, 1)
        await ctx.tick()
        ctx.set(dut.read_enable, 0)
        ctx.set(dut.access.enable, 1)
        ctx.set(dut.access.write, 0)
        ctx.set(dut.access.address, 2)
        for _ in range(3):
            assert (ctx.get(dut.access.grant), ctx.get(dut.read_data[0])) == (0, 11)
            await ctx.tick()

    simulate(dut, bench)


def test_lock_lets_writes_through_to_what_is_not_read():
    dut = ActivationMemory(banks=2, words=8, write_words=1)

    async def bench(ctx):
        await write_word(ctx, dut.access, 0, 11)
        ctx.set(dut.lock, 1)
        ctx.set(dut.read_enable, 1)
        await ctx.tick()
        ctx.set(dut.read_enable, 0)
        await write_word(ctx, dut.access, 2, 22)
        assert ctx.get(dut.read_data[0]) == 11
        ctx.set(dut.lock, 0)
        assert await read_word(ctx, dut.access, 2) == 22

    simulate(dut, bench)


def test_banks_that_keep_are_read_beside_the_layer():
    dut = ActivationMemory(banks=4, words=32, write_words=1, keeps=True)
    rng = random.Random(7)

    async def bench(ctx):
        stored = [rng.getrandbits(64) for _ in range(32)]
        for address, value in enumerate(stored):
            await write_word(ctx, dut.access, address, value)
        ctx.set(dut.lock, 1)
        latest = {}
        for _ in range(400):
            enable = rng.getrandbits(4) & rng.getrandbits(4)
            lines = [rng.randrange(8) for _ in range(4)]
            ctx.set(dut.read_enable, enable)
            ctx.set(dut.read_lines, lines)
            address, asks = rng.randrange(32), rng.random() < 0.7
            write = rng.random() < 0.3
            value = rng.getrandbits(64)
            ctx.set(dut.access.enable, asks)
            ctx.set(dut.access.address, address)
            ctx.set(dut.access.write, write)
            ctx.set(dut.access.write_data, value)
            ctx.set(dut.access.write_mask, 0xFF)
            granted = ctx.get(dut.access.grant)
            assert granted == (asks and not enable >> address % 4 & 1)
            await ctx.tick()
            for bank in range(4):
                if enable >> bank & 1:
                    latest[bank] = stored[lines[bank] * 4 + bank]
                if bank in latest:
                    assert ctx.get(dut.read_data[bank]) == latest[bank]
            if granted and write:
                stored[address] = value
            elif granted:
                assert ctx.get(dut.access.read_data) == stored[address]

    simulate(dut, bench)


@pytest.mark.parametrize(("sizes", "message"), [
    ((1, 8, 1), "^Banks must be a power of two from 2 on, not 1$"),
    ((4, 10, 1), "^Activation words must be a multiple of 4 banks and at least two .*not 10$"),
    ((4, 4, 1), "^Activation words must be a multiple of 4 banks and at least two .*not 4$"),
    ((2, 8, 3), "^Words written in one cycle must be at most 2, not 3$"),
])
def test_sizes_must_fit(sizes, message):
    banks, words, write_words = sizes
    with pytest.raises(ValueError, match=message):
        ActivationMemory(banks=banks, words=words, write_words=write_words)
