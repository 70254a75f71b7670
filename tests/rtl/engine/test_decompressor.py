# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import numpy as np
import pytest
from amaranth.sim import Simulator
from systolith.golden.dbb import encode, prune
from systolith.rtl.engine.decompressor import Decompressor, MaskDecoder
from systolith.rtl.facts import Encoding, EngineFacts

from ..streams import simulate


def combinational(dut, bench):
    simulator = Simulator(dut)
    simulator.add_testbench(bench)
    simulator.run()


def stored(values, mask):
    return int(mask) | sum((int(v) & 0xFF) << 8 * s + 8 for s, v in enumerate(values))


def pairs(word, nnz):
    fields = [word >> 11 * s & 0x7FF for s in range(nnz)]
    return [(field & 0xFF, field >> 8) for field in fields]


@pytest.mark.parametrize("nnz", range(1, 9))
def test_every_mask(nnz):
    dut = MaskDecoder(nnz=nnz)

    async def bench(ctx):
        values = [0x80 + 7 * s for s in range(nnz)]
        for mask in range(256):
            ctx.set(dut.i, stored(values, mask))
            decoded = pairs(ctx.get(dut.o), nnz)
            positions = [p for p in range(8) if mask >> p & 1]
            if len(positions) <= nnz:
                expected = [(0, 0)] * nnz
                for rank, position in enumerate(positions):
                    s = max(rank, position - (8 - nnz))  # the first that reaches it
                    expected[s] = values[rank], position - s
                assert decoded == expected
            assert ctx.get(dut.excess) == (mask.bit_count() > nnz)

    combinational(dut, bench)


@pytest.mark.parametrize("nnz", [1, 4, 8])
def test_columns_of_encoded_blocks(nnz):
    facts = EngineFacts(a=1, c=2, m=1, n=2, depth=8, nnz=nnz,
                        accumulator_bits=32, encoding=Encoding.MASK)
    dut = Decompressor(facts)
    rng = np.random.default_rng(nnz)

    async def bench(ctx):
        for _ in range(50):
            blocks = prune(rng.integers(-128, 128, (4, 8)), nnz=nnz)
            ctx.set(dut.i, [stored(v, m) for v, m in zip(*encode(blocks, nnz), strict=True)])
            for column, block in enumerate(blocks):
                rebuilt = np.zeros(8, np.uint8)
                for s, (value, index) in enumerate(pairs(ctx.get(dut.o[column]), nnz)):
                    rebuilt[s + index] += value
                np.testing.assert_array_equal(rebuilt.view(np.int8), block)

    combinational(dut, bench)


@pytest.mark.parametrize("encoding", [Encoding.MASK, Encoding.HELD])
def test_too_dense_blocks_are_told_of(encoding):
    facts = EngineFacts(a=1, c=2, m=1, n=2, depth=8, nnz=3, accumulator_bits=32,
                        encoding=encoding)
    dut = Decompressor(facts)

    async def bench(ctx):
        for masks, valid in (([0x07, 0xE0, 0, 0x15], 1), ([0x07, 0xF0, 0, 0x15], 0),
                             ([0x07, 0xF0, 0, 0x15], 1), ([0, 0, 0, 0xFF], 1)):
            ctx.set(dut.i, masks)
            ctx.set(dut.valid, valid)
            await ctx.tick()
            assert ctx.get(dut.violation) == (
                valid and any(mask.bit_count() > 3 for mask in masks))

    simulate(dut, bench)


def test_dense_words_pass():
    facts = EngineFacts(a=1, c=2, m=1, n=1, depth=4, nnz=4,
                        accumulator_bits=32, encoding=Encoding.DENSE)
    dut = Decompressor(facts)

    async def bench(ctx):
        ctx.set(dut.i, [0x89ABCDEF, 0x01234567])
        assert [ctx.get(dut.o[c]) for c in range(2)] == [0x89ABCDEF, 0x01234567]

    combinational(dut, bench)


def test_rows_of_values_alone_have_the_positions_of_their_place():
    facts = EngineFacts(a=1, c=2, m=1, n=2, depth=8, nnz=1, accumulator_bits=32,
                        encoding=Encoding.INDEX)
    dut = Decompressor(facts, dense_rows=True)
    rng = random.Random(4)

    async def bench(ctx):
        for dense, steps in ((1, 8), (0, 3), (1, 8), (1, 8), (0, 1), (1, 8)):
            for step in range(steps):
                row = rng.getrandbits(4 * facts.stored_bits)
                ctx.set(dut.i, [row >> column * facts.stored_bits & (1 << facts.stored_bits) - 1
                                for column in range(4)])
                ctx.set(dut.dense, dense)
                ctx.set(dut.first, step == 0)
                ctx.set(dut.valid, 0)
                for _ in range(rng.randrange(3)):  # steps that wait do not count
                    await ctx.tick()
                ctx.set(dut.valid, 1)
                for column in range(4):
                    word = ctx.get(dut.o[column])
                    if dense:
                        assert pairs(word, 1) == [(row >> 8 * column & 0xFF, step)]
                    else:
                        assert word == row >> column * facts.stored_bits & (
                            1 << facts.stored_bits) - 1
                await ctx.tick()

    simulate(dut, bench)


def test_only_weights_with_positions_can_do_without():
    facts = EngineFacts(a=1, c=2, m=1, n=1, depth=4, nnz=4,
                        accumulator_bits=32, encoding=Encoding.DENSE)
    with pytest.raises(ValueError, match="^Weights must have positions for rows without them"):
        Decompressor(facts, dense_rows=True)
