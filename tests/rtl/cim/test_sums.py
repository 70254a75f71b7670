# SPDX-License-Identifier: Apache-2.0
import random

from systolith.rtl.cim.sums import SumMemory

from ..streams import simulate


def test_a_place_is_written_while_the_next_is_read():
    rng = random.Random(1)
    groups, lanes = 5, 8
    dut = SumMemory(lanes=lanes, groups=groups)

    def sums():
        return [rng.randrange(-1 << 31, 1 << 31) for _ in range(lanes)]

    async def bench(ctx):
        known = [None] * groups
        for turn in range(4):
            coming = [sums() for _ in range(groups)]
            for place in range(groups + 1):
                ctx.set(dut.read_enable, place < groups)
                ctx.set(dut.read_place, place % groups)
                ctx.set(dut.write_enable, place > 0)
                if place:
                    ctx.set(dut.write_place, place - 1)
                    ctx.set(dut.write_data, coming[place - 1])
                    assert turn == 0 or list(ctx.get(dut.read_data)) == known[place - 1]
                await ctx.tick()
            known = coming
            ctx.set(dut.write_enable, 0)

    simulate(dut, bench)
