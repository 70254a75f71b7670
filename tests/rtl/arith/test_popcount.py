# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from amaranth import Module, Signal
from amaranth.hdl import Elaboratable, Fragment
from amaranth.sim import Simulator
from systolith.rtl.arith.arithmetic import Arithmetic
from systolith.rtl.arith.carry_save import FinalAdder
from systolith.rtl.arith.popcount import Popcount, popcount


class InArithmetic(Elaboratable):
    def __init__(self, counter, arithmetic):
        self.counter = counter
        if arithmetic is not None:
            self.get_popcount = arithmetic.popcount

    def elaborate(self, _):
        return Fragment.get(self.counter, self)


def cases(width):
    rng = random.Random(width)
    return range(1 << width) if width < 9 else [
        0, (1 << width) - 1, *(rng.getrandbits(width) for _ in range(50)),
        *(1 << index for index in range(width))]


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 8, 24, 31, 64, 200])
def test_counts_ones(width):
    m = Module()
    bits, count = Signal(width), Signal(range(width + 1))
    m.d.comb += count.eq(popcount(m, "ones", bits))

    async def bench(ctx):
        for case in cases(width):
            ctx.set(bits, case)
            assert ctx.get(count) == case.bit_count()

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize("arithmetic", [None, *(
    Arithmetic(final=final, inverting=inverting)
    for final in FinalAdder for inverting in (False, True))], ids=str)
@pytest.mark.parametrize("width", [1, 2, 3, 5, 8, 31, 300])
def test_every_form_counts_ones(width, arithmetic):
    dut = Popcount(width)

    async def bench(ctx):
        for case in cases(width):
            ctx.set(dut.i, case)
            assert ctx.get(dut.o) == case.bit_count()

    simulator = Simulator(InArithmetic(dut, arithmetic))
    simulator.add_testbench(bench)
    simulator.run()


def test_a_count_of_nothing_is_refused():
    with pytest.raises(ValueError, match="^Width must be at least 1, not 0$"):
        Popcount(0)
