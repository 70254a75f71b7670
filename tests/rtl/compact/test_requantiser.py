# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.compact.descriptor import MULTIPLIER_ROWS
from systolith.rtl.compact.parameters import LANES
from systolith.rtl.compact.requantiser import SerialRequantiser
from systolith.rtl.sequencer.descriptor import Rounding

from ..postproc.reference import requantised
from ..streams import simulate

LARGEST = (1 << 31) - 1


def rows_of(lanes, scale_rows):
    """A byte a row, of lanes of (multiplier, shift)."""
    rows = [sum((multiplier >> bit & 1) << lane for lane, (multiplier, _) in enumerate(lanes))
            for bit in range(MULTIPLIER_ROWS)]
    return rows + [sum((shift > step) << lane for lane, (_, shift) in enumerate(lanes))
                   for step in range(scale_rows)]


def draw(rng, bits):
    """A lane: sum, multiplier, shift."""
    limit = 1 << bits - 1
    spread = 1 << rng.randrange(4, bits)
    total = rng.choice([0, 1, -1, -limit, limit - 1, *[rng.randrange(-spread, spread)] * 5])
    total = max(min(total, limit - 1), -limit)
    multiplier = rng.choice([0, 1 << 30, LARGEST, *[rng.randrange(1 << 30, 1 << 31)] * 3])
    if rng.random() < 0.3:  # halves
        multiplier, total = 1 << 30, total | 1
    return total, multiplier, rng.randrange(rng.choice([1, 4, 10, 32]))


@pytest.mark.parametrize("bits", [20, 24, 32])
@pytest.mark.parametrize("single", [False, True])
def test_equals_its_definition(bits, single):
    dut = SerialRequantiser(accumulator_bits=bits)
    rng = random.Random(f"{bits} {single}")
    rounding = Rounding.SINGLE if single else Rounding.DOUBLE

    async def bench(ctx):
        ctx.set(dut.single, single)
        for _ in range(60):
            lanes = [draw(rng, bits) for _ in range(LANES)]
            zero_point = rng.choice([-128, 127, 0, rng.randrange(-128, 128)])
            low, high = sorted((rng.randrange(-128, 128), rng.randrange(-128, 128)))
            if rng.random() < 0.5:
                low, high = -128, 127
            scale_rows = max(shift for *_, shift in lanes)
            ctx.set(dut.scale_rows, scale_rows)
            ctx.set(dut.write, 1)
            for number, row in enumerate(rows_of([lane[1:] for lane in lanes], scale_rows)):
                ctx.set(dut.row, number)
                ctx.set(dut.bits, row)
                await ctx.tick()
            ctx.set(dut.write, 0)
            for lane, (total, _, _) in enumerate(lanes):
                ctx.set(dut.i[lane], total)
            for name, value in (("zero_point", zero_point), ("low", low), ("high", high)):
                ctx.set(getattr(dut, name), value)
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            cycles = 0
            while ctx.get(dut.busy):
                cycles += 1
                await ctx.tick()
            assert cycles == SerialRequantiser.cycles(scale_rows)
            found = ctx.get(dut.o).to_bytes(LANES, "little")
            for lane, (total, multiplier, shift) in enumerate(lanes):
                expected = requantised(total, multiplier, 0, shift, rounding=rounding,
                                       zero_point=zero_point, low=low, high=high)
                assert found[lane] == expected & 0xFF, (total, multiplier, shift, expected)

    simulate(dut, bench, cycles=30_000)


def test_stop_ends_it():
    dut = SerialRequantiser(accumulator_bits=24)

    async def bench(ctx):
        for cycles in range(1, SerialRequantiser.cycles(3), 7):
            ctx.set(dut.scale_rows, 3)
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            for _ in range(cycles):
                assert ctx.get(dut.busy)
                await ctx.tick()
            ctx.set(dut.stop, 1)
            await ctx.tick()
            ctx.set(dut.stop, 0)
            assert not ctx.get(dut.busy)
            await ctx.tick()

    simulate(dut, bench)
