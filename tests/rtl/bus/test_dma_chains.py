# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Chained commands: the next one's bursts follow at once, each is done by itself, in order."""

import random

import pytest

from ..streams import idle, stream_put
from .dma_rig import BASE, EXTERNAL, LOCAL, SLOW, Rig, command, ref_copies

CONDITIONS = pytest.mark.parametrize("conditions", [{}, {"waits": 4}, {"stall": 0.6}, SLOW],
                                     ids=str)


def bursts_of(entry):
    """Bursts that a command takes: up to 16 beats, none over the end of a page."""
    count = 0
    for segment in range(entry["more"] + 1):
        start = entry["external"] + segment * entry["external_step"]
        left = entry["length"]
        while left:
            taken = min(left, 128, 4096 - start % 4096)
            start, left, count = start + taken, left - taken, count + 1
    return count


def random_chain(rng, count):
    """Commands that depend on one another: in turns between two places, in and out."""
    chain = []
    for _ in range(count):
        length = 8 * rng.choice([1, 2, 15, 16, 17, 40, 100])
        more = rng.choice([0, 0, 1, 3])
        chain.append(command(8 * rng.randrange(512), 8 * rng.randrange(300), length,
                             more=more, external_step=length + 8 * rng.randrange(3),
                             local_step=length + 8 * rng.randrange(3),
                             write_out=rng.random() < 0.4, chained=rng.random() < 0.8))
    return chain


@CONDITIONS
@pytest.mark.parametrize("seed", [1])
def test_each_is_done_once_in_order_and_not_before_its_last_answer(conditions, seed):
    chain = random_chain(random.Random(seed), 16)
    rig = Rig(chained=True, **conditions)
    rig.commands(*chain)
    assert (rig.external.contents, rig.local.bytes) == ref_copies(chain)
    assert rig.ends == [0] * len(chain)
    needed = 0
    for entry, answered in zip(chain, rig.answered, strict=True):
        needed += bursts_of(entry)
        assert answered >= needed
    assert rig.answered[-1] == needed == len(rig.external.bursts)


@pytest.mark.parametrize("write_out", [False, True])
def test_done_comes_with_the_last_answer(write_out):
    """Three commands of two bursts each, then one by itself."""
    chain = [command(512 * n, 512 * n, 256, write_out=write_out, chained=True) for n in range(3)]
    rig = Rig(chained=True)
    rig.commands(*chain)
    assert rig.answered == [2, 4, 6]


@pytest.mark.parametrize("write_out", [False, True])
def test_bursts_of_the_next_one_do_not_wait(write_out):
    chain = [command(512 * n, 512 * n, 128, write_out=write_out, chained=True) for n in range(4)]
    rig = Rig(chained=True)
    rig.commands(*chain)
    assert rig.external.most_open >= 2
    apart = Rig()
    apart.commands(*(entry | {"chained": False} for entry in chain))
    assert apart.external.most_open == 1


@CONDITIONS
def test_a_turn_of_direction_waits_for_every_answer(conditions):
    """What goes out is read back in at once, and out again from there."""
    chain = [command(0, 0, 512, write_out=True, chained=True),
             command(0, 1024, 512, chained=True),
             command(1024, 1024, 512, write_out=True, chained=True)]
    rig = Rig(chained=True, **conditions)
    rig.commands(*chain)
    assert rig.external.contents[:512] == LOCAL[:512] == rig.external.contents[1024:1536]
    assert rig.local.bytes[1024:1536] == LOCAL[:512]


@pytest.mark.parametrize(("before", "behind"), [(True, False), (False, True)])
def test_a_command_that_is_not_chained_stays_alone(before, behind):
    chain = [command(0, 0, 128, chained=before), command(512, 512, 128, chained=behind)]
    rig = Rig()  # which sees that nothing is outstanding when one is done
    rig.commands(*chain)
    assert rig.external.most_open == 1
    assert rig.answered == [1, 2]


