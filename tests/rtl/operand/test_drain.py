# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.operand.drain import Drain

from ..streams import simulate

ROWS = 5


@pytest.mark.parametrize("beats", [1, 2, 4])
@pytest.mark.parametrize(("start", "latency"), [(1, 0), (3, 0), (5, 2), (9, 7)])
def test_drains_every_row(start, latency, beats):
    dut = Drain(rows=ROWS, beats=beats, drain_start=start, drain_latency=latency)
    rng = random.Random(start * beats)
    issues, drains, valids = {}, {}, {}
    cycle = 1
    for _ in range(30):
        rows, new_columns = rng.randint(1, ROWS), rng.random() < 0.4
        issues[cycle] = (rows, new_columns)
        for row in range(rows):
            strobe = cycle + start + row * beats
            drains[strobe] = rows - 1 - row
            valids[strobe + latency] = row == 0 and new_columns
        cycle += rows * beats + rng.choice([0, 0, 0, 1, 7])

    async def bench(ctx):
        for now in range(cycle + start + latency + 5):
            rows, new_columns = issues.get(now, (rng.randint(0, ROWS), rng.getrandbits(1)))
            ctx.set(dut.issued, now in issues)
            ctx.set(dut.issued_rows, rows)
            ctx.set(dut.issued_new_columns, new_columns)
            assert ctx.get(dut.drain) == (now in drains), f"cycle {now}"
            if now in drains:
                assert ctx.get(dut.remaining) == drains[now]
            assert ctx.get(dut.row_valid) == (now in valids), f"cycle {now}"
            if now in valids:
                assert ctx.get(dut.first) == valids[now]
            await ctx.tick()

    simulate(dut, bench)


def test_drain_start_must_be_positive():
    with pytest.raises(ValueError, match="^Drain start must be at least 1 cycle, not 0$"):
        Drain(rows=4, beats=1, drain_start=0, drain_latency=0)
