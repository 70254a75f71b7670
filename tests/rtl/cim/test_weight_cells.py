# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from systolith.rtl.cim.weight_cells import WeightCells

from ..streams import simulate


@pytest.mark.parametrize(("mux", "together", "planes"), [(1, 1, 8), (4, 1, 8), (8, 4, 7)])
def test_planes_of_what_was_written(mux, together, planes):
    dut = WeightCells(rows=24, mux=mux, together=together, planes=planes)
    assert dut.words == planes * mux
    rng = np.random.default_rng(mux)
    held = np.zeros((24, mux), np.uint8)
    places = 1 << np.arange(24)

    async def bench(ctx):
        shown = 0
        for cycle in range(300):
            rows, write = rng.random(24) < 0.3, rng.random() < 0.5
            weights = rng.integers(0, 256, together)
            load, enable = rng.random() < 0.7, rng.random() < 0.8
            column, plane = int(rng.integers(mux)), int(rng.integers(planes))
            if cycle < mux:  # all rows of all columns, before anything is read
                rows[:], write, load, column = True, True, False, cycle
            ctx.set(dut.weights, weights.tolist())
            for name, value in (("write", write), ("write_rows", rows @ places), ("load", load),
                                ("enable", enable), ("column", column), ("plane", plane)):
                ctx.set(getattr(dut, name), int(value))
            assert ctx.get(dut.o) == shown
            if load:
                shown = int((held[:, column] >> plane & 1) @ places) if enable else 0
            if write:
                first = column // together * together
                held[np.ix_(rows, range(first, first + together))] = weights
            await ctx.tick()

    simulate(dut, bench)