@CONDITIONS
def test_nothing_to_move_is_done_too(conditions):
    chain = [command(0, 0, 1024, chained=True), command(0, 0, 0, chained=True),
             command(0, 0, 0, more=2, chained=True), command(1024, 1024, 64, chained=True)]
    rig = Rig(chained=True, **conditions)
    rig.commands(*chain)
    assert rig.ends == [0] * 4
    assert rig.answered == [8, 8, 8, 9]


@CONDITIONS
@pytest.mark.parametrize("place", [0, 1])
def test_read_error_ends_the_chain(conditions, place):
    rig = Rig(chained=True, bad_reads={BASE + 1024 * place + 1016}, **conditions)

    async def bench(ctx):
        for number in range(2):
            await stream_put(ctx, rig.dut.i, command(1024 * number, 1024 * number, 1024,
                                                     chained=True))
        await rig.settle(ctx)
        assert ctx.get(rig.dut.error)
        await stream_put(ctx, rig.dut.i, command(2048, 2048, 64, chained=True))
        await rig.settle(ctx)

    rig.run(bench)
    assert rig.ends[-2:] == [1, 0], "told once, and over with the next command"
    assert rig.ends.count(1) == 1 and rig.ends.index(1) >= place
    assert rig.local.bytes[1024 * place + 1016:][:8] == LOCAL[1024 * place + 1016:][:8]
    assert rig.local.bytes[2048:2112] == EXTERNAL[2048:2112]


@CONDITIONS
def test_the_command_whose_last_burst_fails_is_not_done_before(conditions):
    rig = Rig(chained=True, bad_reads={BASE + 120}, **conditions)
    rig.commands(command(0, 0, 128, chained=True))
    assert rig.ends == [1]
    rig = Rig(chained=True, bad_writes={BASE}, **conditions)
    rig.commands(command(0, 0, 128, write_out=True, chained=True))
    assert rig.ends == [1]


@CONDITIONS
def test_write_error_ends_the_chain(conditions):
    rig = Rig(chained=True, bad_writes={BASE + 1024}, **conditions)

    async def bench(ctx):
        for number in range(2):
            await stream_put(ctx, rig.dut.i, command(1024 * number, 1024 * number, 1024,
                                                     write_out=True, chained=True))
        await rig.settle(ctx)

    rig.run(bench)
    assert rig.ends == [0, 1]


def test_malformed_command_in_a_chain():
    rig = Rig(chained=True)

    async def bench(ctx):
        for entry in (command(0, 0, 1024, chained=True), command(4, 0, 64, chained=True),
                      command(2048, 2048, 64, chained=True)):
            await stream_put(ctx, rig.dut.i, entry)
        await rig.settle(ctx)

    rig.run(bench)
    assert rig.ends == [1, 0], "an error is one of all that is outstanding"
    assert rig.local.bytes[2048:2112] == EXTERNAL[2048:2112]


@pytest.mark.parametrize("conditions", [{}, SLOW], ids=str)
@pytest.mark.parametrize("write_out", [False, True])
def test_stop_between_chained_commands(write_out, conditions):
    for delay in (0, 1, 3, 6, 9, 14, 25, 40):
        rig = Rig(seed=delay, chained=True, **conditions)

        async def bench(ctx, rig=rig, delay=delay):
            await stream_put(ctx, rig.dut.i, command(0, 0, 128, write_out=write_out,
                                                     chained=True))
            await stream_put(ctx, rig.dut.i, command(512, 512, 1024, write_out=write_out,
                                                     chained=True))
            await idle(ctx, delay)
            ctx.set(rig.dut.stop, 1)
            await ctx.tick()
            ctx.set(rig.dut.stop, 0)
            await rig.settle(ctx)
            assert rig.ends in ([], [0])
            await stream_put(ctx, rig.dut.i, command(2048, 2048, 64, write_out=not write_out))
            await rig.settle(ctx)

        rig.run(bench)
        assert rig.ends in ([0], [0, 0])
        beats = sum(beats for _, _, beats in rig.external.bursts[:-1])
        assert 16 <= beats < 16 + 128
