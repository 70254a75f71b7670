# SPDX-License-Identifier: Apache-2.0
"""Groups of a layer's channels; descriptors that are refused are in test_errors.py."""

import pytest
from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator
from systolith.rtl.cim.check import groups_of
from systolith.rtl.cim.contract import MacroParameters
from systolith.rtl.cim.fields import CimFields


class Groups(wiring.Component):
    fields: In(CimFields)
    groups: Out(16)

    def __init__(self, p):
        self.p = p
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        idle = Signal()
        m.d.sync += idle.eq(~idle)
        m.d.comb += self.groups.eq(groups_of(self.p, self.fields))
        return m


@pytest.mark.parametrize("lanes", [8, 32])
def test_groups(lanes):
    dut = Groups(MacroParameters(macro="user", rows=8, columns=4096, mux=4, lanes=lanes))

    async def bench(ctx):
        for phases in range(1, 17):
            for adcs in range(lanes, 1025, 3 * lanes):
                for last in (1, lanes, lanes + 1, adcs):
                    ctx.set(dut.fields, {"phases": phases, "adcs": adcs, "last_adcs": last})
                    await ctx.delay(1e-7)
                    assert ctx.get(dut.groups) == (phases - 1) * adcs // lanes + -(-last // lanes)

    simulator = Simulator(dut)
    simulator.add_testbench(bench)
    simulator.run()
