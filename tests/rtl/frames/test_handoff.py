# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.frames.handoff import Handoff, SlotLayout

from ..streams import idle, sample_until, simulate

WIDE = SlotLayout(height=3, width=5, channels=19, step_x=(1, 1), step_y=(5, 5), plane=17,
                  slot_step=64)
SPLIT = SlotLayout(height=4, width=4, channels=8, step_x=(4, -3), step_y=(8, -6), plane=17,
                   slot_step=20)
NARROW = SlotLayout(height=2, width=3, channels=1, step_x=(1, 1), step_y=(3, 3), plane=7,
                    slot_step=8)


def address(layout, slot, y, x, block):
    column = x // 2 * sum(layout.step_x) + x % 2 * layout.step_x[0]
    row = y // 2 * sum(layout.step_y) + y % 2 * layout.step_y[0]
    return slot * layout.slot_step + block * layout.plane + row + column


def words(layout, slot, frame):
    """Words by address of a frame [y][x][channel]."""
    return {address(layout, slot, y, x, block): sum(
        value << 8 * place for place, value in enumerate(pixel[8 * block:8 * block + 8]))
        for y, row in enumerate(frame) for x, pixel in enumerate(row)
        for block in range(layout.blocks)}


def random_frame(rng, layout):
    return [[[rng.randrange(256) for _ in range(layout.channels)]
             for _ in range(layout.width)] for _ in range(layout.height)]


class Bench:
    """A hand-off whose memory grants a share of its requests."""

    def __init__(self, layout, *, share=1.0, gaps=0.0, seed=0):
        self.dut = Handoff(layout, address_width=7)
        self.layout = layout
        self.rng = random.Random(seed)
        self.share, self.gaps = share, gaps
        self.written, self.frames = {}, []

    async def memory(self, ctx):
        port = self.dut.memory
        while True:
            ctx.set(port.grant, self.rng.random() < self.share)
            _, _, enable, grant, at, value, complete = await ctx.tick().sample(
                port.enable, port.grant, port.address, port.write_data, self.dut.complete)
            if enable and grant:
                assert at not in self.written
                self.written[at] = value
            if complete:
                self.frames.append(self.written)
                self.written = {}

    async def send(self, ctx, frame, *, pixels=None):
        stream = self.dut.i
        flat = [pixel for row in frame for pixel in row]
        for place, pixel in enumerate(flat[:pixels]):
            while self.rng.random() < self.gaps:
                await ctx.tick()
            ctx.set(stream.payload, {"pixel": pixel, "last": place == len(flat) - 1})
            ctx.set(stream.valid, 1)
            await sample_until(ctx, stream.ready)
            ctx.set(stream.valid, 0)


@pytest.mark.parametrize("layout", [WIDE, SPLIT, NARROW])
@pytest.mark.parametrize(("share", "gaps"), [(1.0, 0.0), (0.4, 0.0), (0.7, 0.5)])
def test_frames_lie_in_their_slots(layout, share, gaps):
    b = Bench(layout, share=share, gaps=gaps)
    frames = [random_frame(b.rng, layout) for _ in range(4)]

    async def bench(ctx):
        ctx.set(b.dut.room, 1)
        for index, frame in enumerate(frames):
            ctx.set(b.dut.slot, index % 2)
            await b.send(ctx, frame)
            while len(b.frames) <= index:
                await ctx.tick()

    simulate(b.dut, bench, background=[b.memory])
    assert b.frames == [words(layout, index % 2, frame) for index, frame in enumerate(frames)]


def test_pixel_of_one_word_a_cycle():
    b = Bench(NARROW)

    async def bench(ctx):
        ctx.set(b.dut.room, 1)
        for _ in range(2):
            frame = random_frame(b.rng, NARROW)
            for row in frame:
                for x, pixel in enumerate(row):
                    ctx.set(b.dut.i.payload,
                            {"pixel": pixel, "last": row is frame[-1] and x == len(row) - 1})
                    ctx.set(b.dut.i.valid, 1)
                    assert ctx.get(b.dut.i.ready)
                    await ctx.tick()
        ctx.set(b.dut.i.valid, 0)
        await idle(ctx, 2)

    simulate(b.dut, bench, background=[b.memory])
    assert len(b.frames) == 2


def test_no_room():
    b = Bench(NARROW)

    async def bench(ctx):
        ctx.set(b.dut.i.valid, 1)
        await idle(ctx, 20)
        assert not ctx.get(b.dut.i.ready)
        assert not b.written

    simulate(b.dut, bench, background=[b.memory])


@pytest.mark.parametrize("pixels", [1, 2, 7, 14])
def test_nothing_is_left_of_an_aborted_frame(pixels):
    b = Bench(WIDE, share=0.5, seed=pixels)
    frames = [random_frame(b.rng, WIDE) for _ in range(2)]

    async def bench(ctx):
        ctx.set(b.dut.room, 1)
        await b.send(ctx, frames[0], pixels=pixels)
        ctx.set(b.dut.abort, 1)
        await ctx.tick()
        ctx.set(b.dut.abort, 0)
        b.written.clear()
        await b.send(ctx, frames[1])
        while not b.frames:
            await ctx.tick()

    simulate(b.dut, bench, background=[b.memory])
    assert b.frames == [words(WIDE, 0, frames[1])]


def test_slots_too_large():
    with pytest.raises(ValueError, match="^Slots must fit 32 words, not 2 of 20$"):
        Handoff(SPLIT, address_width=5)
