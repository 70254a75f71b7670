# SPDX-License-Identifier: Apache-2.0
"""A camera: sends frames to port ``s_axis`` pixel by pixel."""

import random

import numpy as np
from cocotb.triggers import RisingEdge

__all__ = ["StreamSource"]


class StreamSource:
    """The source side of ``s_axis`` of ``dut``. With ``stalls`` it pauses at random, reproducibly,
    in a ``share`` of the cycles."""

    def __init__(self, dut, *, stalls: int | None = None, share: float = 0.4):
        self.dut = dut
        self.share = 0.0 if stalls is None else share
        self._rng = random.Random(stalls)
        dut.s_axis_tvalid.value = 0
        dut.s_axis_tlast.value = 0
        dut.s_axis_tdata.value = 0

    async def send(self, frame: np.ndarray, *, last: bool = True) -> None:
        """Send the pixels of ``frame``, int8 [pixels, channels], or with ``last`` cleared the
        first ones of a frame that does not end."""
        dut, edge = self.dut, RisingEdge(self.dut.clk)
        count, channels = frame.shape
        raw = frame.tobytes()
        for place in range(count):
            while self._rng.random() < self.share:
                await edge
            dut.s_axis_tdata.value = int.from_bytes(
                raw[place * channels:(place + 1) * channels], "little")
            dut.s_axis_tlast.value = int(last and place == count - 1)
            dut.s_axis_tvalid.value = 1
            await edge
            while not dut.s_axis_tready.value:
                await edge
            dut.s_axis_tvalid.value = 0
