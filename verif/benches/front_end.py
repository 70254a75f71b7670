# SPDX-License-Identifier: Apache-2.0
"""Streams frames through a front end, some of them cut short, and collects all tensors."""

import json
import random
from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

PATIENCE = 200  # cycles without a frame's end behind which nothing more may come


class Driver:
    """Offers pixels, cycle by cycle; with ``stalls`` at random."""

    def __init__(self, dut, steps, frames: list[list[int]], rng: random.Random | None):
        self.dut, self.rng = dut, rng
        self.items = [item for frame, count, ending in steps
                      for item in [*((frame, index, value) for index, value
                                     in enumerate(frames[frame][:count])), (ending,)]
                      if item != ("",) and item != ("first",)]
        self.items.reverse()
        self.first = 1 << len(dut.i_payload) - 1
        self.valid = self.abort = False

    def drive(self) -> None:
        self.abort = bool(self.items) and len(self.items[-1]) == 1
        if self.abort:
            self.items.pop()
            self.valid = False
        elif self.items and not self.valid and (self.rng is None or self.rng.random() < 0.6):
            self.valid = True
            _, index, value = self.items[-1]
            self.dut.i_payload.value = value | (self.first if index == 0 else 0)
        self.dut.abort.value = self.abort
        self.dut.i_valid.value = self.valid
        self.dut.o_ready.value = self.rng is None or self.rng.random() < 0.6

    def taken(self) -> tuple[int, int]:
        """Frame and place of the pixel that was taken just now."""
        self.valid = False
        frame, index, _ = self.items.pop()
        return frame, index


def _bytes(handle, channels: int) -> bytes:
    return (handle.value.to_unsigned() & (1 << 8 * channels) - 1).to_bytes(channels, "little")


@cocotb.test()
async def frames(dut):
    folder = Path(cocotb.plusargs["job"]).parent
    job = json.loads((folder / "job.json").read_text())
    pixels = np.load(folder / "inputs.npy").view(np.uint8)
    values = [[int.from_bytes(pixel.tobytes(), "little") for pixel in frame] for frame in pixels]
    rng = None if job["stalls"] is None else random.Random(job["stalls"])
    driver = Driver(dut, job["steps"], values, rng)
    channels = len(dut.o_payload) // 8
    results = job["results"]
    watched = [(getattr(dut, f"monitor_{place}_strobe"), getattr(dut, f"monitor_{place}_pixel"))
               for place in range(job["layers"])]
    seen: list[list[bytes]] = [[] for _ in watched]

    dut.rst.value, dut.i_valid.value, dut.o_ready.value, dut.abort.value = 1, 0, 0, 0
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    for _ in range(3):
        await FallingEdge(dut.clk)
    dut.rst.value = 0

    under_way: list[tuple[int, int]] = []  # frame, cycle of its first pixel
    given: list[bytes] = []
    done: list[tuple[int, int, int]] = []
    outputs: list[bytes] = []
    cycle = quiet = 0
    while driver.items or under_way or quiet < PATIENCE:
        driver.drive()
        await ReadOnly()
        forget = driver.abort or dut.restart.value
        if forget:
            under_way.clear()
            given.clear()
        if driver.valid and dut.i_ready.value:
            frame, index = driver.taken()
            if index == 0:
                under_way.append((frame, cycle))
            quiet = 0
        if dut.o_valid.value and dut.o_ready.value and not forget:
            given.append(_bytes(dut.o_payload, channels))
            last = bool(dut.o_payload.value.to_unsigned() >> 8 * channels)
            assert last == (len(given) == results), "last is not with a frame's last pixel"
            assert under_way, "a pixel of no frame"
            if last:
                frame, start = under_way.pop(0)
                done.append((frame, start, cycle))
                outputs += given
                given = []
        for (strobe, pixel), tensor in zip(watched, seen, strict=True):
            if strobe.value:
                tensor.append(_bytes(pixel, len(pixel) // 8))
        cycle += 1
        quiet += 1
        assert quiet < job["patience"], "nothing comes out any more"
        await FallingEdge(dut.clk)
    np.savez(folder / "answer.npz", done=np.array(done, np.int64).reshape(-1, 3),
             output=np.frombuffer(b"".join(outputs), np.int8),
             **{f"tensor_{place}": np.frombuffer(b"".join(tensor), np.int8)
                for place, tensor in enumerate(seen)})
