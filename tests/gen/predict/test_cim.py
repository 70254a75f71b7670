# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest
from systolith.gen.mapping import compile_network
from systolith.gen.predict import predict
from systolith.gen.predict.cim import array_multipliers, array_time, conversions, layer_timing
from systolith.gen.spec import load
from systolith.golden import network as golden
from systolith.golden.numerics import Requantise, Rounding
from systolith.verif.networks import small_network

SPEC = load("cim-pcm")


def requantise(channels):
    return Requantise(np.full(channels, 1 << 30, np.int32), np.full(channels, 9, np.int32), -128,
                      -128, 127, Rounding.DOUBLE)


def analognets():
    """Keyword spotting as AnalogNets has it: 3x3 convolutions of 112 channels, the first of 49x10
    pixels, four of 25x5, and a classifier."""
    rng = np.random.default_rng(1)

    def weights(*shape):
        return rng.integers(-90, 91, shape).astype(np.int8)

    layers = [golden.Convolution("first", "CONV_2D", (0,), 1, weights(112, 3, 3, 1),
                                 np.zeros(112, np.int32), (1, 1), (1, 1, 1, 1), -128,
                                 requantise(112))]
    for index in range(1, 5):
        stride, padding = ((2, 2), (1, 1, 0, 1)) if index == 1 else ((1, 1), (1, 1, 1, 1))
        layers.append(golden.Convolution(
            f"conv{index}", "CONV_2D", (index,), index + 1, weights(112, 3, 3, 112),
            np.zeros(112, np.int32), stride, padding, -128, requantise(112)))
    layers += [golden.AveragePool("pool", "AVERAGE_POOL_2D", (5,), 6, (25, 5), (1, 1), (0,) * 4,
                                  -128, 127),
               golden.FullyConnected("classifier", "FULLY_CONNECTED", (6,), 7, weights(12, 112),
                                     np.zeros(12, np.int32), -128, requantise(12))]
    shapes = [(49, 10, 1), (49, 10, 112), *[(25, 5, 112)] * 4, (1, 1, 112), (12,)]
    tensors = {index: golden.Tensor(index, f"t{index}", (1, *shape), zero_point=-128)
               for index, shape in enumerate(shapes)}
    return golden.Network("analognets", tensors, tuple(layers), (0,), (7,))


def test_keyword_spotting_of_the_paper():
    program = compile_network(SPEC, analognets())
    assert [conversions(layer) for layer in program.layers] == [490, 125, 125, 125, 125, 0, 1]
    assert array_time(program) == 991 * 130
    rate = 1e6 * SPEC.target.clock_mhz / array_time(program)
    assert rate == pytest.approx(7762, abs=0.5)
    # What comes on top: fills and read-outs at the layers' ends, pools, descriptors.
    assert 1 < predict(program).cycles / array_time(program) < 1.02


@pytest.mark.parametrize(("bits", "cycles"), [(8, 130), (6, 34), (4, 10)])
def test_a_pixel_takes_a_conversion_or_what_goes_in_and_out(bits, cycles):
    spec = load("cim-pcm", [f"cim.activation_bits={bits}"])
    program = compile_network(spec, analognets())
    for layer, predicted in zip(program.layers, predict(program).layers, strict=True):
        if not conversions(layer):
            continue
        timing = layer_timing(layer, program.parameters)
        assert timing.conversion == cycles
        reading = timing.pace * sum(timing.groups) + 1
        pace = max(cycles, sum(timing.words), reading)
        beside = predicted.cycles - pace * (timing.pixels - 1)
        assert cycles < beside < cycles + sum(timing.words) + 80


def test_utilisation_is_of_the_array():
    program = compile_network(SPEC, analognets())
    prediction = predict(program)
    macs = sum(layer.lowered.macs for layer in program.layers)
    assert prediction.utilisation == pytest.approx(
        macs / prediction.cycles / array_multipliers(program.parameters))
    assert array_multipliers(program.parameters) == 1024 * 128


def test_loads_come_ahead():
    program = compile_network(
        load("cim-digital", ["cim.rows=152", "cim.columns=32", "cim.mux=2", "postproc.lanes=8",
                             "cim.residency=reloaded"]),
        small_network(np.random.default_rng(3)))
    extra = []
    for layer in program.layers:
        if conversions(layer):
            timing = layer_timing(layer, program.parameters)
            without = replace(timing, load_words=0).cycles(pipelined=False)
            extra.append(timing.cycles(pipelined=False) - without)
            assert (extra[-1] > 0) == (layer.load_words > 0)
            assert extra[-1] <= layer.load_words + 3
    assert any(extra)
