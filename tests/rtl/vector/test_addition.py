# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Element-wise sums: the walker's requests, and the vector unit against golden's ADD."""

import numpy as np
import pytest
from systolith.golden import numerics as golden
from systolith.golden.network import Add
from systolith.golden.ops import add
from systolith.rtl.sequencer.descriptor import Opcode, Rounding
from systolith.rtl.vector.addition import AdditionWalker
from systolith.rtl.vector.unit import VectorUnit
from systolith.rtl.vector.window import WINDOW, column_tag

from ..streams import simulate

TAG = 11
LANES = 8


@pytest.mark.parametrize("blocks", [1, 3])
def test_requests(blocks):
    dut = AdditionWalker(blocks=blocks, lanes=4, address_width=10, tag_width=TAG)
    groups = 5
    seen = []

    async def bench(ctx):
        ctx.set(dut.descriptor, {"pixel_base": 40, "second_base": 200, "source_group": 1,
                                 "second_group": 0, "out_width": groups})
        ctx.set(dut.o.ready, 1)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        for cycle in range(AdditionWalker.PERIOD * groups + 6):
            if ctx.get(dut.o.valid):
                request = ctx.get(dut.o.payload)
                tag = column_tag.from_bits(request.tag)
                seen.append((cycle, request.group, list(request.addresses)[:blocks],
                             request.inside, tag.addend))
            await ctx.tick()

    simulate(dut, bench)
    inside = (1 << blocks) - 1
    assert seen == [
        (AdditionWalker.PERIOD * index + second, 1 - second,
         [base + index * blocks + lane for lane in range(blocks)], inside, 1 + second)
        for index in range(groups) for second, base in enumerate((40, 200))]


def test_stops_and_waits():
    dut = AdditionWalker(blocks=1, lanes=1, address_width=10, tag_width=TAG)

    async def bench(ctx):
        ctx.set(dut.descriptor, {"out_width": 9})
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        for _ in range(3):  # the request waits
            assert ctx.get(dut.o.valid) and not ctx.get(dut.o.payload.addresses[0])
            await ctx.tick()
        ctx.set(dut.stop, 1)
        await ctx.tick()
        ctx.set(dut.stop, 0)
        for _ in range(5):
            assert not ctx.get(dut.o.valid)
            await ctx.tick()

    simulate(dut, bench)


@pytest.mark.parametrize(("rounding", "pipelined"), [
    (Rounding.DOUBLE, False), (Rounding.DOUBLE, True), (Rounding.FLOAT, False)])
@pytest.mark.parametrize("seed", range(4))
def test_sums(seed, rounding, pipelined):
    exact = rounding is Rounding.FLOAT
    rng = np.random.default_rng(seed)
    low, second, output = (1, 2, 19) if exact else (0, 0, 16)
    layer = Add("sum", "ADD", (0, 1), 2, tuple(int(z) for z in rng.integers(-128, 128, 2)),
                tuple(int(v) for v in rng.integers(2**30, 2**31, 3)),
                (int(rng.integers(low, low + 3)), second, int(rng.integers(output, output + 4))),
                int(rng.integers(-128, 128)), -128, int(rng.choice([127, 100])),
                offset=int(rng.integers(-2**28, 2**28)) if exact else 0,
                rounding=golden.Rounding[rounding.name])
    operands = rng.integers(-128, 128, (40, 2, LANES)).astype(np.int8)
    operands[0], operands[1] = -128, 127
    assert simulated(layer, operands, exact, pipelined) == exactly(layer, operands, pipelined)


@pytest.mark.parametrize("offset", [99, -45, 48, -16, 8, 200])
def test_first_operand_has_24_significant_bits(offset):
    # The second operand takes away all but what rounding makes of the offset.
    half = 2**30
    layer = Add("sum", "ADD", (0, 1), 2, (0, 0), (half, half, half), (0, 0, 0), 0, -128, 127,
                offset=offset, rounding=golden.Rounding.FLOAT)
    first = np.arange(-127, 128).reshape(-1, 1).repeat(LANES, 1)
    operands = np.stack([first, -first], 1).astype(np.int8)
    expected = exactly(layer, operands)
    assert len({row[0] for _, row in expected}) > 1
    assert simulated(layer, operands, True) == expected


def exactly(layer: Add, operands: np.ndarray, pipelined: bool = False) -> list:
    """Golden's sums of ``operands`` [groups, 2, lanes], each with its cycle."""
    # The second operand's piece arrives in cycle 2 and is complete one later.
    first = 3 + VectorUnit.add_latency(pipelined)
    return [(first + AdditionWalker.PERIOD * index, list(row)) for index, row in enumerate(
        add(operands[:, 0], operands[:, 1], layer))]


def simulated(layer: Add, operands: np.ndarray, float_rounding: bool,
              pipelined: bool = False) -> list:
    """The unit's."""
    dut = VectorUnit(lanes=LANES, gather_lanes=WINDOW * LANES // 8, tag_width=TAG,
                     float_rounding=float_rounding, pipelined=pipelined)
    rounding = Rounding[layer.rounding.name]
    seen = []
    clock = [0]

    async def bench(ctx):
        ctx.set(dut.descriptor, {
            "opcode": Opcode.ADD, "rounding": rounding, "signed_activations": 1,
            "row_group_step": layer.offset,
            "zero_point": layer.zero_point, "low": layer.low, "high": layer.high,
            "first_zero_point": layer.zero_points[0], "second_zero_point": layer.zero_points[1],
            "sum_multipliers": layer.multipliers, "sum_shifts": layer.shifts})
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        for pair in operands:
            for index, values in enumerate(pair):
                word = int.from_bytes(values.tobytes(), "little")
                ctx.set(dut.i.payload, {
                    "values": [word, 0, 0], "write": 1, "done": 1,
                    "tag": column_tag.const({"addend": 1 + index}).as_value().value})
                ctx.set(dut.i.valid, 1)
                await ctx.tick()
            ctx.set(dut.i.valid, 0)
            await ctx.tick()
        for _ in range(VectorUnit.add_latency(pipelined) + 4):
            await ctx.tick()

    async def watch(ctx):
        while True:
            _, _, valid, outputs = await ctx.tick().sample(dut.o_valid, dut.o)
            if valid:
                seen.append((clock[0], list(outputs)))
            clock[0] += 1

    simulate(dut, bench, background=[watch])
    return seen
