# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from amaranth import Module, Signal
from amaranth.sim import Simulator
from systolith.rtl.arith.popcount import popcount


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 8, 24, 31, 64, 200])
def test_counts_ones(width):
    m = Module()
    bits, count = Signal(width), Signal(range(width + 1))
    m.d.comb += count.eq(popcount(m, "ones", bits))
    rng = random.Random(width)
    cases = range(1 << width) if width < 9 else [
        0, (1 << width) - 1, *(rng.getrandbits(width) for _ in range(50)),
        *(1 << index for index in range(width))]

    async def bench(ctx):
        for case in cases:
            ctx.set(bits, case)
            assert ctx.get(count) == case.bit_count()

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
