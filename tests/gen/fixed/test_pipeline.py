# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Front ends made of golden layers, simulated, against the integer interpreter."""

import random

import numpy as np
import pytest
from systolith.gen.fixed.latency import latency
from systolith.gen.fixed.pipeline import front_end
from systolith.golden.interpreter import run
from systolith.rtl.fixed.front_end import FrontEnd

from ...rtl.streams import idle, sample_until, simulate, stream_put, watch_held
from .small import convolution, depthwise, network


async def taken_from(ctx, stream, wait):
    """The next payload, taken after ``wait`` cycles; without one, ready is high all the time."""
    if wait:
        ctx.set(stream.ready, 0)
        await idle(ctx, wait)
    ctx.set(stream.ready, 1)
    payload, = await sample_until(ctx, stream.valid, stream.payload)
    return payload


def frames_through(parameters, inputs, waits=(0, 0), seed=0):
    """What a front end makes of ``inputs`` [n, h, w, c], with random pauses at both ends."""
    dut = FrontEnd(parameters)
    rng = random.Random(seed)
    channels = inputs.shape[-1]
    height, width, outputs = parameters.out_shape
    found = np.zeros((len(inputs), height, width, outputs), np.int8)
    first, last = [], []

    async def watch(ctx):
        cycle = taken = given = 0
        async for *_, i_valid, i_ready, o_valid, o_ready in ctx.tick().sample(
                dut.i.valid, dut.i.ready, dut.o.valid, dut.o.ready):
            if i_valid and i_ready:
                if taken % (inputs.shape[1] * inputs.shape[2]) == 0:
                    first.append(cycle)
                taken += 1
            if o_valid and o_ready:
                given += 1
                if given % (height * width) == 0:
                    last.append(cycle)
            cycle += 1

    async def produce(ctx):
        for frame in inputs:
            for index, pixel in enumerate(frame.reshape(-1, channels)):
                await idle(ctx, rng.randint(0, waits[0]))
                await stream_put(ctx, dut.i, {
                    "pixel": [int(value) & 255 for value in pixel], "first": index == 0})

    async def consume(ctx):
        ctx.set(dut.o.ready, 1)
        for frame in range(len(inputs)):
            for index in range(height * width):
                payload = await taken_from(ctx, dut.o, rng.randint(0, waits[1]))
                assert payload.last == (index == height * width - 1)
                found[frame, index // width, index % width] = np.array(
                    [payload.pixel[channel] for channel in range(outputs)], np.uint8).view(np.int8)
        await idle(ctx, 50)
        assert ctx.get(dut.o.valid) == 0

    simulate(dut, produce, consume, cycles=200_000,
             background=[watch_held(dut.o.valid, dut.o.ready, dut.o.payload.as_value()), watch])
    return found, first, last


def check(net, *, waits=(0, 0), frames=4, **options):
    rng = np.random.default_rng(1)
    parameters = front_end(net, range(len(net.layers)), **options)
    inputs = rng.integers(-128, 128, (frames, *net.tensors[0].shape[1:])).astype(np.int8)
    expected = run(net, inputs)[net.outputs[0]]
    found, first, last = frames_through(parameters, inputs, waits)
    assert np.array_equal(found, expected.reshape(found.shape))
    if waits == (0, 0):
        timing = latency(parameters)
        assert last[0] - first[0] == timing.latency
        assert last[-1] - last[-2] == timing.interval


@pytest.mark.parametrize("single_port", [False, True])
@pytest.mark.parametrize("waits", [(0, 0), (2, 0), (0, 2), (3, 3)])
@pytest.mark.parametrize(("kernel", "stride", "padding"), [
    ((3, 3), (1, 1), (1, 1, 1, 1)),
    ((3, 3), (2, 2), (0, 1, 0, 1)),
    ((3, 3), (1, 1), (0, 0, 0, 0)),
    ((1, 1), (1, 1), (0, 0, 0, 0)),
    ((1, 1), (2, 2), (0, 0, 0, 0)),
    ((4, 2), (2, 1), (1, 2, 0, 1)),
    ((2, 5), (1, 3), (1, 0, 2, 2)),
    ((5, 6), (5, 6), (0, 0, 0, 0)),
])
def test_convolution(kernel, stride, padding, waits, single_port):
    rng = np.random.default_rng(0)
    check(network((5, 6, 2), convolution(rng, 0, 2, 3, kernel, stride, padding, zero_point=7)),
          waits=waits, single_port=single_port)


@pytest.mark.parametrize("waits", [(0, 0), (2, 3)])
def test_depthwise_and_pointwise(waits):
    rng = np.random.default_rng(0)
    check(network((6, 6, 3), convolution(rng, 0, 3, 4, (3, 3), (2, 2), (0, 1, 0, 1)),
                  depthwise(rng, 1, 4, 8, (3, 3), (1, 1), (1, 1, 1, 1)),
                  convolution(rng, 2, 8, 5, (1, 1)),
                  depthwise(rng, 3, 5, 5, (3, 3), (1, 1), (1, 1, 1, 1))), waits=waits)
