# SPDX-License-Identifier: Apache-2.0
"""Weights reach the array from the bus, whole or in parts, and from memory."""

import random

import pytest
from systolith.rtl.cim.contract import MacroParameters
from systolith.rtl.cim.loader import LOAD_DELAY, ArrayPort, WeightLoader

from ..streams import idle, sample_until, simulate, stream_get, watch_held

P = MacroParameters(macro="digital", rows=24, columns=40, mux=1)
GROUP_BITS = 3  # 5 groups


async def access(ctx, port, address, value=0, mask=0xFF, *, write=True):
    """One access; returns what is read."""
    ctx.set(port.enable, 1)
    ctx.set(port.write, write)
    ctx.set(port.address, address)
    ctx.set(port.write_data, value)
    ctx.set(port.write_mask, mask)
    await sample_until(ctx, port.grant)
    ctx.set(port.enable, 0)
    return ctx.get(port.read_data)


def weights_of(value):
    return [byte - 256 * (byte > 127) for byte in value.to_bytes(8, "little")]


def received(taken):
    return [(word.row, word.group, list(word.weights)) for word in taken]


@pytest.mark.parametrize("masks", [[0xFF], [0x0F, 0xF0], [0xF0, 0x0F], [0x81, 0x3C, 0x42],
                                   [0xFF, 0x0F, 0xF0]])
def test_array_port(masks):
    """A word is written when its last byte came, and not again before all came again."""
    rng = random.Random(len(masks))
    dut = ArrayPort(P)
    words = [(rng.randrange(24), rng.randrange(5), rng.getrandbits(64)) for _ in range(20)]
    complete = 1 + (masks[0] == 0xFF and len(masks) > 1)
    taken = []

    async def host(ctx):
        for row, group, value in words:
            for mask in masks:
                junk = rng.getrandbits(64)
                keep = sum(0xFF << 8 * i for i in range(8) if mask >> i & 1)
                assert await access(ctx, dut.access, row << GROUP_BITS | group,
                                    value & keep | junk & ~keep, mask) == 0
                if rng.random() < 0.3:
                    assert await access(ctx, dut.access, row, write=False) == 0

    async def macro(ctx):
        for _ in range(complete * len(words)):
            await idle(ctx, rng.randint(0, 4))
            taken.append(await stream_get(ctx, dut.write))
        await idle(ctx, 10)
        assert not ctx.get(dut.write.valid) and not ctx.get(dut.busy)

    simulate(dut, host, macro, background=[
        watch_held(dut.write.valid, dut.write.ready, dut.write.payload.as_value())])
    assert received(taken) == [(row, group, weights_of(value)) for row, group, value in words
                               for _ in range(complete)]


def test_bytes_of_a_word_that_was_left_are_forgotten():
    dut = ArrayPort(P)

    async def bench(ctx):
        await access(ctx, dut.access, 8, 0x11, 0x0F)
        await access(ctx, dut.access, 9, 0x22, 0xF0)
        await access(ctx, dut.access, 8, 0x33, 0xF0)
        await idle(ctx, 2)
        assert not ctx.get(dut.busy)

    simulate(dut, bench)


@pytest.mark.parametrize("address", [24 << GROUP_BITS, 5, 31 << GROUP_BITS | 7])
def test_words_beyond_the_array_are_dropped(address):
    dut = ArrayPort(P)

    async def bench(ctx):
        await access(ctx, dut.access, address, 1)
        await idle(ctx, 3)
        assert not ctx.get(dut.busy) and not ctx.get(dut.write.valid)

    simulate(dut, bench)


def test_locked_array_is_read_but_not_written():
    dut = ArrayPort(P)

    async def bench(ctx):
        ctx.set(dut.lock, 1)
        assert await access(ctx, dut.access, 3, write=False) == 0
        ctx.set(dut.access.enable, 1)
        ctx.set(dut.access.write, 1)
        ctx.set(dut.access.write_mask, 0xFF)
        for _ in range(5):
            assert not ctx.get(dut.access.grant)
            await ctx.tick()
        ctx.set(dut.lock, 0)
        await sample_until(ctx, dut.access.grant)

    simulate(dut, bench)


