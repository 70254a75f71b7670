# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.fixed.total import FrameTotal

from ..streams import idle, simulate, stream_get, stream_put


@pytest.mark.parametrize("pixels", [1, 2, 7])
@pytest.mark.parametrize("waits", [(0, 0), (2, 3)])
def test_sums_of_frames(pixels, waits):
    dut = FrameTotal(pixels=pixels, channels=2)
    rng = random.Random(pixels)
    frames = [[[rng.choice([-128, 127, rng.randint(-128, 127)]) for _ in range(2)]
               for _ in range(pixels)] for _ in range(5)]

    async def produce(ctx):
        for frame in frames:
            for pixel in frame:
                await idle(ctx, rng.randint(0, waits[0]))
                await stream_put(ctx, dut.i, [value & 255 for value in pixel])

    async def consume(ctx):
        for frame in frames:
            await idle(ctx, rng.randint(0, waits[1]))
            payload = await stream_get(ctx, dut.o)
            assert list(payload) == [sum(channel) for channel in zip(*frame, strict=True)]
        await idle(ctx, 5)
        assert ctx.get(dut.o.valid) == 0

    simulate(dut, produce, consume)


def test_clear_forgets_all():
    dut = FrameTotal(pixels=2, channels=1)

    async def bench(ctx):
        await stream_put(ctx, dut.i, [9])
        ctx.set(dut.clear, 1)
        await ctx.tick()
        ctx.set(dut.clear, 0)
        for value in (3, 4):
            await stream_put(ctx, dut.i, [value])
        assert list(await stream_get(ctx, dut.o)) == [7]

    simulate(dut, bench)


def test_refusal():
    with pytest.raises(ValueError, match="^Pixels of a frame must be at least 1, not 0$"):
        FrameTotal(pixels=0, channels=1)
