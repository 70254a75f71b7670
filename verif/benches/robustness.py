# SPDX-License-Identifier: Apache-2.0
"""What goes wrong on a bus or in an image: clean errors, never a hang, and right bits after it."""

import random
from pathlib import Path

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout
from cocotbext.axi import AxiBus, AxiRam, AxiSlave, MemoryRegion
from systolith.rtl.sequencer.sequencer import Cause
from systolith.verif.host import Host, RunError
from systolith.verif.job import Job

SOFT_RESET = 2
READ_IN, WRITE_OUT = 1, 2
HEADER_WORDS = 16
DESCRIPTOR_WORDS = 16


class Session:
    """A host with the job's image loaded, and what a good run gives."""

    def __init__(self, dut):
        self.job = Job.load(Path(cocotb.plusargs["job"]))
        self.host = Host(dut, stalls=self.job.stalls)
        self.program_address = self.job.settings["program_address"]
        self.trailer_address = self.job.settings["trailer_address"]

    async def load(self):
        await self.host.reset()
        await self.host.store(self.job.image_runs, self.job.image)
        return self

    async def run(self, watchdog: int = 0):
        await self.host.write("WATCHDOG", watchdog)
        await self.host.store(self.job.input_runs, self.job.inputs[0])
        cycles = await self.host.run(timeout_cycles=200_000)
        return cycles, await self.host.fetch(self.job.output_runs)

    async def check(self):
        """A run is right: the bits and cycles that pytest compared with golden."""
        cycles, words = await self.run()
        np.testing.assert_array_equal(words, self.job.settings["output_words"])
        assert cycles == self.job.settings["cycles"]

    async def fails(self, causes, watchdog: int = 0) -> RunError | None:
        """The run ends with an error of these causes, and registers stay readable."""
        try:
            await self.run(watchdog)
        except RunError as error:
            assert error.cause in causes, error
            assert await self.host.read("ID") == 0x54535953
            return error
        assert Cause.NONE in causes, "the run did not fail"
        return None


@cocotb.test()
async def good_run(dut):
    session = await Session(dut).load()
    await session.check()
    await session.check()


@cocotb.test()
async def reset_in_the_middle_of_a_layer(dut):
    session = await Session(dut).load()
    rng = random.Random(1)
    for case in range(8):
        await session.host.store(session.job.input_runs, session.job.inputs[0])
        await session.host.write("CONTROL", 1)
        await ClockCycles(dut.clk, rng.randrange(5, session.job.settings["cycles"] - 40))
        assert (await session.host.read("STATUS")) & 1
        if case % 2:
            await session.host.reset()
        else:
            await session.host.write("CONTROL", SOFT_RESET)
            for _ in range(200):
                if not (await session.host.read("STATUS")) & 1:
                    break
            else:
                raise AssertionError("soft reset did not end the run")
            assert not (await session.host.read("STATUS")) & 6
        await session.check()


@cocotb.test()
async def foreign_image(dut):
    session = await Session(dut).load()
    at = session.program_address + 8
    await session.host.window.write(at, bytes(8))
    await session.fails([Cause.FOREIGN_IMAGE])
    await session.host.store(session.job.image_runs, session.job.image)
    await session.check()


@cocotb.test()
async def no_image(dut):
    session = await Session(dut).load()
    await session.host.window.write(session.program_address, bytes(8))
    await session.fails([Cause.NO_IMAGE])
    await session.host.store(session.job.image_runs, session.job.image)
    await session.check()


