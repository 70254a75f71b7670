# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.bus.axi import Burst
from systolith.rtl.bus.burst import BurstWalker

from ..streams import idle, sample_until, simulate, stream_get, stream_put, watch_held
from .axi import beat_addresses


def ref_beats(bursts):
    return [(b["id"], address // 8 * 8, n == b["len"], 0)
            for b in bursts
            for n, address in enumerate(
                beat_addresses(b["addr"], b["len"], b["size"], b["burst"]))]


def rtl_beats(bursts, count, *, i_wait=0, o_wait=0):
    walker = BurstWalker(address_width=16, id_width=3)
    beats = []

    async def produce(ctx):
        rng = random.Random(1)
        for burst in bursts:
            await idle(ctx, rng.randint(0, i_wait))
            await stream_put(ctx, walker.i, burst)

    async def consume(ctx):
        rng = random.Random(2)
        for _ in range(count):
            await idle(ctx, rng.randint(0, o_wait))
            beat = await stream_get(ctx, walker.o)
            beats.append((beat.id, beat.address, beat.last, beat.refused))
        assert ctx.get(walker.o.valid) == 0

    simulate(walker, produce, consume,
             background=[watch_held(walker.o.valid, walker.o.ready, walker.o.payload)])
    return beats


@pytest.mark.parametrize("waits", [(0, 0), (3, 0), (0, 3)])
def test_beats_of_random_bursts(waits):
    rng = random.Random(7)
    bursts = [{"id": rng.randrange(8), "addr": rng.randrange(0x8000),
               "len": rng.choice([0, 0, 1, 7, 15, 30]), "size": rng.randrange(4),
               "burst": rng.choice([Burst.FIXED, Burst.INCR])} for _ in range(20)]
    expected = ref_beats(bursts)
    assert rtl_beats(bursts, len(expected), i_wait=waits[0], o_wait=waits[1]) == expected


def test_longest_burst():
    bursts = [{"id": 0, "addr": 0x1003, "len": 255, "size": 3, "burst": Burst.INCR}]
    beats = rtl_beats(bursts, 256)
    assert beats == ref_beats(bursts)
    assert beats[-1][1] == 0x1000 + 255 * 8


@pytest.mark.parametrize(("size", "burst"), [(3, Burst.WRAP), (3, 3), (4, Burst.INCR),
                                             (7, Burst.FIXED)])
def test_refused_kinds_keep_their_number_of_beats(size, burst):
    bursts = [{"id": 5, "addr": 64, "len": 3, "size": size, "burst": burst}]
    beats = rtl_beats(bursts, 4)
    assert [(beat[0], beat[2], beat[3]) for beat in beats] == \
        [(5, 0, 1), (5, 0, 1), (5, 0, 1), (5, 1, 1)]


def test_no_gap_between_bursts():
    walker = BurstWalker(address_width=16, id_width=3)

    async def produce(ctx):
        for n in range(8):
            await stream_put(ctx, walker.i, {"id": n, "addr": 64 * n, "len": n % 3, "size": 3,
                                             "burst": Burst.INCR})

    async def consume(ctx):
        ctx.set(walker.o.ready, 1)
        await sample_until(ctx, walker.o.valid)
        for _ in range(sum(n % 3 + 1 for n in range(8)) - 1):
            _, _, valid = await ctx.tick().sample(walker.o.valid)
            assert valid

    simulate(walker, produce, consume)
