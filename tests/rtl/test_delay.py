# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from amaranth import Module, Signal
from systolith.rtl.delay import DelayCell, delay

from .streams import simulate


@pytest.mark.parametrize("cycles", range(10))
def test_delay(cycles):
    m = Module()
    i = Signal(12)
    o = Signal(12)
    held = Signal()
    m.d.sync += held.eq(~held)  # the clock of a delay of none
    m.d.comb += o.eq(delay(m, "line", i, cycles))
    rng = random.Random(cycles)
    values = [rng.randrange(1 << 12) for _ in range(40)]

    async def bench(ctx):
        for index, value in enumerate(values):
            ctx.set(i, value)
            assert ctx.get(o) == (values[index - cycles] if index >= cycles else 0)
            await ctx.tick()

    simulate(m, bench)


def test_delay_must_be_positive():
    with pytest.raises(ValueError, match="^Delay must be at least 1 cycle, not 0$"):
        DelayCell(width=8, cycles=0)
