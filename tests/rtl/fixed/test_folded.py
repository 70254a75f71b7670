# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import numpy as np
import pytest
from systolith.gen.fixed.sums import WeightedSums, folded
from systolith.rtl.fixed.folded import FoldedSums

from ..streams import simulate


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(("channels", "phases"), [(4, 2), (5, 3), (6, 6)])
def test_channels_of_each_phase(channels, phases, sparse):
    rng = np.random.default_rng(channels)
    matrix = rng.integers(-127, 128, (channels, 12))
    if sparse:
        matrix[:, :] *= np.arange(12) % channels == np.arange(channels)[:, None]
    bias = rng.integers(-900, 900, channels)

    def reference(sums):
        return np.clip((3 * (sums + bias)) // 1000 + 4, -90, 100)

    sums = WeightedSums("sums", matrix, [(-128, 127)] * 12, reference, -90, 100, -bias)
    dut = FoldedSums(folded(sums, phases, 2))
    lanes = dut.parameters.lanes
    draw = random.Random(1)
    right = []

    async def bench(ctx):
        checked = 0
        while checked < 100:
            values = [draw.randint(-128, 127) for _ in range(12)]
            every = reference(matrix @ values)
            for phase in range(phases):
                ctx.set(dut.i, values)
                ctx.set(dut.phase, phase)
                ctx.set(dut.enable, -1)
                await ctx.tick()
                right.append(every[phase * lanes:(phase + 1) * lanes].tolist())
                while draw.random() < 0.3:
                    ctx.set(dut.enable, 0)
                    await ctx.tick()
                if len(right) >= dut.latency:
                    found = [ctx.get(dut.o[lane].as_signed()) for lane in range(lanes)]
                    assert found[:len(right[-dut.latency])] == right[-dut.latency]
                    checked += 1

    simulate(dut, bench)
