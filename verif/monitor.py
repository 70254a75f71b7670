# SPDX-License-Identifier: Apache-2.0
"""Observes result streams at the core's monitor ports without touching the program."""

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

__all__ = ["ResultMonitor"]


class ResultMonitor:
    """Collects the beats of ``monitor_<unit>``: int8 [beats, lanes]."""

    def __init__(self, dut, unit: str):
        self.clock = dut.clk
        self.valid = getattr(dut, f"monitor_{unit}_valid")
        self.data = getattr(dut, f"monitor_{unit}_data")
        self.lanes = len(self.data) // 8
        self._beats: list[bytes] = []
        cocotb.start_soon(self._watch())

    async def _watch(self) -> None:
        rising, edge = RisingEdge(self.valid), RisingEdge(self.clock)
        while True:
            await rising
            await edge
            while self.valid.value:
                self._beats.append(
                    self.data.value.to_unsigned().to_bytes(self.lanes, "little"))
                await edge

    def take(self) -> np.ndarray:
        """Everything seen since this was last asked."""
        seen, self._beats = self._beats, []
        return np.frombuffer(b"".join(seen), np.int8).reshape(-1, self.lanes)
