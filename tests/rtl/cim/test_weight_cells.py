# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from systolith.rtl.cim.weight_cells import WeightCells

from ..streams import simulate


@pytest.mark.parametrize("mux", [1, 4])
def test_planes_of_what_was_written(mux):
    dut = WeightCells(rows=24, mux=mux)
    assert dut.words == 8 * mux
    rng = np.random.default_rng(mux)
    held = np.zeros((24, mux), np.uint8)
    places = 1 << np.arange(24)

    async def bench(ctx):
        ctx.set(dut.write, (1 << mux) - 1)
        ctx.set(dut.write_rows, (1 << 24) - 1)
        await ctx.tick()
        shown = 0
        for _ in range(300):
            rows, columns = rng.random(24) < 0.3, rng.random(mux) < 0.6
            weights = rng.integers(0, 256, mux)
            load, enable = rng.random() < 0.7, rng.random() < 0.8
            column, plane = int(rng.integers(mux)), int(rng.integers(8))
            ctx.set(dut.write, int(columns @ (1 << np.arange(mux))))
            ctx.set(dut.write_rows, int(rows @ places))
            ctx.set(dut.weights, weights.tolist())
            for name, value in (("load", load), ("enable", enable), ("column", column),
                                ("plane", plane)):
                ctx.set(getattr(dut, name), int(value))
            assert ctx.get(dut.o) == shown
            if load:
                shown = int((held[:, column] >> plane & 1) @ places) if enable else 0
            held[np.ix_(rows, columns)] = weights[columns]
            await ctx.tick()

    simulate(dut, bench)
