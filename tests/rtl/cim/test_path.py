# SPDX-License-Identifier: Apache-2.0
"""Layers on the core with a macro: every result, every cycle, every event."""

import random

import pytest
from systolith.rtl.cim.channel_parameters import ChannelParameters
from systolith.rtl.cim.timing import LayerTiming
from systolith.rtl.sequencer.sequencer import Cause, Sequencer

from ...further import further
from .core_bench import CoreBench, core_parameters
from .layers import random_layer

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
MACROS = {"digital": {}, "short": {"timing": (4,) * 8},
          "wide": {"lanes": 16, "columns": 128, "adjacent": True, "timing": (7,) * 8}}


def timing(p, layer, **more):
    lanes = p.macro.lanes
    last = layer.weights.shape[3] - layer.adcs * (layer.phases - 1)
    height, width, _ = layer.out_shape
    bits = layer.fields["activation_bits"], layer.fields["weight_bits"]
    return LayerTiming(
        words=layer.words, pixels=height * width,
        groups=[layer.adcs // lanes] * (layer.phases - 1) + [-(-last // lanes)],
        pace=ChannelParameters.pace_of(lanes=lanes, width=p.program_width),
        conversion=p.macro.conversion_cycles(*bits), shortest=p.macro.shortest_cycles(*bits),
        **more)


def run_twice(b, ended):
    """Load, run, check; once more; ``ended``: cycles of each layer."""
    async def bench(ctx):
        await b.load(ctx)
        for _ in range(2):
            b.ended.clear()
            await b.start(ctx)
            assert await b.until_idle(ctx) == Cause.NONE
            await b.check(ctx)
            counts = b.core.counts
            b.counted = {name: ctx.get(counts[name]) for name in counts.shape().members}
            b.counted |= {name: ctx.get(b.core.array_counts[name])
                          for name in b.core.array_counts.shape().members}
            assert ended is None or b.ended == [
                (index, Sequencer.fetch_cycles(b.parameters.program_width) + cycles)
                for index, cycles in enumerate(ended)]

    b.simulate(bench)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
@pytest.mark.parametrize("macro", MACROS.values(), ids=list(MACROS))
def test_results_cycles_and_events(shape, macro, monkeypatch):
    p = core_parameters(**macro)
    layer = random_layer(1, p.macro, **shape)
    b = CoreBench(monkeypatch, p, [layer])
    expected = timing(p, layer)
    run_twice(b, [expected.cycles(pipelined=False)])
    stalls = expected.stalls(pipelined=False)
    count = expected.conversions
    rows = sum(len(layer.rows_of(word)) for word in range(len(layer.taps))) * layer.phases
    assert len(b.model.conversions) == 2 * count
    assert {name: b.counted[name] for name in (
        "conversions", "conversion_cycles", "rows_driven", "adcs_converted", "macs_issued",
        "weights_written", "stall_operands", "stall_drain", "stall_parameters", "stall_load",
        "weight_reads")} == {
        "conversions": count, "conversion_cycles": count * expected.conversion,
        "rows_driven": expected.pixels * rows,
        "adcs_converted": expected.pixels * len(layer.words) * layer.weights.shape[3],
        "macs_issued": count * p.macro.rows * p.macro.adcs,
        "weights_written": 0, "stall_operands": stalls.operands, "stall_drain": stalls.read,
        "stall_parameters": 0, "stall_load": 0, "weight_reads": 0}


@pytest.mark.parametrize("write_wait", [0, 5])
def test_weights_loaded_ahead_of_each_layer(write_wait, monkeypatch):
    p = core_parameters(reloads=True, columns=32, mux=2)
    first = random_layer(3, p.macro, channels_in=9, channels_out=16, tiles=1)
    second = random_layer(4, p.macro, channels_in=16, channels_out=10, size=(2, 3), tiles=2,
                          x=first.expected())
    b = CoreBench(monkeypatch, p, [first, second], write_wait=write_wait)
    loads = [size for _, size in b.bases]
    run_twice(b, None if write_wait else [
        timing(p, layer, load_words=load).cycles(pipelined=False)
        for layer, load in zip((first, second), loads, strict=True)])
    assert b.counted["weights_written"] == sum(loads) // 2
    assert b.counted["weight_reads"] == sum(loads)
    assert b.counted["stall_load"] >= sum(loads) // 2


@pytest.mark.parametrize("gdc", [0, 0x1234, 0x2001, 0xFFFF])
def test_global_drift_compensation(gdc, monkeypatch):
    p = core_parameters(timing=(5,) * 8)
    layer = random_layer(8, p.macro, channels_in=8, channels_out=8, size=(1, 2),
                         scale={"scale": 999, "scale_shift": 11})
    run_twice(CoreBench(monkeypatch, p, [layer], gdc=gdc), None)


@pytest.mark.parametrize("seed", range(4))
def test_conversions_that_stop_early(seed, monkeypatch):
    rng = random.Random(seed)
    p = core_parameters(early_stop=True)
    layer = random_layer(seed, p.macro, **SHAPES["all" if seed % 2 else "phases"])
    shortest = p.macro.shortest_cycles(layer.fields["activation_bits"],
                                       layer.fields["weight_bits"])
    run_twice(CoreBench(monkeypatch, p, [layer], duration=lambda _: rng.randint(shortest, 32)),
              None)


def test_early_stop_never(monkeypatch):
    p = core_parameters(early_stop=True)
    layer = random_layer(1, p.macro, **SHAPES["phases"])
    run_twice(CoreBench(monkeypatch, p, [layer]),
              [timing(p, layer).cycles(pipelined=False)])


@pytest.mark.parametrize("seed", [0, 1, 2, *further(range(3, 8))])
def test_any_layer(seed, monkeypatch):
    rng = random.Random(seed)
    p = core_parameters(timing=tuple(rng.randint(2, 20) for _ in range(8)), rows=96, columns=128,
                        mux=rng.choice([1, 2, 4, 8]), adjacent=rng.random() < 0.5)
    phases = rng.randint(1, min(4, p.macro.mux))
    layer = random_layer(
        seed, p.macro, channels_in=rng.randint(1, 12), channels_out=rng.randint(
            8 * phases - 7, 8 * phases), kernel=(rng.randint(1, 2), rng.randint(1, 2)),
        size=(rng.randint(2, 5), rng.randint(2, 4)), tiles=rng.randint(1, 2), phases=phases,
        pad=rng.randint(0, 1), stride=rng.randint(1, 2), signed=rng.random() < 0.5,
        bits=(rng.randint(1, 8), rng.randint(1, 8)),
        scale={"scale": rng.randrange(1, 300), "scale_shift": rng.randint(0, 9)})
    run_twice(CoreBench(monkeypatch, p, [layer]), [timing(p, layer).cycles(pipelined=False)])
