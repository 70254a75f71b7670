# SPDX-License-Identifier: Apache-2.0
"""Frames that are cut short, resets and failing runs: the next frame is exact."""

import random
from pathlib import Path

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles
from systolith.rtl.sequencer.sequencer import Cause
from systolith.verif.benches.session import BUSY, DONE, ERROR
from systolith.verif.host import Host, RunError
from systolith.verif.job import Job
from systolith.verif.stream_source import StreamSource

SOFT_RESET, START = 2, 1
FRAMES, WAITING, BROKEN = 3, 8, 16
CASES = 6


class Streams:
    """A reset core with its image loaded, a host and a source of frames that pauses at random."""

    def __init__(self, dut):
        self.dut = dut
        self.job = Job.load(Path(cocotb.plusargs["job"]))
        settings = self.job.settings
        self.expected = np.array(settings["expected"], "<u8")
        self.mask = np.array(settings["mask"], "<u8")
        self.cycles: int = settings["cycles"]
        self.layer_cycles: list[int] = settings["layer_cycles"]
        self.rng = random.Random(settings["seed"])
        self.host = Host(dut)
        self.source = StreamSource(dut, stalls=settings["seed"], share=0.1)

    @classmethod
    async def open(cls, dut) -> "Streams":
        streams = cls(dut)
        await streams.host.reset()
        await streams.host.store(streams.job.image_runs, streams.job.image)
        return streams

    @property
    def pixels(self) -> int:
        """Pixels of a frame."""
        return len(self.job.frames[0])

    async def send(self, index: int, pixels: int | None = None) -> None:
        """A frame, or its first ``pixels`` without an end."""
        await self.source.send(self.job.frames[index][:pixels], last=pixels is None)

    async def status(self) -> int:
        return await self.host.read("STREAM_STATUS")

    async def hold(self, frames: int) -> None:
        """Wait until so many frames are whole."""
        for _ in range(500):
            if await self.status() & FRAMES == frames:
                return
        raise AssertionError(f"{frames} frames must become whole")

    async def run(self, index: int) -> None:
        """A run of the frame that was sent is exact in bits and in cycles."""
        await self.compare(index, await self.host.run(timeout_cycles=20 * self.cycles))

    async def compare(self, index: int, cycles: int) -> None:
        words = await self.host.fetch(self.job.output_runs)
        np.testing.assert_array_equal(words & self.mask, self.expected[index])
        assert cycles == self.cycles, (cycles, self.cycles)
        assert await self.host.layer_cycles(self.job.layers) == self.layer_cycles

    async def clean(self) -> None:
        """The next frame is exact, and so is the one behind it."""
        for index in (1, 0):
            await self.send(index)
            await self.run(index)
        await self.host.write("STATUS_CLEAR", 3)
        assert await self.status() & (FRAMES | WAITING | BROKEN) == 0

    def lengths(self) -> list[int]:
        """Pixels of frames that are cut short."""
        return [1, self.pixels - 1, *(self.rng.randrange(1, self.pixels) for _ in range(CASES))]


@cocotb.test()
async def aborted_frames(dut):
    streams = await Streams.open(dut)
    for pixels in streams.lengths():
        await streams.send(0, pixels)
        await streams.host.write("STREAM_CONTROL", 1)
        assert await streams.status() & FRAMES == 0
        await streams.clean()


@cocotb.test()
async def aborted_behind_whole_frames(dut):
    streams = await Streams.open(dut)
    for pixels in streams.lengths():
        await streams.send(0)
        await streams.hold(1)
        await streams.send(1, pixels)
        await streams.host.write("STREAM_CONTROL", 1)
        assert await streams.status() & FRAMES == 0
        await streams.clean()


@cocotb.test()
async def aborted_during_a_run(dut):
    streams = await Streams.open(dut)
    for pixels in streams.lengths():
        await streams.send(2)
        await streams.hold(1)
        await streams.host.write("CONTROL", START)
        await streams.send(0, pixels)
        await streams.host.write("STREAM_CONTROL", 1)
        await streams.compare(2, await streams.host.finish())
        await streams.clean()


