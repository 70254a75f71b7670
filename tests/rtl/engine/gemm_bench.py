# SPDX-License-Identifier: Apache-2.0
"""Presents edge bytes to one of the ``EdgeBenches``, a row a cycle, and writes what comes out."""

from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge


@cocotb.test()
async def products(dut):
    folder = Path(cocotb.plusargs["job"])
    with np.load(folder / "job.npz") as job:
        name, steps = str(job["bench"]), job["edge"]
    edge, row_valid, row = (getattr(dut, f"{name}_{port}") for port in ("edge", "row_valid", "row"))
    width = len(row) // 8
    falling = FallingEdge(dut.clk)
    dut.rst.value = 1
    edge.value = 0
    Clock(dut.clk, 10, "ns").start()
    for _ in range(3):
        await falling
    dut.rst.value = 0
    cycles, rows = [], []
    for cycle, step in enumerate(steps):
        edge.value = int.from_bytes(step.tobytes(), "little")
        await falling
        if row_valid.value:  # registered: this is what the next cycle shows
            cycles.append(cycle + 1)
            rows.append(row.value.to_unsigned().to_bytes(width, "little"))
    sums = np.frombuffer(b"".join(rows), "<i4").reshape(len(rows), -1)
    np.savez(folder / "rows.npz", cycles=np.array(cycles), sums=sums)
