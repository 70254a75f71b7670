# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.fixed.maximum import FixedMaximum
from systolith.rtl.fixed.parameters import MaximumParameters

from ..streams import simulate


@pytest.mark.parametrize("levels", [1, 2, 4])
@pytest.mark.parametrize("taps", [1, 2, 5, 9])
def test_largest_of_each_channel(taps, levels):
    dut = FixedMaximum(MaximumParameters(taps=taps, channels=2, low=-90, high=100,
                                         levels_per_stage=levels))
    rng = random.Random(taps)
    right = []

    async def bench(ctx):
        ctx.set(dut.enable, -1)
        for _ in range(60):
            low = rng.choice([-128, 0])
            values = [rng.randint(low, 127) for _ in range(2 * taps)]
            ctx.set(dut.i, values)
            await ctx.tick()
            right.append([min(100, max(-90, *values[channel::2])) for channel in range(2)])
            if len(right) >= dut.latency:
                assert [ctx.get(dut.o[channel].as_signed())
                        for channel in range(2)] == right[-dut.latency]

    simulate(dut, bench)
