# SPDX-License-Identifier: Apache-2.0
"""Products of LUTs: every product there is."""

import pytest
from amaranth.hdl import Module, Signal, signed
from amaranth.sim import Simulator
from systolith.rtl.arith.rows import row_product


@pytest.mark.parametrize("weights", [range(-128, 0, 5), range(-127, 128, 9), (-128, -1, 0, 1, 127)])
def test_every_activation(weights):
    m = Module()
    x, w = Signal(signed(9)), Signal(signed(8))
    result = Signal(signed(17))
    m.d.comb += result.eq(row_product(m, "product", x, w))
    simulator = Simulator(m)

    async def bench(ctx):
        for weight in weights:
            ctx.set(w, weight)
            for activation in range(-256, 256):
                ctx.set(x, activation)
                assert ctx.get(result) == activation * weight, (activation, weight)

    simulator.add_testbench(bench)
    simulator.run()
