# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Explicit trees against integer arithmetic, in every form."""

import random

import pytest
from amaranth.hdl import Elaboratable, Fragment
from amaranth.sim import Simulator
from systolith.rtl.arith.arithmetic import Arithmetic
from systolith.rtl.arith.carry_save import FinalAdder
from systolith.rtl.arith.dot_product import DotProduct
from systolith.rtl.arith.partial_products import Multiplier

from ...further import further

OCTETS = (0, 1, 127, 128, 129, 255)


class InArithmetic(Elaboratable):
    def __init__(self, dot, arithmetic):
        self.dot = dot
        self.get_dot_product = arithmetic.dot_product

    def elaborate(self, _):
        return Fragment.get(self.dot, self)


@pytest.mark.parametrize("inverting", [False, True])
@pytest.mark.parametrize("final", FinalAdder)
@pytest.mark.parametrize("multiplier", Multiplier)
@pytest.mark.parametrize(("taps", "bits"), [(3, 21), *further([(1, 16), (2, 32)])])
def test_trees_equal_integer_arithmetic(taps, bits, multiplier, final, inverting):
    dut = DotProduct(taps=taps, accumulator_bits=bits)
    arithmetic = Arithmetic(multiplier=multiplier, final=final, inverting=inverting)
    rng = random.Random(taps * bits)
    limit = 1 << bits - 1

    def octet():
        return rng.choice(OCTETS) if rng.random() < 0.5 else rng.randrange(256)

    async def bench(ctx):
        for case in range(30):
            x, w = [octet() for _ in range(taps)], [octet() for _ in range(taps)]
            is_signed = case % 2
            if case < 4:
                x, w = [128 if is_signed else 255] * taps, [128 if case < 2 else 127] * taps
            accumulator = rng.choice([-limit, limit - 1, 0, rng.randrange(-limit, limit)])
            w = [v - 256 * (v >> 7) for v in w]
            ctx.set(dut.activations, x)
            ctx.set(dut.weights, w)
            ctx.set(dut.signed_activations, is_signed)
            ctx.set(dut.accumulator, accumulator)
            total = accumulator + sum((a - 256 * (a >> 7) * is_signed) * b
                                      for a, b in zip(x, w, strict=True))
            assert ctx.get(dut.result) == (total + limit) % (2 * limit) - limit

    simulator = Simulator(InArithmetic(dut, arithmetic))
    simulator.add_testbench(bench)
    simulator.run()