@cocotb.test()
async def truncated_image(dut):
    session = await Session(dut).load()
    words = len(session.job.image)
    for keep in (words - session.job.settings["trailer_words"], words // 2, 40):
        # What was not loaded holds zeros.
        cut = session.job.image.copy()
        cut[keep:] = 0
        await session.host.store(session.job.image_runs, cut)
        await session.fails([Cause.TRUNCATED_IMAGE, Cause.BAD_DESCRIPTOR])
    await session.host.store(session.job.image_runs, session.job.image)
    await session.check()


@cocotb.test()
async def two_images_one_after_the_other(dut):
    session = await Session(dut).load()
    other = session.job.image.copy()
    other[session.job.settings["weight_word"]:] ^= 0x0101010101010101
    for _ in range(2):
        await session.host.store(session.job.image_runs, other)
        await session.fails([Cause.TRUNCATED_IMAGE])
        await session.host.store(session.job.image_runs, session.job.image)
        await session.check()


@cocotb.test()
async def two_images_side_by_side(dut):
    session = await Session(dut).load()
    rows, weight_rows = session.job.settings["second_bases"]
    second = [(address + offset, first, count)
              for (address, first, count), offset in zip(
                  session.job.image_runs, session.job.settings["second_offsets"], strict=True)]
    await session.host.store(second, session.job.image)
    for _ in range(2):
        for program, weights in ((0, 0), (rows, weight_rows)):
            await session.host.write("PROGRAM_BASE", program)
            await session.host.write("WEIGHT_BASE", weights)
            await session.check()


@cocotb.test()
async def garbled_descriptors(dut):
    session = await Session(dut).load()
    rng = np.random.default_rng(3)
    at = session.program_address + 8 * HEADER_WORDS
    for case in range(12):
        garbage = rng.integers(0, 2**64, DESCRIPTOR_WORDS, dtype=np.uint64)
        words = session.job.image[HEADER_WORDS:HEADER_WORDS + DESCRIPTOR_WORDS].copy()
        if case % 3 == 0:
            words = garbage
        else:  # one word of a good descriptor
            spot = int(rng.integers(1, DESCRIPTOR_WORDS))
            words[spot] = garbage[spot]
        await session.host.window.write(at, words.tobytes())
        await session.fails([Cause.BAD_DESCRIPTOR, Cause.WATCHDOG, Cause.NONE], watchdog=5000)
        await session.host.store(session.job.image_runs, session.job.image)
        await session.check()


@cocotb.test()
async def watchdog_bites(dut):
    session = await Session(dut).load()
    await session.fails([Cause.WATCHDOG], watchdog=session.job.settings["cycles"] // 2)
    await session.check()


@cocotb.test()
async def window_errors_and_strobes(dut):
    session = await Session(dut).load()
    beyond = 3 << (session.job.settings["region_bits"])
    assert (await session.host.window.read(beyond, 8)).resp
    at = session.trailer_address
    before = (await session.host.window.read(at, 8)).data
    await session.host.window.write(at + 3, b"\x5a")
    after = (await session.host.window.read(at, 8)).data
    assert after == before[:3] + b"\x5a" + before[4:]
    await session.host.window.write(at, before)
    await session.check()


@cocotb.test()
async def host_access_during_a_run(dut):
    session = await Session(dut).load()
    await session.host.store(session.job.input_runs, session.job.inputs[0])
    polls = cocotb.start_soon(_poll(session))
    cycles = await session.host.run(timeout_cycles=200_000)
    polls.cancel()
    assert cycles == session.job.settings["cycles"]


async def _poll(session):
    while True:
        await session.host.window.read(session.program_address, 64)


class _Faulty(MemoryRegion):
    """Memory whose upper half answers with errors."""

    async def _read(self, address, length, **kwargs):
        if address >= self.size // 2:
            raise RuntimeError("read error")
        return await super()._read(address, length, **kwargs)

    async def _write(self, address, data, **kwargs):
        if address >= self.size // 2:
            raise RuntimeError("write error")
        await super()._write(address, data, **kwargs)


async def _dma(host, external: int, local: int, length: int, direction: int) -> int:
    await host.write("DMA_ADDRESS_LO", external)
    await host.write("DMA_ADDRESS_HI", 0)
    await host.write("DMA_LOCAL", local)
    await host.write("DMA_LENGTH", length)
    await host.write("DMA_CONTROL", direction)
    for _ in range(20_000):
        status = await host.read("DMA_STATUS")
        if not status & 1:
            return status
    raise AssertionError("the DMA hangs")


@cocotb.test()
async def everything_by_dma_with_stalls(dut):
    session = Session(dut)
    ram = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, size=1 << 18)
    for index, channel in enumerate((
            ram.write_if.aw_channel, ram.write_if.w_channel, ram.write_if.b_channel,
            ram.read_if.ar_channel, ram.read_if.r_channel)):
        rng = random.Random(index)
        channel.set_pause_generator(iter(lambda rng=rng: rng.random() < 0.4, None))
    await session.host.reset()
    job, host = session.job, session.host
    for address, first, count in job.image_runs:
        ram.write(4096, job.image[first:first + count].tobytes())
        assert await _dma(host, 4096, address, 8 * count, READ_IN) == 2
        assert await host.read("DMA_BYTES") == 8 * count
        assert await host.read("DMA_STALLS") > 0
    for address, first, count in job.input_runs:
        ram.write(64, job.inputs[0][first:first + count].tobytes())
        assert await _dma(host, 64, address, 8 * count, READ_IN) == 2
    assert await host.run(timeout_cycles=200_000) == job.settings["cycles"]
    words = np.zeros(len(job.settings["output_words"]), "<u8")
    for address, first, count in job.output_runs:
        assert await _dma(host, 128 << 10, address, 8 * count, WRITE_OUT) == 2
        words[first:first + count] = np.frombuffer(ram.read(128 << 10, 8 * count), "<u8")
    np.testing.assert_array_equal(words, job.settings["output_words"])


@cocotb.test()
async def bus_errors_at_the_dma(dut):
    session = await Session(dut).load()
    size = 1 << 16
    AxiSlave(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, target=_Faulty(size))
    scratch = session.job.input_runs[0][0]
    for external, direction, expected in (
            (size // 2, READ_IN, 6), (0, READ_IN, 2), (size // 2, WRITE_OUT, 6),
            (size // 2 - 64, READ_IN, 6), (0, WRITE_OUT, 2)):
        assert await _dma(session.host, external, scratch, 256, direction) == expected
    await session.check()


@cocotb.test()
async def bus_error_during_a_run(dut):
    session = await Session(dut).load()
    AxiSlave(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, target=_Faulty(1 << 16))
    host = session.host
    await host.write("IRQ_ENABLE", 1)
    await host.write("DMA_ADDRESS_LO", 1 << 15)
    await host.write("DMA_LOCAL", session.job.input_runs[0][0])
    await host.write("DMA_LENGTH", 64)
    await host.store(session.job.input_runs, session.job.inputs[0])
    await host.write("CONTROL", 1)
    await host.write("DMA_CONTROL", READ_IN)
    if not dut.irq.value:
        await with_timeout(RisingEdge(dut.irq), 1, "ms")
    status = await host.read("STATUS")
    assert status >> 8 & 0xFF == Cause.BUS and status & 4
    await host.write("STATUS_CLEAR", 3)
    await session.check()