@cocotb.test()
async def soft_reset_in_mid_frame(dut):
    streams = await Streams.open(dut)
    for pixels in streams.lengths():
        await streams.send(2)
        await streams.hold(1)
        await streams.host.write("CONTROL", START)
        await streams.send(0, pixels)
        await streams.host.write("CONTROL", SOFT_RESET)
        while await streams.host.read("STATUS") & BUSY:
            pass
        await streams.host.write("STATUS_CLEAR", 3)  # the run may have ended before
        assert await streams.status() & FRAMES == 0
        await streams.clean()


@cocotb.test()
async def hard_reset_in_mid_frame(dut):
    streams = await Streams.open(dut)
    for pixels in streams.lengths():
        await streams.send(2)
        await streams.hold(1)
        await streams.host.write("CONTROL", START)
        await streams.send(0, pixels)
        await streams.host.reset()
        assert await streams.status() == 0
        await streams.host.store(streams.job.image_runs, streams.job.image)
        await streams.clean()


@cocotb.test()
async def frames_of_a_wrong_length(dut):
    streams = await Streams.open(dut)
    frame = streams.job.frames[0]
    for pixels in streams.lengths():
        wrong = streams.rng.choice((frame[:pixels], np.concatenate([frame, frame[:pixels]])))
        await streams.source.send(wrong)
        assert await streams.status() & (FRAMES | BROKEN) == BROKEN
        await streams.send(2)
        await streams.run(2)
        assert await streams.status() & BROKEN  # until somebody looks
        await streams.host.write("STREAM_CONTROL", 1)
        await streams.clean()


@cocotb.test()
async def runs_wait_for_their_frames(dut):
    streams = await Streams.open(dut)
    host = streams.host
    await host.write("CONTROL", START)
    await ClockCycles(dut.clk, 3 * streams.cycles)
    assert await host.read("STATUS") & (BUSY | DONE) == BUSY
    assert await streams.status() & WAITING
    await host.write("CONTROL", SOFT_RESET)
    assert await host.read("STATUS") & (BUSY | DONE | ERROR) == 0
    assert await streams.status() == 0
    await host.write("CONTROL", START)
    await streams.send(2)
    await streams.compare(2, await host.finish())
    await streams.clean()


@cocotb.test()
async def frames_wait_for_a_slot(dut):
    streams = await Streams.open(dut)
    frames = (0, 1, 2) * 2  # more than slots and fixed layers hold
    task = cocotb.start_soon(_send_all(streams, frames))
    await streams.hold(2)
    await ClockCycles(dut.clk, 30 * streams.pixels)
    assert await streams.status() & FRAMES == 2
    assert not task.done()
    # What lies in the memories can be read meanwhile.
    np.testing.assert_array_equal(await streams.host.fetch(streams.job.image_runs),
                                  streams.job.image)
    for index in frames:
        await streams.run(index)
    assert task.done() and await streams.status() & FRAMES == 0


async def _send_all(streams, indices):
    for index in indices:
        await streams.send(index)


@cocotb.test()
async def a_run_that_fails_frees_its_slot(dut):
    streams = await Streams.open(dut)
    host = streams.host
    for limit in (1, streams.cycles // 2, streams.cycles - 2):
        await host.write("STREAM", 1)
        await host.write("WATCHDOG", limit)
        await streams.send(2)
        try:
            await host.finish(clear=False)
        except RunError as error:
            assert error.cause == Cause.WATCHDOG
        else:
            raise AssertionError(f"a run must not outlive a watchdog of {limit}")
        await host.write("WATCHDOG", 0)
        await streams.send(0)
        await ClockCycles(dut.clk, 2 * streams.cycles)
        # No run follows before the error is cleared.
        assert await host.read("STATUS") & (BUSY | DONE | ERROR) == ERROR
        assert await streams.status() & FRAMES == 1
        await host.write("STATUS_CLEAR", 3)
        await streams.compare(0, await host.finish())
        await host.write("STREAM", 0)
        await streams.clean()
