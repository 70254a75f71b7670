# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.frames.frames import FrameGate

from ..streams import sample_until, simulate

PIXELS = 5


class Bench:
    def __init__(self, *, seed=0, pixels=PIXELS, share=0.7):
        self.dut = FrameGate(pixels=pixels, channels=2)
        self.rng = random.Random(seed)
        self.share = share
        self.seen = []      # (first channel, first, last), "broken"

    async def sink(self, ctx):
        o = self.dut.o
        while True:
            ctx.set(o.ready, self.rng.random() < self.share)
            _, _, valid, ready, payload, broken = await ctx.tick().sample(
                o.valid, o.ready, o.payload, self.dut.broken)
            if valid and ready:
                self.seen.append((payload.pixel[0], payload.first, payload.last))
            if broken:
                self.seen.append("broken")

    async def send(self, ctx, value, last):
        bus = self.dut.s_axis
        while self.rng.random() > self.share:
            await ctx.tick()
        ctx.set(bus.tdata, value)
        ctx.set(bus.tlast, last)
        ctx.set(bus.tvalid, 1)
        await sample_until(ctx, bus.tready)
        ctx.set(bus.tvalid, 0)

    async def frame(self, ctx, base, ends=(PIXELS - 1,), count=PIXELS):
        for place in range(count):
            await self.send(ctx, base + place, place in ends)

    def simulate(self, bench):
        async def whole(ctx):
            await bench(ctx)
            ctx.set(self.dut.o.ready, 1)
            await ctx.tick().repeat(3)
        simulate(self.dut, whole, background=[self.sink])


def frame(base, count=PIXELS):
    return [(base + place, place == 0, place == PIXELS - 1) for place in range(count)]


def test_whole_frames():
    b = Bench()

    async def bench(ctx):
        for base in (10, 20, 30):
            await b.frame(ctx, base)

    b.simulate(bench)
    assert b.seen == frame(10) + frame(20) + frame(30)


def test_frames_of_one_pixel():
    b = Bench(pixels=1)

    async def bench(ctx):
        for value in (1, 2, 3):
            await b.send(ctx, value, 1)

    b.simulate(bench)
    assert b.seen == [(1, 1, 1), (2, 1, 1), (3, 1, 1)]


@pytest.mark.parametrize("short", range(1, PIXELS))
def test_frame_too_short(short):
    b = Bench(seed=short)

    async def bench(ctx):
        await b.frame(ctx, 10, ends=(short - 1,), count=short)
        await b.frame(ctx, 20)

    b.simulate(bench)
    assert b.seen == frame(10, short - 1) + ["broken"] + frame(20)


@pytest.mark.parametrize("long", range(PIXELS + 1, 3 * PIXELS))
def test_frame_too_long(long):
    b = Bench(seed=long)

    async def bench(ctx):
        await b.frame(ctx, 10, ends=(long - 1,), count=long)
        await b.frame(ctx, 40)

    b.simulate(bench)
    assert b.seen == frame(10, PIXELS - 1) + ["broken"] + frame(40)


@pytest.mark.parametrize("sent", range(PIXELS))
def test_abort_begins_a_new_frame(sent):
    b = Bench(seed=sent)

    async def bench(ctx):
        await b.frame(ctx, 10, count=sent)
        ctx.set(b.dut.abort, 1)
        await ctx.tick()
        ctx.set(b.dut.abort, 0)
        await b.frame(ctx, 20)

    b.simulate(bench)
    assert b.seen == frame(10, sent) + frame(20)


def test_no_pixels():
    with pytest.raises(ValueError, match="^Pixels of a frame must be at least 1, not 0$"):
        FrameGate(pixels=0, channels=1)
