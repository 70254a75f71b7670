# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
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
            positions = [p for p in range(8) if mask >> p & 1][:nnz]
            assert decoded[:len(positions)] == list(zip(values, positions, strict=False))
            assert all(value == 0 for value, _ in decoded[len(positions):])
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
                for value, index in pairs(ctx.get(dut.o[column]), nnz):
                    rebuilt[index] += value
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
