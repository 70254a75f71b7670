# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest
from systolith.gen.compiler import compile_network
from systolith.gen.predict import predict
from systolith.gen.predict.cim import array_time, conversions, layer_timing
from systolith.gen.spec import load
from systolith.golden.cim.analognets import keyword_spotting
from systolith.verif.networks import small_network

SPEC = load("cim-pcm")


def test_keyword_spotting_of_the_paper():
    program = compile_network(SPEC, keyword_spotting())
    assert [conversions(layer) for layer in program.layers] == [
        490, 125, 125, 125, 125, 0, 1]
    assert array_time(program) == 991 * 130
    rate = 1e6 * SPEC.target.clock_mhz / array_time(program)
    assert rate == pytest.approx(7762, abs=0.5)
    # What comes on top: fills and read-outs at the layers' ends, pools, descriptors.
    assert 1 < predict(program).cycles / array_time(program) < 1.02


@pytest.mark.parametrize(("bits", "cycles"), [(8, 130), (6, 34), (4, 10)])
def test_a_pixel_takes_a_conversion_or_what_goes_in_and_out(bits, cycles):
    spec = load("cim-pcm", [f"cim.activation_bits={bits}"])
    program = compile_network(spec, keyword_spotting())
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
    program = compile_network(SPEC, keyword_spotting())
    prediction = predict(program)
    macs = sum(layer.lowered.macs for layer in program.layers)
    assert prediction.utilisation == pytest.approx(
        macs / prediction.cycles / program.parameters.multipliers)
    assert program.parameters.multipliers == 1024 * 128


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
