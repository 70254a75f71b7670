# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import numpy as np
import pytest
from systolith.golden.numerics import (
    multiply_double,
    multiply_float,
    multiply_odd,
    multiply_single,
)
from systolith.rtl.postproc.requantiser import Requantiser
from systolith.rtl.sequencer.descriptor import Rounding

from ..streams import simulate
from .reference import as_float32, half_even, requantised

LARGEST = (1 << 31) - 1
DRAIN = Requantiser.latency(True) + 1


def run(rounding, layers):
    """``layers``: (zero_point, low, high, [(i, multiplier, bias, shift)]); one value a cycle."""
    exact = rounding == Rounding.FLOAT
    for pipelined in (False,) if exact else (False, True):
        run_form(rounding, layers, Requantiser(float_rounding=exact, pipelined=pipelined))


def run_form(rounding, layers, dut):
    latency = Requantiser.latency(dut.pipelined)

    async def bench(ctx):
        ctx.set(dut.rounding, rounding)
        for zero_point, low, high, cases in layers:
            ctx.set(dut.zero_point, zero_point)
            ctx.set(dut.low, low)
            ctx.set(dut.high, high)
            for now in range(len(cases) + DRAIN):
                def case(delay, now=now, cases=cases):
                    index = now - delay
                    return cases[index] if 0 <= index < len(cases) else (0, 0, 0, 0)
                ctx.set(dut.i, case(0)[0])
                ctx.set(dut.parameters.bias, case(0)[2])
                ctx.set(dut.parameters.multiplier, case(1)[1])
                ctx.set(dut.parameters.shift, case(Requantiser.SHIFT_DELAY)[3])
                if 0 <= now - latency < len(cases):
                    done = case(latency)
                    assert ctx.get(dut.o) == requantised(
                        *done, rounding=rounding, zero_point=zero_point, low=low,
                        high=high), done
                await ctx.tick()

    simulate(dut, bench)


def draw(rng, rounding):
    multiplier = rng.choice([0, 1 << 30, LARGEST, rng.randrange(1 << 30, 1 << 31),
                             rng.randrange(1 << 30, 1 << 31)])
    shift = rng.randrange(32)
    limit = 1 << 31
    if rounding == Rounding.MAGNITUDE:
        i = rng.choice([0, 1, -1, rng.randrange(-(1 << 20), 1 << 20)])
        return i, multiplier, rng.randrange(1 << 12), shift
    spread = min(limit, 1 << rng.randrange(8, 32))
    i = rng.choice([0, 1, -1, -limit, limit - 1, *[rng.randrange(-spread, spread)] * 5])
    bias = rng.choice([0, 0, rng.randrange(-spread, spread), -limit, limit - 1])
    return i, multiplier, bias, shift


@pytest.mark.parametrize("rounding", Rounding)
def test_equals_integer_arithmetic(rounding):
    rng = random.Random(int(rounding))
    layers = [(0, -128, 127, [draw(rng, rounding) for _ in range(700)])]
    for _ in range(8):
        low, high = sorted(rng.sample(range(-128, 128), 2))
        layers.append((rng.randrange(-128, 128), low, high,
                       [draw(rng, rounding) for _ in range(80)]))
    # Small shifts of small numbers, where most results are not clamped.
    for shift in range(8):
        spread = 256 << shift
        layers.append((0, -128, 127, [
            (rng.randrange(-spread, spread), rng.randrange(1 << 30, 1 << 31),
             rng.randrange(4), shift) for _ in range(80)]))
    run(rounding, layers)


@pytest.mark.parametrize("rounding", [Rounding.DOUBLE, Rounding.SINGLE, Rounding.FLOAT])
def test_ties(rounding):
    cases = []
    for shift in range(29):
        for odd in (1, 3, 5, 101):
            for near in (-1, 0, 1):
                # Times 2**30: i / 2**(shift + 1) is half way; its high product i / 2 may be too.
                for sign in (1, -1):
                    i = sign * (odd << shift) + near
                    if abs(i) < 1 << 31:
                        cases.append((i, 1 << 30, 0, shift))
    run(rounding, [(0, -128, 127, cases)])


