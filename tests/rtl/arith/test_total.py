# SPDX-License-Identifier: Apache-2.0
"""Balanced sums: exact for any number of terms, no wider than they must be."""

import pytest
from amaranth import Const, Value
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator
from systolith.rtl.arith.total import total


@pytest.mark.parametrize("count", [1, 2, 3, 7, 64, 900])
def test_every_term_counts(count):
    bits = Signal(count)
    ones = total(bits)
    assert len(Value.cast(ones)) <= max(1, (count - 1).bit_length() + 1)
    m = Module()
    result = Signal(range(count + 1))
    m.d.comb += result.eq(ones)
    simulator = Simulator(m)

    async def bench(ctx):
        for index in {0, count // 2, count - 1}:
            ctx.set(bits, 1 << index)
            assert ctx.get(result) == 1
        ctx.set(bits, (1 << count) - 1)
        assert ctx.get(result) == count

    simulator.add_testbench(bench)
    simulator.run()


def test_signed_terms():
    assert len(total([Const(-5, 4), Const(3, 4), Const(-8, 4)])) >= 5
