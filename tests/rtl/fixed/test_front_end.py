# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Frames cut short at every pixel; whole frames are in ``tests/gen/fixed/test_pipeline``."""

import numpy as np
import pytest
from systolith.gen.fixed.pipeline import front_end
from systolith.golden.interpreter import run
from systolith.rtl.fixed.front_end import FrontEnd

from ...gen.fixed.small import convolution, depthwise, network
from ..streams import idle, simulate, stream_get, stream_put


@pytest.mark.parametrize("folds", [{}, {0: 2, 1: 2}])
@pytest.mark.parametrize("restart", [False, True])
def test_frame_cut_short(restart, folds):
    rng = np.random.default_rng(0)
    net = network((4, 4, 1), convolution(rng, 0, 1, 2, (3, 3), (1, 1), (1, 1, 1, 1)),
                  depthwise(rng, 1, 2, 2, (3, 3), (2, 2), (0, 1, 0, 1)))
    parameters = front_end(net, range(2), folds=folds)
    inputs = rng.integers(-128, 128, (3, 4, 4, 1)).astype(np.int8)
    right = run(net, inputs)[2].reshape(3, -1, 2)
    for cut in range(1, 16):
        dut = FrontEnd(parameters)

        async def put(ctx, frame, count, dut=dut):
            for index, value in enumerate(inputs[frame].ravel()[:count]):
                await stream_put(ctx, dut.i, {"pixel": [int(value) & 255], "first": index == 0})

        async def produce(ctx, dut=dut, cut=cut, put=put):
            await put(ctx, 0, 16)
            await put(ctx, 1, cut)
            if not restart:
                ctx.set(dut.abort, 1)
                await ctx.tick()
                ctx.set(dut.abort, 0)
            await put(ctx, 2, 16)

        async def consume(ctx, dut=dut):
            ctx.set(dut.o.ready, 1)
            given = []
            while not (ctx.get(dut.abort) or ctx.get(dut.restart)):
                _, _, valid, payload = await ctx.tick().sample(dut.o.valid, dut.o.payload)
                if valid:
                    given.append(([*payload.pixel], payload.last))
            for (pixel, _), expected in zip(given[:4], right[0], strict=False):
                assert np.array(pixel, np.uint8).view(np.int8).tolist() == expected.tolist()
            assert [last for _, last in given[:4]] == [0, 0, 0, 1][:len(given)]
            await ctx.tick()
            for index, expected in enumerate(right[2]):
                payload = await stream_get(ctx, dut.o)
                found = np.array([*payload.pixel], np.uint8).view(np.int8)
                assert found.tolist() == expected.tolist()
                assert payload.last == (index == 3)
            await idle(ctx, 30)
            assert ctx.get(dut.o.valid) == 0

        simulate(dut, produce, consume)
