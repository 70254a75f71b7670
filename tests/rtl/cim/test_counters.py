# SPDX-License-Identifier: Apache-2.0
import random

from systolith.rtl.cim.contract import MacroParameters
from systolith.rtl.cim.counters import ArrayCounters

from ..streams import simulate


def test_counts():
    rng = random.Random(2)
    dut = ArrayCounters(MacroParameters(macro="user", rows=64, columns=64, mux=4))
    expected = dict.fromkeys(dut.counts.shape().members, 0)

    async def bench(ctx):
        for _ in range(300):
            events = {name: rng.getrandbits(1) for name in ("fire", "busy", "written",
                                                            "stall_load")}
            events |= {"rows": rng.randint(0, 64), "adcs": rng.randint(0, 16)}
            for name, value in events.items():
                ctx.set(getattr(dut, name), value)
            await ctx.tick()
            expected["conversions"] += events["fire"]
            expected["conversion_cycles"] += events["fire"] | events["busy"]
            expected["rows_driven"] += events["fire"] * events["rows"]
            expected["adcs_converted"] += events["fire"] * events["adcs"]
            expected["weights_written"] += events["written"]
            expected["stall_load"] += events["stall_load"]
        assert {name: ctx.get(dut.counts[name]) for name in expected} == expected
        ctx.set(dut.clear, 1)
        await ctx.tick()
        assert ctx.get(dut.counts.as_value()) == 0

    simulate(dut, bench)
