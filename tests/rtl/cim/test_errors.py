# SPDX-License-Identifier: Apache-2.0
"""Descriptors that are refused, macros that do not answer, runs that are stopped anywhere."""

import random
from dataclasses import replace

import pytest
from systolith.rtl.sequencer.descriptor import Opcode
from systolith.rtl.sequencer.sequencer import Cause

from ...further import further
from ..streams import idle
from .core_bench import CoreBench, core_parameters
from .layers import random_layer

REFUSED = {
    "no bits of activations": {"change_fields": {"activation_bits": 0}},
    "nine bits of activations": {"change_fields": {"activation_bits": 9}},
    "no bits of weights": {"change_fields": {"weight_bits": 0}},
    "nine bits of weights": {"change_fields": {"weight_bits": 9}},
    "no phases": {"change_fields": {"phases": 0}},
    "a phase more": {"change_fields": {"phases": 3}},
    "no ADCs": {"change_fields": {"adcs": 0}},
    "no ADCs of the last phase": {"change_fields": {"last_adcs": 0}},
    "more ADCs of the last phase": {"change_fields": {"last_adcs": 9}},
    "ADCs beside groups": {"change_fields": {"adcs": 9}},
    "weights that are not resident": {"change_fields": {"load_words": 2}},
    "no channels": {"change": {"last_channels": 0}},
    "nine channels": {"change": {"last_channels": 9}},
    "channels of another tensor": {"change": {"destination_blocks": 3}},
    "nine row tiles": {"change": {"column_tiles": 9}},
    "a row beyond": {"places": [(64, 0, 0), (0, 0, 0)]},
    "a row beyond, second tile": {"places": [(0, 0, 0), (64, 0, 0)]},
    "an ADC within a group": {"places": [(0, 4, 0), (24, 0, 0)]},
    "ADCs beyond": {"places": [(0, 0, 0), (24, 16, 0)]},
    "a phase beyond": {"places": [(0, 0, 3), (24, 0, 0)]},
    "words beyond the last row": {"places": [(0, 0, 0), (60, 0, 0)]},
}
TWO_TILES = {"channels_in": 24, "channels_out": 14, "kernel": (1, 2), "size": (2, 4), "tiles": 2,
             "phases": 2}


def test_refuses(monkeypatch):
    p = core_parameters(timing=(9,) * 8)
    good = random_layer(5, p.macro, **TWO_TILES)
    b = CoreBench(monkeypatch, p, [good])
    right = dict(b.words)
    seen = {}

    async def bench(ctx):
        await b.load(ctx)
        for name, change in REFUSED.items():
            b.layers = [replace(good, **change)]
            b.place_weights = False
            await b.load_changed(ctx, b.image())
            await b.start(ctx)
            seen[name] = await b.until_idle(ctx)
            b.layers = [good]
            b.place_weights = True
            await b.load_changed(ctx, right)
        await b.start(ctx)  # nothing is left of what was refused
        assert await b.until_idle(ctx) == Cause.NONE
        await b.check(ctx)

    b.simulate(bench)
    assert seen == dict.fromkeys(REFUSED, Cause.BAD_DESCRIPTOR)


def test_refuses_results_of_the_vector_unit(monkeypatch):
    p = core_parameters(timing=(9,) * 8, vector_lanes=8)
    layer = random_layer(5, p.macro, channels_in=8, channels_out=8)
    fused = replace(layer, change={"opcode": Opcode.WINDOW, "fused": 1, "sliding": 1,
                                   "source_group": 1, "destination_group": 0})
    b = CoreBench(monkeypatch, p, [fused, layer])

    async def bench(ctx):
        await b.load(ctx)
        ctx.set(b.core.watchdog, 1000)
        await b.start(ctx)
        assert await b.until_idle(ctx) == Cause.BAD_DESCRIPTOR
        assert ctx.get(b.core.layer) == 1

    b.simulate(bench)


@pytest.mark.parametrize("place", [64, 8 << 16, 1 << 15])
def test_refuses_weights_beyond_the_array(place, monkeypatch):
    p = core_parameters(reloads=True, timing=(9,) * 8)
    b = CoreBench(monkeypatch, p, [random_layer(5, p.macro, channels_in=8, channels_out=8)])
    right = dict(b.words)

    async def bench(ctx):
        await b.load(ctx)
        await b.load_changed(ctx, {p.region_address(1) + 16: place})
        await b.start(ctx)
        assert await b.until_idle(ctx) == Cause.BAD_DESCRIPTOR
        assert b.model.fires == []
        await b.load_changed(ctx, right)
        await b.start(ctx)
        assert await b.until_idle(ctx) == Cause.NONE
        await b.check(ctx)

    b.simulate(bench)


@pytest.mark.parametrize("reloads", [False, True], ids=["resident", "reloads"])
def test_macro_that_does_not_answer(reloads, monkeypatch):
    p = core_parameters(timing=(9,) * 8, reloads=reloads)
    layer = random_layer(5, p.macro, **TWO_TILES)
    lost = 7
    b = CoreBench(monkeypatch, p, [layer], duration=lambda index: 0 if index == lost else None)

    async def bench(ctx):
        core = b.core
        await b.load(ctx)
        ctx.set(core.watchdog, 1000)
        await b.start(ctx)
        assert await b.until_idle(ctx) == Cause.WATCHDOG
        assert len(b.model.fires) == lost + 1
        await b.start(ctx)  # again, while the macro is still at it
        assert await b.until_idle(ctx) == Cause.WATCHDOG
        assert len(b.model.fires) == lost + 1
        await b.start(ctx)
        await idle(ctx, 100)
        ctx.set(core.stop, 1)
        await ctx.tick()
        ctx.set(core.stop, 0)
        assert await b.until_idle(ctx) == Cause.NONE
        await b.start(ctx)
        await idle(ctx, 50)
        b.model.release = True
        assert await b.until_idle(ctx) == Cause.NONE
        await b.check(ctx)

    b.simulate(bench)


@pytest.mark.parametrize("macro", [
    {"reloads": True, "timing": (5,) * 8},
    *further([{"timing": (3,) * 8}, {"timing": (23,) * 8}])], ids=["reloads", "short", "long"])
def test_stopped_anywhere(macro, monkeypatch):
    rng = random.Random(3)
    p = core_parameters(**macro)
    layer = random_layer(6, p.macro, **TWO_TILES)
    b = CoreBench(monkeypatch, p, [layer])

    async def bench(ctx):
        core = b.core
        await b.load(ctx)
        await b.start(ctx)
        await b.until_idle(ctx)
        (_, cycles), = b.ended
        for moment in [*range(20, 32), *rng.sample(range(cycles), 12)]:
            await b.start(ctx)
            await idle(ctx, moment)
            ctx.set(core.stop, 1)
            await ctx.tick()
            ctx.set(core.stop, 0)
            assert await b.until_idle(ctx) == Cause.NONE
            if rng.random() < 0.2:
                b.ended.clear()
                await b.start(ctx)
                assert await b.until_idle(ctx) == Cause.NONE
                await b.check(ctx)
                assert b.ended == [(0, cycles)] or macro["timing"][0] > 20

    b.simulate(bench)
