# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.postproc.post_processor import PostProcessor
from systolith.rtl.postproc.requantiser import Requantiser
from systolith.rtl.sequencer.descriptor import Rounding

from ..streams import simulate
from .reference import requantised


def parameters(rng, columns):
    """Per column: multiplier, bias, shift."""
    return [(rng.randrange(1 << 30, 1 << 31), rng.randrange(-500, 500), rng.randrange(4))
            for _ in range(columns)]


def pack(columns):
    return [multiplier | (bias & 0xFFFFFFFF) << 32 | shift << 64
            for multiplier, bias, shift in columns]


@pytest.mark.parametrize("rounding", [Rounding.DOUBLE, Rounding.SINGLE])
@pytest.mark.parametrize(("columns", "lanes"), [(8, 8), (16, 8), (24, 8), (16, 16)])
def test_rows(columns, lanes, rounding):
    dut = PostProcessor(columns=columns, lanes=lanes, accumulator_bits=24)
    rng = random.Random(columns + lanes)
    layer = {"rounding": int(rounding), "zero_point": -7, "low": -100, "high": 120}
    # Rows at least ``beats`` apart; new parameters when the shadow has settled.
    rows, shadows, expected = {}, {}, {}
    cycle, settled = 2, 0
    current = None
    for _ in range(60):
        swap = current is None or (cycle > settled and rng.random() < 0.4)
        if swap:
            current = parameters(rng, columns)
            for held in range(Requantiser.SHIFT_DELAY + 1):
                shadows[cycle + held] = current
            settled = cycle + Requantiser.SHIFT_DELAY
        sums = [rng.randrange(-800, 800) for _ in range(columns)]
        rows[cycle] = (swap, sums)
        outputs = [requantised(value, *column, **layer)
                   for value, column in zip(sums, current, strict=True)]
        for beat in range(columns // lanes):
            expected[cycle + PostProcessor.latency() + beat] = outputs[beat * lanes:][:lanes]
        cycle += columns // lanes + rng.choice([0, 0, 0, 1, 5])

    async def bench(ctx):
        ctx.set(dut.descriptor, layer)
        for now in range(cycle + PostProcessor.latency() + 2):
            swap, sums = rows.get(now, (rng.getrandbits(1),
                                        [rng.randrange(-800, 800) for _ in range(columns)]))
            ctx.set(dut.valid, now in rows)
            ctx.set(dut.swap, swap)
            ctx.set(dut.i, sums)
            ctx.set(dut.shadow, pack(shadows.get(now) or parameters(rng, columns)))
            assert ctx.get(dut.o_valid) == (now in expected), f"cycle {now}"
            if now in expected:
                assert list(ctx.get(dut.o)) == expected[now], f"cycle {now}"
            await ctx.tick()

    simulate(dut, bench)


@pytest.mark.parametrize(("columns", "lanes"), [(16, 12), (16, 4), (24, 16)])
def test_lanes_must_fit(columns, lanes):
    message = (f"^Post-processor lanes must be a multiple of 8 that divides {columns} columns, "
               f"not {lanes}$")
    with pytest.raises(ValueError, match=message):
        PostProcessor(columns=columns, lanes=lanes, accumulator_bits=32)
