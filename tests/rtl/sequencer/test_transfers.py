# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.sequencer.transfers import RELEASE, Transfer, TransferQueue

from ..streams import idle, sample_until, simulate, stream_get

BASE = 5


def rows(rng, count, **fields):
    """Random transfers, which start at once unless ``fields`` say otherwise."""
    return [{name: rng.getrandbits(Transfer[name].width) for name in Transfer.members}
            | {"after": 0, "released": 0} | fields for _ in range(count)]


class Rig:
    """A queue in front of a program memory that others read in a ``share`` of the cycles."""

    def __init__(self, transfers, *, width=2, share=0.0):
        self.dut = TransferQueue(width=width, row_width=6)
        self.transfers = transfers
        self.width = width
        self.rng = random.Random(len(transfers))
        self.share = share
        words = [0] * BASE + [Transfer.const(row).as_bits() for row in transfers]
        self.words = words + [0] * (-len(words) % width)

    async def memory(self, ctx):
        dut, width = self.dut, self.width
        while True:
            ctx.set(dut.read_grant, 0)
            busy = self.rng.random() < self.share
            asked, row = ctx.get(dut.read_enable), ctx.get(dut.read_row)
            ctx.set(dut.read_grant, asked and not busy)
            await ctx.tick()
            if asked and not busy:
                ctx.set(dut.read_data, self.words[row * width:(row + 1) * width])

    async def start(self, ctx):
        ctx.set(self.dut.base, BASE)
        ctx.set(self.dut.count, len(self.transfers))
        ctx.set(self.dut.start, 1)
        await ctx.tick()
        ctx.set(self.dut.start, 0)

    async def done(self, ctx):
        ctx.set(self.dut.done, 1)
        await ctx.tick()
        ctx.set(self.dut.done, 0)

    def run(self, bench):
        simulate(self.dut, bench, background=[self.memory])


@pytest.mark.parametrize("width", [1, 2, 8])
@pytest.mark.parametrize("share", [0.0, 0.7])
def test_all_in_order(width, share):
    rng = random.Random(width)
    rig = Rig(rows(rng, 9), width=width, share=share)

    async def bench(ctx):
        for _ in range(2):  # one run after another
            assert ctx.get(rig.dut.idle)
            await rig.start(ctx)
            for count, row in enumerate(rig.transfers):
                payload = await stream_get(ctx, rig.dut.o)
                assert {name: getattr(payload, name) for name in row} == row
                assert ctx.get(rig.dut.completed) == count
                await rig.done(ctx)
            await idle(ctx, 3)
            assert ctx.get(rig.dut.completed) == 9
            await sample_until(ctx, rig.dut.idle)

    rig.run(bench)


def test_waits_for_layers():
    rig = Rig(rows(random.Random(1), 1, after=3))

    async def bench(ctx):
        await rig.start(ctx)
        for layer in range(4):
            ctx.set(rig.dut.layer, layer)
            await idle(ctx, 6)
            assert ctx.get(rig.dut.o.valid) == (layer == 3)

    rig.run(bench)


@pytest.mark.parametrize(("layer", "running", "words", "expected"), [
    (2, 1, 4 * RELEASE, 1), (2, 1, 4 * RELEASE - 1, 0), (2, 0, 99, 0), (1, 1, 99, 0), (3, 0, 0, 1)])
def test_waits_for_released_weights(layer, running, words, expected):
    rig = Rig(rows(random.Random(2), 1, after=3, released=4))

    async def bench(ctx):
        ctx.set(rig.dut.layer, layer)
        ctx.set(rig.dut.running, running)
        ctx.set(rig.dut.released, words)
        await rig.start(ctx)
        await idle(ctx, 6)
        assert ctx.get(rig.dut.o.valid) == expected

    rig.run(bench)


@pytest.mark.parametrize("cycles", range(6))
def test_stop_takes_the_offer_back_and_a_start_begins_anew(cycles):
    rig = Rig(rows(random.Random(3), 2))

    async def bench(ctx):
        await rig.start(ctx)
        await idle(ctx, cycles)
        ctx.set(rig.dut.stop, 1)
        await idle(ctx, 3)
        assert ctx.get(rig.dut.idle) and not ctx.get(rig.dut.o.valid)
        ctx.set(rig.dut.stop, 0)
        await rig.start(ctx)
        for row in rig.transfers:
            assert (await stream_get(ctx, rig.dut.o)).external == row["external"]

    rig.run(bench)
