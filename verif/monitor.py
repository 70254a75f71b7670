# SPDX-License-Identifier: Apache-2.0
"""Observes result streams at the core's monitor ports without touching the program."""

import cocotb
import numpy as np
from cocotb.simtime import get_sim_time
from cocotb.triggers import RisingEdge

__all__ = ["ResultMonitor", "UnitMonitor"]


class ResultMonitor:
    """Collects the beats of ``monitor_<unit>``: int8 [beats, lanes]. ``valid``, ``data``: names of
    its members."""

    def __init__(self, dut, unit: str, valid: str = "valid", data: str = "data"):
        self.clock = dut.clk
        self.valid = getattr(dut, f"monitor_{unit}_{valid}")
        self.data = getattr(dut, f"monitor_{unit}_{data}")
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


class UnitMonitor:
    """Notes when ``monitor_units`` changes, up to ``stop``: int [changes, 2], cycle and value.

    ``period`` of the clock in ns.
    """

    def __init__(self, dut, period: int):
        self._units = dut.monitor_units
        self._period = period
        self._values: dict[int, int] = {}
        self._task = cocotb.start_soon(self._watch())

    async def _watch(self) -> None:
        while True:
            await self._units.value_change
            # What changes more than once within a cycle is as it last is.
            self._values[int(get_sim_time("ns")) // self._period] = \
                self._units.value.to_unsigned()

    def stop(self) -> None:
        """Watch no longer."""
        self._task.cancel()

    @property
    def changes(self) -> np.ndarray:
        """Everything seen so far."""
        return np.array(list(self._values.items()), int).reshape(-1, 2)
