# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.compact.lanes import Lanes
from systolith.rtl.compact.parameters import LANES

from ..postproc.reference import wrap
from ..streams import simulate


def word_of(values, bits=8):
    return sum((value & (1 << bits) - 1) << bits * lane for lane, value in enumerate(values))


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("bits", [24, 32])
def test_biases_and_products(own, bits):
    dut = Lanes(accumulator_bits=bits)
    rng = random.Random(f"{own} {bits}")

    async def bench(ctx):
        ctx.set(dut.own_channel, own)
        for _ in range(10):
            biases = [rng.randrange(-(1 << bits - 1), 1 << bits - 1) for _ in range(LANES)]
            for pair in range(LANES // 2):
                ctx.set(dut.word, word_of(biases[2 * pair:2 * pair + 2], 32))
                ctx.set(dut.load_biases, 1 << pair)
                await ctx.tick()
            ctx.set(dut.load_biases, 0)
            sums = biases
            for _ in range(3):
                activations = [rng.randrange(-128, 128) for _ in range(LANES)]
                ctx.set(dut.word, word_of(activations))
                ctx.set(dut.hold, 1)
                await ctx.tick()
                ctx.set(dut.hold, 0)
                ctx.set(dut.multiply, 1)
                ctx.set(dut.shift, not own)
                for channel in range(1 if own else LANES):
                    weights = [rng.randrange(-128, 128) for _ in range(LANES)]
                    ctx.set(dut.word, word_of(weights))
                    await ctx.tick()
                    sums = [total + weight * activations[lane if own else channel]
                            for lane, (total, weight) in enumerate(zip(sums, weights,
                                                                       strict=True))]
                ctx.set(dut.multiply, 0)
                ctx.set(dut.shift, 0)
                assert [ctx.get(each) for each in dut.sums] == [wrap(each, bits) for each in sums]

    simulate(dut, bench)
