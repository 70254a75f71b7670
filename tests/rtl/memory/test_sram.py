# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.memory.sram import SramBank

from ..streams import simulate
from .words import merge


@pytest.mark.parametrize(("depth", "width"), [(1, 64), (2, 64), (5, 64), (32, 64), (5, 8), (4, 32)])
def test_random_accesses(depth, width):
    dut = SramBank(depth=depth, width=width)
    rng = random.Random(depth)

    async def bench(ctx):
        stored = [0] * depth
        expected = 0
        for _ in range(200):
            enable, write = rng.random() < 0.8, rng.random() < 0.5
            address = rng.randrange(depth)
            value, mask = rng.getrandbits(width), rng.getrandbits(width // 8)
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


@pytest.mark.parametrize("width", [0, 4, 12])
def test_width_must_be_whole_bytes(width):
    with pytest.raises(ValueError, match=f"^SRAM width must be a multiple of 8 bits, not {width}$"):
        SramBank(depth=1, width=width)
