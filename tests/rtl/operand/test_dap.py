# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Pruning in hardware against golden: which operands, in which order, from which positions."""

import itertools

import numpy as np
import pytest
from amaranth.sim import Simulator
from systolith.golden.dap import MAX_BOUND, prune_activations, stream
from systolith.rtl.operand.dap import Maximum, PrunedRow

from ..streams import simulate

TRACE = np.array([5, 0, -7, 3, 0, 2, 9, -1], np.int8)  # papers, section 4.8
ADVERSARIAL = [
    [0] * 8, [-128] * 8, [127] * 8, [-1] * 8, [1] * 8,
    [-128, 127] * 4, [127, -128] * 4, [-127, 127, -128, 127, -127, -128, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, -128], [-128, 0, 0, 0, 0, 0, 0, 0], [3, -3, 1, 3, -3, 0, 0, 2],
    [1, 2, 3, 4, 5, 6, 7, 8], [8, 7, 6, 5, 4, 3, 2, 1], [0, 5, 0, 5, 0, 5, 0, 5],
    [127, -127, 127, -127, 127, -127, 127, -127], [-1, 1, -1, 1, -2, 2, -2, 2],
]


def blocks(rng, count):
    """Bytes of blocks: adversarial ones, random ones, random ones with many ties."""
    drawn = rng.integers(-128, 128, (count, 8))
    tied = rng.choice([-128, -127, -2, -1, 0, 1, 2, 127], (count, 8))
    return np.concatenate([ADVERSARIAL, drawn, tied]).astype(np.int8).view(np.uint8)


def operands(octets, signed):
    return (octets.view(np.int8) if signed else octets).astype(np.int16)


def packed(octets):
    return int.from_bytes(octets.tobytes(), "little")


def pair(value, position):
    return int(value) & 0xFF | int(position) << 8


def combinational(dut, bench):
    simulator = Simulator(dut)
    simulator.add_testbench(bench)
    simulator.run()


def cascade(ctx, dut, octets, positions, signed, steps):
    """The paper's cascade out of one stage: (byte, position) and mask bit of every stage."""
    ctx.set(dut.i, packed(octets))
    ctx.set(dut.is_signed, signed)
    found, mask = [], 0
    for _ in range(steps):
        ctx.set(dut.alive, positions & ~mask)
        found.append(ctx.get(dut.o))
        chosen = ctx.get(dut.chosen)
        assert chosen == (1 << (found[-1] >> 8) if positions & ~mask else 0)
        mask |= chosen
    return found, mask


@pytest.mark.parametrize("signed", [0, 1])
def test_stages_are_those_of_golden(signed):
    dut = Maximum()
    rng = np.random.default_rng(signed)

    async def bench(ctx):
        for octets in blocks(rng, 40):
            positions = int(rng.choice([0xFF, int(rng.integers(0, 256))]))
            found, mask = cascade(ctx, dut, octets, positions, signed, 8)
            values, channels = stream(operands(octets, signed), positions, 8)
            assert found == [pair(*each) for each in zip(values, channels, strict=True)]
            assert mask == positions

    combinational(dut, bench)


@pytest.mark.parametrize("bound", range(1, MAX_BOUND + 1))
@pytest.mark.parametrize("zero_point", [0, -128])
def test_stages_keep_what_pruning_keeps(bound, zero_point):
    dut = Maximum()
    rng = np.random.default_rng(bound)

    async def bench(ctx):
        for octets in blocks(rng, 30):
            found, mask = cascade(ctx, dut, octets, 0xFF, zero_point == 0, bound)
            assert mask.bit_count() == bound
            values = (operands(octets, zero_point == 0) + zero_point).astype(np.int8)
            pruned = prune_activations(values, zero_point=zero_point, bound=bound)
            kept = np.zeros(8, np.uint8)
            for each in found:
                kept[each >> 8] = each & 0xFF
            assert kept.tolist() == ((pruned.astype(np.int16) - zero_point) & 0xFF).tolist()

    combinational(dut, bench)


