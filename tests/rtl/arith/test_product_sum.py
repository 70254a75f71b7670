# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Pipelined sums of products: values and latency, with products of either form."""

import random

import pytest
from systolith.rtl.arith.fabric import FabricArithmetic
from systolith.rtl.arith.product_sum import ProductSum, sum_stages

from ..streams import simulate


class _Platform:
    def __init__(self, dsp_products):
        self.get_product = FabricArithmetic(dsp_products=dsp_products).product


class _Built(ProductSum):
    """As a platform of ``dsp_products`` builds it; of the synthesiser's products where None."""

    def __init__(self, *, taps, dsp_products):
        super().__init__(taps=taps)
        self.platform = None if dsp_products is None else _Platform(dsp_products)

    def body(self, platform):
        return super().body(self.platform)


@pytest.mark.parametrize("dsp_products", [None, 0, 2])
@pytest.mark.parametrize("taps", [1, 2, 3, 8, 9])
def test_sums(taps, dsp_products):
    dut = _Built(taps=taps, dsp_products=dsp_products)
    rng = random.Random(taps)
    stages = sum_stages(taps)
    assert stages == 1 + (taps - 1).bit_length()

    async def bench(ctx):
        for is_signed in (0, 1):
            ctx.set(dut.signed_activations, is_signed)
            octets = [0, 127, 128, 255, rng.randrange(256)]
            cases = [([rng.choice(octets) for _ in range(taps)],
                      [rng.choice([-128, -127, 0, 127, rng.randrange(-128, 128)])
                       for _ in range(taps)]) for _ in range(60)]
            for now in range(len(cases) + stages):
                activations, weights = cases[min(now, len(cases) - 1)]
                ctx.set(dut.activations, activations)
                ctx.set(dut.weights, weights)
                if now >= stages:
                    expected = sum((x - 256 * (is_signed and x > 127)) * w
                                   for x, w in zip(*cases[now - stages], strict=True))
                    assert ctx.get(dut.result) == expected
                await ctx.tick()

    simulate(dut, bench)


def test_refuses_no_taps():
    with pytest.raises(ValueError, match="must be at least 1"):
        ProductSum(taps=0)
