# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.constants.graph import AdderGraph, Operand
from systolith.rtl.fixed.parameters import Scaling, SumsParameters
from systolith.rtl.fixed.sums import FixedSums

from ..streams import simulate

INT8 = (-128, 127)
GRAPH = AdderGraph((INT8,) * 3, ((Operand(0), Operand(1, 2)), (Operand(3), Operand(2, 1, True))),
                   (Operand(3), Operand(4), Operand(2)))
FACTORS = AdderGraph(GRAPH.output_ranges, ((Operand(0), Operand(0, 2)),),
                     (Operand(3), Operand(1), Operand(2)))
SCALINGS = (Scaling(offset=3 + (100 << 3), shift=3, low=-100, high=90),
            Scaling(offset=1, shift=2, low=0, high=127, split=-20, below=65),
            Scaling(offset=128, shift=0, low=-128, high=127, more=(5, -7), less=(9,)))


def expected(values):
    found = []
    for x, scaling in zip(FACTORS.evaluate(GRAPH.evaluate(values)), SCALINGS, strict=True):
        offset = scaling.offset if scaling.split is None or x >= scaling.split else scaling.below
        shifted = (x + offset >> scaling.shift) + (x in scaling.more) - (x in scaling.less)
        found.append(scaling.low + min(scaling.high - scaling.low, max(0, shifted)))
    return found


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_equals_its_definition(levels):
    dut = FixedSums(SumsParameters(graph=GRAPH, factors=FACTORS, scalings=SCALINGS,
                                   levels_per_stage=levels))
    rng = random.Random(1)
    right = []

    async def bench(ctx):
        checked = 0
        while checked < 200:
            values = [rng.choice([-128, 127, 5, -7, 9, rng.randint(-128, 127)]) for _ in range(3)]
            enable = rng.random() < 0.7
            ctx.set(dut.i, values)
            ctx.set(dut.enable, -1 if enable else 0)
            await ctx.tick()
            if enable:
                right.append(expected(values))
            if len(right) >= dut.latency:
                found = [ctx.get(dut.o[index].as_signed()) for index in range(3)]
                assert found == right[-dut.latency]
                checked += 1

    simulate(dut, bench)
