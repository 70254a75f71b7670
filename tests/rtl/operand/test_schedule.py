# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Entries of whole layers, tile after tile, against loops over what the memory holds."""

import random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from systolith.rtl.operand.schedule import (
    WORD_BITS,
    ScheduleReader,
    entries_per_word,
    entry_layout,
)

from ..streams import idle, simulate, stream_get, watch_held

ROW_BITS = 6
NARROW, WIDE = 15, 16  # bits of addresses: two entries in a word, or one
SEARCH = settings(derandomize=True, deadline=None, max_examples=30, phases=[Phase.generate])


def entry(rng, width, last):
    return {name: last if name == "last" else rng.getrandbits(field.width)
            for name, field in entry_layout(width)}


def bits(width, value):
    return entry_layout(width).const(value).as_value().value


def memory_of(dut, base, columns):
    """Words by row: ``columns`` lists the entries of each column tile; noise all around."""
    rng = random.Random(base)
    words = [rng.getrandbits(WORD_BITS) for _ in range(1 << ROW_BITS)]
    flat = [bits(dut.address_width, value) for entries in columns for value in entries]
    size = WORD_BITS // dut.per_word
    for number, value in enumerate(flat):
        row, place = divmod(number, dut.per_word)
        mask = (1 << size) - 1 << place * size
        words[base + row] = words[base + row] & ~mask | value << place * size
    return words


def order(columns, row_tiles, tile_major):
    """Entries as they are handed out."""
    if tile_major:
        return [value for _ in range(row_tiles) for entries in columns for value in entries]
    return [value for entries in columns for _ in range(row_tiles) for value in entries]


def run(dut, words, bench, reads=None, watched=True):
    async def memory(ctx):
        while True:
            _, _, enable, row = await ctx.tick().sample(dut.read_enable, dut.read_row)
            if enable:
                ctx.set(dut.read_data, words[row])
                if reads is not None:
                    reads.append(row)

    watch = [watch_held(dut.o.valid, dut.o.ready, dut.o.payload)] if watched else []
    simulate(dut, bench, background=[memory, *watch])


async def begin(ctx, dut, base, columns, row_tiles, tile_major):
    for name, value in (("base", base), ("row_tiles", row_tiles), ("column_tiles", len(columns)),
                        ("tile_major", tile_major), ("start", 1)):
        ctx.set(getattr(dut, name), value)
    await ctx.tick()
    ctx.set(dut.start, 0)


def layer(rng, width, sizes):
    return [[entry(rng, width, at == size - 1) for at in range(size)] for size in sizes]


@SEARCH
@given(width=st.sampled_from([9, NARROW, WIDE]), base=st.integers(0, 30),
       sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4), row_tiles=st.integers(1, 3),
       tile_major=st.booleans(), wait=st.sampled_from([0, 2]))
def test_entries(width, base, sizes, row_tiles, tile_major, wait):
    rng = random.Random(base)
    dut = ScheduleReader(address_width=width, row_width=ROW_BITS)
    columns = layer(rng, width, sizes)

    async def bench(ctx):
        for _ in range(2):  # another start begins anew
            await begin(ctx, dut, base, columns, row_tiles, tile_major)
            for expected in order(columns, row_tiles, tile_major):
                await idle(ctx, rng.randint(0, wait))
                payload = await stream_get(ctx, dut.o)
                assert {name: getattr(payload, name) for name in expected} == expected
            await idle(ctx, 4)
            assert ctx.get(dut.o.valid) == 0

    run(dut, memory_of(dut, base, columns), bench)


@pytest.mark.parametrize("width", [NARROW, WIDE])
@pytest.mark.parametrize("tile_major", [0, 1])
def test_one_entry_a_cycle(width, tile_major):
    dut = ScheduleReader(address_width=width, row_width=ROW_BITS)
    columns = layer(random.Random(1), width, [1, 3, 1, 2])
    count = len(order(columns, 3, tile_major))
    valids = []

    async def bench(ctx):
        ctx.set(dut.o.ready, 1)
        await begin(ctx, dut, 5, columns, 3, tile_major)
        for _ in range(count + 5):
            _, _, valid = await ctx.tick().sample(dut.o.valid)
            valids.append(valid)

    run(dut, memory_of(dut, 5, columns), bench)
    assert valids == [0] + [1] * count + [0] * 4


def test_a_word_is_read_once_for_its_entries():
    dut = ScheduleReader(address_width=NARROW, row_width=ROW_BITS)
    columns = layer(random.Random(2), NARROW, [5, 3])
    reads = []

    async def bench(ctx):
        await begin(ctx, dut, 7, columns, 1, 0)
        for _ in range(8):
            await stream_get(ctx, dut.o)

    run(dut, memory_of(dut, 7, columns), bench, reads)
    assert reads == [7, 8, 9, 10]


def test_stop_gives_up():
    dut = ScheduleReader(address_width=NARROW, row_width=ROW_BITS)
    columns = layer(random.Random(3), NARROW, [4, 4])

    async def bench(ctx):
        for taken in (0, 1, 5):
            await begin(ctx, dut, 0, columns, 2, 0)
            for expected in order(columns, 2, 0)[:taken]:
                payload = await stream_get(ctx, dut.o)
                assert payload.tap == expected["tap"]
            ctx.set(dut.stop, 1)
            await ctx.tick()
            ctx.set(dut.stop, 0)
            for _ in range(4):
                assert ctx.get(dut.o.valid) == 0
                await ctx.tick()

    run(dut, memory_of(dut, 0, columns), bench, watched=False)


def test_addresses_decide_how_many_entries_a_word_holds():
    assert [entries_per_word(width) for width in (4, NARROW, WIDE, 20)] == [2, 2, 1, 1]
    assert entry_layout(NARROW).size == 32
