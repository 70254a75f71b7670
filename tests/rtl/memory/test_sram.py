# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.memory.sram import SramBank

from ..streams import simulate
from .words import merge


@pytest.mark.parametrize("depth", [1, 2, 5, 32])
def test_random_accesses(depth):
    dut = SramBank(depth=depth)
    rng = random.Random(depth)

    async def bench(ctx):
        stored = [0] * depth
        expected = 0
        for _ in range(200):
            enable, write = rng.random() < 0.8, rng.random() < 0.5
            address, value, mask = rng.randrange(depth), rng.getrandbits(64), rng.getrandbits(8)
            ctx.set(dut.enable, enable)
            ctx.set(dut.write, write)
            ctx.set(dut.address, address)
            ctx.set(dut.write_data, value)
            ctx.set(dut.write_mask, mask)
            await ctx.tick()
            if enable and write:
                stored[address] = merge(stored[address], value, mask)
            elif enable:
                expected = stored[address]
            assert ctx.get(dut.read_data) == expected

    simulate(dut, bench)


def test_depth_must_be_positive():
    with pytest.raises(ValueError, match="^SRAM depth must be at least 1 word, not 0$"):
        SramBank(depth=0)
