# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

from systolith.rtl.frames.slots import FrameSlots

from ..streams import idle, simulate


def test_frames_are_run_in_order_each_from_its_slot():
    dut = FrameSlots()
    rng = random.Random(1)
    filled, run = [], []  # slots

    async def filler(ctx):
        while True:
            ctx.set(dut.complete, 0)
            await idle(ctx, rng.randrange(12))
            while not ctx.get(dut.room):
                await ctx.tick()
            slot = ctx.get(dut.slot)
            await idle(ctx, rng.randrange(5))
            assert ctx.get(dut.slot) == slot, "the slot changed while it was filled"
            assert not (ctx.get(dut.busy) and ctx.get(dut.run_slot) == slot)
            filled.append(slot)
            ctx.set(dut.complete, 1)
            await ctx.tick()

    async def sequencer(ctx):
        while True:
            _, _, begin, slot = await ctx.tick().sample(dut.begin, dut.run_slot)
            if begin:
                run.append(slot)
                ctx.set(dut.busy, 1)
                for _ in range(rng.randrange(1, 20)):
                    await ctx.tick()
                    assert ctx.get(dut.run_slot) == slot
                ctx.set(dut.busy, 0)

    async def bench(ctx):
        while len(run) < 60:
            ctx.set(dut.continuous, rng.random() < 0.3)
            ctx.set(dut.start, rng.random() < 0.1)
            await ctx.tick()
            assert ctx.get(dut.frames) <= 2

    simulate(dut, bench, background=[filler, sequencer])
    assert run == filled[:len(run)] == [place % 2 for place in range(len(run))]


def test_next_run_begins_after_the_gap():
    dut = FrameSlots()

    async def bench(ctx):
        ctx.set(dut.complete, 1)
        await idle(ctx, 2)
        ctx.set(dut.complete, 0)
        ctx.set(dut.continuous, 1)
        assert ctx.get(dut.begin)
        await ctx.tick()
        ctx.set(dut.busy, 1)
        await idle(ctx, 4)
        assert not ctx.get(dut.begin)
        ctx.set(dut.busy, 0)
        for _ in range(FrameSlots.GAP - 1):  # the run begins in the cycle after
            assert not ctx.get(dut.begin)
            await ctx.tick()
        assert ctx.get(dut.begin)

    simulate(dut, bench)


def test_start_waits_for_a_frame():
    dut = FrameSlots()

    async def bench(ctx):
        ctx.set(dut.start, 1)
        assert not ctx.get(dut.begin)
        await ctx.tick()
        ctx.set(dut.start, 0)
        await idle(ctx, 5)
        assert ctx.get(dut.waiting) and not ctx.get(dut.begin)
        ctx.set(dut.complete, 1)
        await ctx.tick()
        ctx.set(dut.complete, 0)
        assert ctx.get(dut.begin)
        await ctx.tick()
        assert not ctx.get(dut.waiting)

    simulate(dut, bench)


def test_stop_forgets_the_start():
    dut = FrameSlots()

    async def bench(ctx):
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        ctx.set(dut.stop, 1)
        await ctx.tick()
        ctx.set(dut.stop, 0)
        ctx.set(dut.complete, 1)
        await ctx.tick()
        ctx.set(dut.complete, 0)
        await idle(ctx, 3)
        assert not ctx.get(dut.begin) and not ctx.get(dut.waiting)
        assert ctx.get(dut.frames) == 1

    simulate(dut, bench)


def test_abort_forgets_all_but_the_frame_of_a_run():
    dut = FrameSlots()

    async def bench(ctx):
        async def pulse(port, count=1):
            ctx.set(port, 1)
            await idle(ctx, count)
            ctx.set(port, 0)

        await pulse(dut.complete, 2)
        assert ctx.get(dut.frames) == 2 and not ctx.get(dut.room)
        await pulse(dut.abort)
        assert ctx.get(dut.frames) == 0 and ctx.get(dut.slot) == 0
        await pulse(dut.complete, 2)
        await pulse(dut.start)
        ctx.set(dut.busy, 1)
        await idle(ctx, 3)
        await pulse(dut.abort)
        assert ctx.get(dut.frames) == 1 and ctx.get(dut.slot) == 1 and ctx.get(dut.room)
        ctx.set(dut.busy, 0)
        await idle(ctx, 2)
        assert ctx.get(dut.frames) == 0 and ctx.get(dut.slot) == ctx.get(dut.run_slot) == 1

    simulate(dut, bench)


def test_no_run_begins_in_the_cycle_of_an_abort():
    dut = FrameSlots()

    async def bench(ctx):
        ctx.set(dut.complete, 1)
        await ctx.tick()
        ctx.set(dut.complete, 0)
        ctx.set(dut.start, 1)
        ctx.set(dut.abort, 1)
        assert not ctx.get(dut.begin)
        await ctx.tick()
        ctx.set(dut.start, 0)
        ctx.set(dut.abort, 0)
        assert ctx.get(dut.waiting) and not ctx.get(dut.begin)

    simulate(dut, bench)
