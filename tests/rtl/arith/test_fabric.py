# SPDX-License-Identifier: Apache-2.0
"""Dot products of an FPGA's fabric: the bits of the plain description."""

import random

import pytest
from amaranth.hdl import Module
from amaranth.sim import Simulator
from systolith.rtl.arith.dot_product import DotProduct
from systolith.rtl.arith.fabric import FabricArithmetic


@pytest.mark.parametrize("dsp_products", [0, 1, 4])
def test_dot_product(dsp_products):
    dot = DotProduct(taps=4, accumulator_bits=24)
    m = Module()
    m.submodules.dot = FabricArithmetic(dsp_products=dsp_products).dot_product(dot)
    simulator = Simulator(m)
    rng = random.Random(dsp_products)

    async def bench(ctx):
        for _ in range(300):
            is_signed = rng.randrange(2)
            xs = [rng.choice([0, 255, 128, rng.randrange(256)]) for _ in range(4)]
            ws = [rng.choice([-128, 127, rng.randrange(-128, 128)]) for _ in range(4)]
            start = rng.randrange(-1 << 22, 1 << 22)
            ctx.set(dot.activations, xs)
            ctx.set(dot.weights, ws)
            ctx.set(dot.signed_activations, is_signed)
            ctx.set(dot.accumulator, start)
            assert ctx.get(dot.result) == start + sum(
                (x - 256 * (is_signed and x > 127)) * w for x, w in zip(xs, ws, strict=True))

    simulator.add_testbench(bench)
    simulator.run()
