# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random
import re

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Elaboratable, Fragment
from amaranth.sim import Simulator
from systolith.rtl.arith.dot_product import DotProduct
from systolith.rtl.arith.partial_products import Multiplier

ACTIVATIONS = (0, 1, 127, 128, 129, 255)
WEIGHTS = (-128, -127, -1, 0, 1, 127)


def operand(rng, extremes, low, high):
    return rng.choice(extremes) if rng.random() < 0.5 else rng.randint(low, high)


def wrap(value, bits):
    return (value + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


class CarrySave:
    """A technology of explicit adders."""

    def __init__(self, multiplier, inverting):
        self.multiplier = multiplier
        self.inverting = inverting

    def get_dot_product(self, dot):
        return dot.carry_save(self.multiplier, inverting=self.inverting)


class InTechnology(Elaboratable):
    def __init__(self, component, technology):
        self.component = component
        self.technology = technology

    def elaborate(self, _):
        return Fragment.get(self.component, self.technology)


def check(taps, bits, technology=None, cases=60):
    dut = DotProduct(taps=taps, accumulator_bits=bits)
    rng = random.Random(taps * bits)

    async def bench(ctx):
        for case in range(cases):
            x = [rng.choice(ACTIVATIONS) if rng.random() < 0.5 else rng.randrange(256)
                 for _ in range(taps)]
            w = [operand(rng, WEIGHTS, -128, 127) for _ in range(taps)]
            is_signed = case % 2
            if case < 2:
                x, w = [128 if is_signed else 255] * taps, [-128] * taps
            limit = 1 << bits - 1
            accumulator = rng.choice([-limit, limit - 1, 0, rng.randrange(-limit, limit)])
            ctx.set(dut.activations, x)
            ctx.set(dut.weights, w)
            ctx.set(dut.signed_activations, is_signed)
            ctx.set(dut.accumulator, accumulator)
            values = [a - 256 * (a >> 7) * is_signed for a in x]
            total = accumulator + sum(a * b for a, b in zip(values, w, strict=True))
            assert ctx.get(dut.result) == wrap(total, bits)

    simulator = Simulator(InTechnology(dut, technology))
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize("bits", [16, 18, 32])
@pytest.mark.parametrize("taps", [1, 2, 3, 4, 5, 7, 8, 9])
def test_equals_integer_arithmetic(taps, bits):
    check(taps, bits)


@pytest.mark.parametrize("inverting", [False, True])
@pytest.mark.parametrize("multiplier", Multiplier)
@pytest.mark.parametrize(("taps", "bits"), [(1, 16), (2, 32), (3, 21)])
def test_carry_save_trees_equal_integer_arithmetic(taps, bits, multiplier, inverting):
    check(taps, bits, CarrySave(multiplier, inverting), cases=30)


def test_platform_may_replace_it():
    class Platform:
        def get_dot_product(self, dot):
            return dot.taps

    assert DotProduct(taps=3, accumulator_bits=32).body(Platform()) == 3


def test_taps_must_be_positive():
    with pytest.raises(ValueError, match="^Taps must be at least 1, not 0$"):
        DotProduct(taps=0, accumulator_bits=32)


@pytest.mark.parametrize("bits", [15, 33])
def test_accumulator_must_be_of_16_to_32_bits(bits):
    with pytest.raises(ValueError, match=rf"^Accumulator must be 16 \.\.\. 32 bits, not {bits}$"):
        DotProduct(taps=1, accumulator_bits=bits)


def test_products_are_no_wider_than_their_values():
    text = rtlil.convert(DotProduct(taps=8, accumulator_bits=32), emit_src=False)
    widths = re.findall(r"cell \$(mul|add) .*?Y_WIDTH (\d+)", text, re.S)
    assert [width for kind, width in widths if kind == "mul"] == ["17"] * 8
    assert sorted(width for kind, width in widths if kind == "add") == [
        *["18"] * 4, *["19"] * 2, "20", "33"]
