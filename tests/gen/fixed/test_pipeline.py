# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Front ends made of golden layers, simulated, against the integer interpreter."""

import random

import numpy as np
import pytest
from systolith.gen.fixed.latency import latency
from systolith.gen.fixed.pipeline import front_end
from systolith.golden import network as golden
from systolith.golden.interpreter import run
from systolith.golden.numerics import Rounding
from systolith.rtl.fixed.front_end import FrontEnd
from systolith.verif.networks import random_addition

from ...further import further
from ...rtl.streams import idle, sample_until, simulate, stream_put, watch_held
from .small import convolution, depthwise, network, requantise


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
@pytest.mark.parametrize("waits", [(0, 0), (3, 3), *further([((2, 0),), ((0, 2),)])])
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


@pytest.mark.parametrize("waits", [(0, 0), (2, 3)])
@pytest.mark.parametrize("folds", [{0: 2}, {1: 4}, {2: 3}, {0: 2, 1: 3, 2: 5, 3: 2}])
def test_folds(folds, waits):
    rng = np.random.default_rng(0)
    check(network((6, 6, 3), convolution(rng, 0, 3, 4, (3, 3), (2, 2), (0, 1, 0, 1)),
                  depthwise(rng, 1, 4, 8, (3, 3), (1, 1), (1, 1, 1, 1)),
                  convolution(rng, 2, 8, 5, (1, 1)),
                  depthwise(rng, 3, 5, 5, (3, 3), (1, 1), (1, 1, 1, 1))), waits=waits, folds=folds)


@pytest.mark.parametrize("waits", [(0, 0), (2, 3)])
@pytest.mark.parametrize("case", [
    "max", "average", "global average", "requantised", "mean", "dense", "pad", "rescale",
    "one column", "one pixel"])
def test_layers(case, waits):
    rng = np.random.default_rng(0)
    no = (0, 0, 0, 0)
    shape = (6, 4, 3)
    match case:
        case "max":
            layers = [golden.MaxPool("pool", "MAX_POOL_2D", (0,), 1, (3, 2), (2, 1), (1, 1, 0, 1),
                                     -100, 90)]
        case "average":
            layers = [golden.AveragePool("pool", "AVERAGE_POOL_2D", (0,), 1, (2, 2), (2, 2), no,
                                         -128, 127)]
        case "global average":
            layers = [golden.AveragePool("pool", "AVERAGE_POOL_2D", (0,), 1, (6, 4), (6, 4), no,
                                         -128, 127)]
        case "requantised":
            layers = [golden.RequantisedPool("pool", "AVERAGE_POOL_2D", (0,), 1, (2, 2), (1, 1), 3,
                                             requantise(rng, 3, shifts=(1, 3)))]
        case "mean":
            layers = [golden.Mean("mean", "MEAN", (0,), 1, (1, 2), 5, 2,
                                  requantise(rng, 1, shifts=(4, 6)))]
        case "dense":
            layers = [golden.FullyConnected(
                "dense", "FULLY_CONNECTED", (0,), 1, rng.integers(-127, 128, (5, 72), np.int8),
                rng.integers(-900, 900, 5, np.int32), 9,
                requantise(rng, 5, rounding=Rounding.SINGLE))]
        case "pad":
            layers = [golden.Pad("pad", "PAD", (0,), 1, ((0, 0), (1, 1), (2, 0), (0, 0)), 4),
                      convolution(rng, 1, 3, 4, (3, 3), zero_point=4)]
        case "rescale":
            layers = [golden.Rescale("relu", "RELU", (0,), 1, 5, 3,
                                     requantise(rng, 1, zero_point=-20, low=-20, shifts=(3, 4)))]
        case "one column":
            shape = (9, 1, 3)
            layers = [depthwise(rng, 0, 3, 3, (3, 1)), depthwise(rng, 1, 3, 3, (3, 3), (2, 1),
                                                                (1, 0, 1, 1))]
        case "one pixel":
            shape = (1, 1, 3)
            layers = [convolution(rng, 0, 3, 4, (3, 3), (1, 1), (1, 1, 1, 1)),
                      convolution(rng, 1, 4, 3, (1, 1))]
    check(network(shape, *layers), waits=waits)


@pytest.mark.parametrize("waits", [(0, 0), (3, 0), (0, 3)])
def test_residual_sum(waits):
    rng = np.random.default_rng(0)
    same = ((3, 3), (1, 1), (1, 1, 1, 1))
    layers = [convolution(rng, 0, 2, 3, *same), convolution(rng, 1, 3, 3, *same),
              convolution(rng, 2, 3, 3, *same),
              random_addition(rng, "sum", (1, 3), 4, (-128, 7), 5),
              convolution(rng, 4, 3, 2, (1, 1), (2, 2))]
    check(network((6, 5, 2), *layers), waits=waits)
