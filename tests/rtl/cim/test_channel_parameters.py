# SPDX-License-Identifier: Apache-2.0
"""Parameters are at the post-processor when it looks at them."""

import random

import pytest
from amaranth import Module
from amaranth.lib import wiring
from systolith.rtl.cim.channel_parameters import ChannelParameters
from systolith.rtl.postproc.post_processor import PostProcessor
from systolith.rtl.postproc.requantiser import Parameters
from systolith.rtl.sequencer.descriptor import Rounding

from ..postproc.reference import requantised
from ..streams import simulate

WIDTH = 8


class Pair(wiring.Component):
    """The loader in front of a post-processor that takes a row ``DELAY`` cycles after each
    ``advance``."""

    def __init__(self, lanes):
        self.lanes = lanes
        super().__init__({})
        self.loader = ChannelParameters(lanes=lanes, width=WIDTH, row_width=10)
        self.post = PostProcessor(columns=lanes, lanes=lanes, accumulator_bits=32)

    def elaborate(self, platform):
        m = Module()
        m.submodules.loader = self.loader
        m.submodules.post = self.post
        m.d.comb += [self.post.shadow.eq(self.loader.shadow), self.post.swap.eq(1)]
        return m


@pytest.mark.parametrize("lanes", [8, 16, 32])
@pytest.mark.parametrize("sets", [1, 2, 5])
def test_every_group_meets_its_own(lanes, sets):
    rng = random.Random(lanes + sets)
    pair = Pair(lanes)
    loader, post = pair.loader, pair.post
    base, count = 37, 30
    table = [[{"multiplier": rng.randrange(1 << 30, 1 << 31), "bias": rng.randint(-999, 999),
               "shift": rng.randint(0, 20)} for _ in range(lanes)] for _ in range(sets)]
    sums = [[rng.randint(-1 << 20, 1 << 20) for _ in range(lanes)] for _ in range(count)]
    times, cycle = [], 0
    for _ in range(count):
        times.append(cycle)
        cycle += loader.pace + rng.choice([0, 0, 1, 3])
    layer = {"rounding": Rounding.SINGLE, "zero_point": 3, "low": -128, "high": 127}
    expected = [[requantised(value, c["multiplier"], c["bias"], c["shift"], **layer)
                 for value, c in zip(values, table[index % sets], strict=True)]
                for index, values in enumerate(sums)]
    got = []

    async def memory(ctx):
        while True:
            _, _, enable, row = await ctx.tick().sample(loader.read_enable, loader.read_row)
            if enable:
                index, part = divmod((row - base), loader.pace)
                ctx.set(loader.read_data, [
                    Parameters.const(c).as_value().value
                    for c in table[index][WIDTH * part:WIDTH * part + WIDTH]])

    async def bench(ctx):
        for name, value in layer.items():
            ctx.set(post.descriptor[name], value)
        ctx.set(loader.base, base)
        ctx.set(loader.sets, sets)
        ctx.set(loader.start, 1)
        await ctx.tick()
        ctx.set(loader.start, 0)
        end = times[-1] + loader.DELAY + post.latency() + 2
        for now in range(end):
            ctx.set(loader.advance, now in times)
            taken = now - loader.DELAY
            ctx.set(post.valid, taken in times)
            if taken in times:
                ctx.set(post.i, sums[times.index(taken)])
            _, _, valid, o = await ctx.tick().sample(post.o_valid, post.o)
            if valid:
                got.append(list(o))

    simulate(pair, bench, background=[memory])
    assert got == expected


@pytest.mark.parametrize(("lanes", "width"), [(64, 8), (12, 8), (24, 8), (8, 16)])
def test_lanes_that_take_too_long(lanes, width):
    with pytest.raises(ValueError, match=f"Lanes must be 1, 2 or 4 times the {width} program rows "
                                         f"of a cycle, not {lanes}"):
        ChannelParameters(lanes=lanes, width=width, row_width=4)