def test_near_ties_of_float32():
    """Products as near to the middle between two integers as rounding to 24 bits reaches."""
    rng = random.Random(5)
    cases = []
    for _ in range(6000):
        shift = rng.randrange(2, 24)
        multiplier = rng.randrange(1 << 23, 1 << 24) << rng.choice([7, 7, 7, 0])
        middle = (2 * rng.choice([0, 0, 1, 2, rng.randrange(256)]) + 1) << 30 + shift
        i = max(middle // max(multiplier, 1), 1)
        # Of multipliers beside this one, that whose product is nearest to the middle.
        multiplier = min(max(middle // i + rng.choice([-1, 0, 0, 1, 2]), 0), LARGEST)
        sign = rng.choice([1, -1])
        cases.append((sign * i, multiplier, 0, shift))
    moved = sum(half_even(i * multiplier, 31 + shift)
                != half_even(as_float32(i * multiplier), 31 + shift)
                for i, multiplier, _, shift in cases)
    assert moved > 100
    run(Rounding.FLOAT, [(0, -128, 127, cases), (-128, -128, 127, cases[:300]),
                         (127, -128, 127, cases[:300])])


def test_quotient_to_be_rounded_again_is_odd():
    rng = random.Random(6)
    cases = []
    for _ in range(800):
        shift = rng.randrange(32)
        multiplier = rng.choice([1 << 30, LARGEST, rng.randrange(1 << 30, 1 << 31)])
        i = rng.randrange(-(1 << 31), 1 << 31) >> rng.randrange(24) << rng.randrange(8)
        cases.append((max(min(i, LARGEST), -LARGEST - 1), multiplier, shift))
    dut = Requantiser(float_rounding=True)
    late = Requantiser.latency() - 1
    seen = []

    async def bench(ctx):
        ctx.set(dut.rounding, Rounding.FLOAT)
        for now in range(len(cases) + late):
            def case(delay, now=now):
                return cases[now - delay] if 0 <= now - delay < len(cases) else (0, 0, 0)
            ctx.set(dut.i, case(0)[0])
            ctx.set(dut.parameters.multiplier, case(1)[1])
            ctx.set(dut.parameters.shift, case(Requantiser.SHIFT_DELAY)[2])
            if now >= late:
                seen.append(ctx.get(dut.scaled))
            await ctx.tick()

    simulate(dut, bench)
    expected = multiply_odd(*(np.array(column) for column in zip(*cases, strict=True)))
    assert seen == expected.tolist()


def test_every_form_is_a_module_of_its_own():
    forms = [Requantiser(), Requantiser(float_rounding=True), Requantiser(pipelined=True)]
    assert len({form.module_name for form in forms}) == 3


def test_refuses_float_rounding_in_short_stages():
    with pytest.raises(ValueError, match="must not be pipelined"):
        Requantiser(float_rounding=True, pipelined=True)


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("multiplier", [0, 1 << 30, LARGEST])
def test_every_shift(rounding, multiplier):
    values = ([0, 1, -1, 100, -100, (1 << 20) - 1, -(1 << 20)]
              + ([] if rounding == Rounding.MAGNITUDE else [LARGEST, -LARGEST - 1]))
    run(rounding, [(3, -128, 127, [(i, multiplier, 0, shift)
                                   for i in values for shift in range(32)])])


def test_clamps():
    cases = [(i, 1 << 30, 0, 0) for i in range(-300, 301, 7)]
    run(Rounding.DOUBLE, [(5, -20, 90, cases), (-128, -128, -128, cases), (127, 127, 127, cases)])


@pytest.mark.parametrize(("rounding", "golden"), [(Rounding.DOUBLE, multiply_double),
                                                  (Rounding.SINGLE, multiply_single),
                                                  (Rounding.FLOAT, multiply_float)])
def test_reference_equals_golden(rounding, golden):
    rng = random.Random(9)
    for _ in range(2000):
        i, multiplier, _, shift = draw(rng, rounding)
        wide = requantised(i, multiplier, 0, shift, rounding=rounding, zero_point=0,
                           low=-(1 << 40), high=1 << 40)
        assert wide == int(golden(np.array([i]), multiplier, shift)[0])
