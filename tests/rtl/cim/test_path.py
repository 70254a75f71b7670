# SPDX-License-Identifier: Apache-2.0
"""Layers on the core with a macro: every result and every cycle."""

import pytest
from systolith.rtl.cim.parameters import ChannelParameters
from systolith.rtl.cim.timing import LayerTiming
from systolith.rtl.sequencer.sequencer import Cause, Sequencer

from .core_bench import CoreBench, core_parameters, random_layer

SHAPES = {
    "one pixel": {"channels_in": 5, "channels_out": 3, "size": (1, 1)},
    "pointwise": {"channels_in": 24, "channels_out": 16},
    "kernel with padding": {"channels_in": 3, "channels_out": 11, "kernel": (3, 3), "pad": 1,
                            "size": (4, 3)},
    "phases": {"channels_in": 16, "channels_out": 43, "phases": 3},
    "row tiles": {"channels_in": 20, "channels_out": 12, "kernel": (2, 1), "tiles": 3,
                  "size": (3, 2)},
    "all": {"channels_in": 11, "channels_out": 29, "kernel": (2, 2), "tiles": 2, "phases": 2,
            "size": (4, 4), "stride": 2, "signed": True, "bits": (6, 5),
            "scale": {"scale": 5, "scale_shift": 3}},
}


def timing(p, layer, **more):
    lanes = p.macro.lanes
    last = layer.weights.shape[3] - layer.adcs * (layer.phases - 1)
    out = layer.out_shape
    return LayerTiming(
        words=layer.words, pixels=out[0] * out[1],
        groups=[layer.adcs // lanes] * (layer.phases - 1) + [-(-last // lanes)],
        pace=ChannelParameters.pace_of(lanes=lanes, width=p.program_width),
        conversion=p.macro.conversion_cycles(layer.fields["activation_bits"],
                                             layer.fields["weight_bits"]), **more)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
@pytest.mark.parametrize("conversion", [(), (4,) * 8], ids=["digital", "short"])
def test_result_and_cycles(shape, conversion, monkeypatch):
    p = core_parameters(timing=conversion)
    layers = [random_layer(seed, p.macro, **shape) for seed in (1,)]
    b = CoreBench(monkeypatch, p, layers)

    async def bench(ctx):
        await b.load(ctx)
        await b.start(ctx)
        assert await b.until_idle(ctx) == Cause.NONE
        await b.check(ctx)

    b.simulate(bench)
    expected = timing(p, layers[0])
    assert b.ended == [(0, Sequencer.fetch_cycles(p.program_width)
                        + expected.cycles(pipelined=False))]