class Memory:
    """Words behind a ``WeightLoader``."""

    def __init__(self, dut, words, base):
        self.dut, self.words, self.base = dut, words, base
        self.reads = []

    async def process(self, ctx):
        dut = self.dut
        while True:
            _, _, enable, row = await ctx.tick().sample(dut.read_enable, dut.read_row)
            if enable:
                self.reads.append(row - self.base)
                ctx.set(dut.read_data, self.words[row - self.base])


def pairs(rng, count):
    places = [(rng.randrange(24), rng.randrange(5), rng.getrandbits(64)) for _ in range(count)]
    return places, [word for row, group, value in places for word in (row | group << 16, value)]


async def begin(ctx, dut, base, words):
    ctx.set(dut.base, base)
    ctx.set(dut.words, words)
    ctx.set(dut.start, 1)
    await ctx.tick()
    ctx.set(dut.start, 0)


@pytest.mark.parametrize("wait", [0, 4])
@pytest.mark.parametrize("count", [0, 1, 2, 17])
def test_weight_loader(count, wait):
    rng = random.Random(count)
    dut = WeightLoader(P, row_width=8)
    places, words = pairs(rng, count)
    memory = Memory(dut, words, 29)
    taken = []

    async def bench(ctx):
        for _ in range(2):
            await begin(ctx, dut, 29, len(words))
            cycles = 1
            while ctx.get(dut.busy):
                cycles += 1
                await ctx.tick()
            if not wait:
                assert cycles == (len(words) + LOAD_DELAY if words else 1)

    async def macro(ctx):
        while True:
            await idle(ctx, rng.randint(0, wait))
            taken.append(await stream_get(ctx, dut.write))

    simulate(dut, bench, background=[memory.process, macro, watch_held(
        dut.write.valid, dut.write.ready, dut.write.payload.as_value())])
    assert received(taken) == 2 * [(row, group, weights_of(value)) for row, group, value in places]
    assert memory.reads == 2 * list(range(len(words)))


def test_loader_stops_but_keeps_what_it_offers():
    dut = WeightLoader(P, row_width=8)
    _, words = pairs(random.Random(1), 4)
    memory = Memory(dut, words, 0)

    async def bench(ctx):
        for moment in range(12):
            await begin(ctx, dut, 0, len(words))
            await idle(ctx, moment)
            ctx.set(dut.stop, 1)
            await ctx.tick()
            ctx.set(dut.stop, 0)
            await idle(ctx, 5)
            ctx.set(dut.write.ready, 1)
            await idle(ctx, 2)
            ctx.set(dut.write.ready, 0)
            assert not ctx.get(dut.busy)

    simulate(dut, bench, background=[memory.process, watch_held(
        dut.write.valid, dut.write.ready, dut.write.payload.as_value())])


@pytest.mark.parametrize("place", [24, 5 << 16, 1 << 15, 1 << 31])
def test_loader_names_what_is_beyond_the_array(place):
    dut = WeightLoader(P, row_width=8)
    memory = Memory(dut, [place, 1, 3, 2], 0)
    errors, taken = [], []

    async def bench(ctx):
        await begin(ctx, dut, 0, 4)
        ctx.set(dut.write.ready, 1)
        for _ in range(10):
            _, _, error, valid, word = await ctx.tick().sample(
                dut.error, dut.write.valid, dut.write.payload)
            errors.append(error)
            taken.extend([word] * valid)

    simulate(dut, bench, background=[memory.process])
    assert sum(errors) == 1
    assert received(taken) == [(3, 0, [2, 0, 0, 0, 0, 0, 0, 0])]