@pytest.mark.parametrize(("octets", "signed", "expected"), [
    ([127, -128, 0, 0, 0, 0, 0, 0], 1, (-128, 1)),   # |-128| is 128
    ([-128, -128, 0, 0, 0, 0, 0, 0], 1, (-128, 0)),
    ([0, -127, 127, 0, 0, 0, 0, 0], 1, (-127, 1)),
    ([127, -128, -1, 0, 0, 0, 0, 0], 0, (-1, 2)),    # 255
    ([0, 0, 0, 0, 0, 0, 0, 0], 1, (0, 0)),
])
def test_extreme_magnitudes(octets, signed, expected):
    dut = Maximum()

    async def bench(ctx):
        found, _ = cascade(ctx, dut, np.array(octets, np.int8), 0xFF, signed, 1)
        assert found == [pair(*expected)]

    combinational(dut, bench)


def test_only_the_living_count():
    dut = Maximum()

    async def bench(ctx):
        for alive in range(256):
            ctx.set(dut.i, 0)
            ctx.set(dut.alive, alive)
            lowest = (alive & -alive).bit_length() - 1 if alive else 0
            assert ctx.get(dut.o) == pair(0, lowest)
            assert ctx.get(dut.chosen) == alive & -alive

    combinational(dut, bench)


@pytest.mark.parametrize(("bound", "mask"), [
    (1, 0b01000000), (2, 0b01000100), (3, 0b01000101), (4, 0b01001101)])
def test_stages_of_the_worked_trace(bound, mask):
    dut = Maximum()

    async def bench(ctx):
        found, chosen = cascade(ctx, dut, TRACE, 0xFF, 1, bound)
        assert found == [pair(*each) for each in ((9, 6), (-7, 2), (5, 0), (3, 3))[:bound]]
        assert chosen == mask

    combinational(dut, bench)


def simulate_row(signed, plan):
    """``plan``: (bytes of a block, [(positions, steps, stalls before each step)])."""
    dut = PrunedRow()
    rng = np.random.default_rng(5)

    async def bench(ctx):
        ctx.set(dut.is_signed, signed)

        for octets, passes in plan:
            ctx.set(dut.following, packed(octets))
            ctx.set(dut.move, 1)
            await ctx.tick()
            ctx.set(dut.move, 0)
            ctx.set(dut.following, int(rng.integers(0, 2**63)))
            for positions, steps, stalls in passes:
                values, channels = stream(operands(octets, signed), positions, steps)
                for step, stall in zip(range(steps), itertools.cycle(stalls), strict=False):
                    ctx.set(dut.open, step == 0)
                    ctx.set(dut.positions, positions if step == 0 else int(rng.integers(256)))
                    for now in range(stall + 1):
                        assert ctx.get(dut.o) == pair(values[step], channels[step])
                        ctx.set(dut.step, now == stall)
                        await ctx.tick()
                    ctx.set(dut.step, 0)

    simulate(dut, bench)


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("steps", range(1, 9))
def test_row_streams_its_largest(steps, signed):
    rng = np.random.default_rng(steps)
    simulate_row(signed, [(octets, [(0xFF, steps, [0, 0, 1, 0, 3])])
                          for octets in blocks(rng, 6)])


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("slots", [1, 2, 3, 4, 5])
def test_passes_over_shares_of_the_positions(slots, signed):
    rng = np.random.default_rng(slots)
    simulate_row(signed, [
        (octets, [(((1 << slots) - 1) << first & 0xFF, slots, [0, 2])
                  for first in range(0, 8, slots)])
        for octets in blocks(rng, 6)])


@pytest.mark.parametrize("signed", [0, 1])
def test_passes_over_all_positions_repeat(signed):
    rng = np.random.default_rng(9)
    simulate_row(signed, [(octets, [(0xFF, 3, [0])] * 3) for octets in blocks(rng, 6)])


@pytest.mark.parametrize("channels", range(1, 8))
def test_a_short_last_block_gives_zeros_once_it_is_through(channels):
    rng = np.random.default_rng(channels)
    octets = blocks(rng, 6)
    octets[:, channels:] = 0xFF  # what lies behind the last channel does not matter
    simulate_row(0, [(each, [((1 << channels) - 1, 8, [0])]) for each in octets])
