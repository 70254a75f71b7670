# SPDX-License-Identifier: Apache-2.0
"""What the stress benches share: a host, workloads with their expected results, an AXI memory."""

import random
from pathlib import Path

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiBus, AxiRam, AxiResp
from systolith.rtl.bus.register_map import ID
from systolith.verif.external_memory import StreamingMemory
from systolith.verif.host import Host, RunError
from systolith.verif.job import Job

__all__ = ["BUSY", "DONE", "ERROR", "READ_IN", "WRITE_OUT", "ExternalMemory", "Session",
           "Workload", "await_dma", "begin_dma", "random_pauses"]

BUSY, DONE, ERROR = 1, 2, 4
SOFT_RESET = 2
READ_IN, WRITE_OUT = 1, 2
MEMORY_WORDS = 1 << 17


class Workload:
    """A job and what ``stress`` expects of it: masked output words, cycles of run and layers.

    ``waits``: cycles in which its latest run waited for transfers, on top of ``cycles``.
    """

    def __init__(self, path: Path):
        self.job = Job.load(path)
        settings = self.job.settings
        self.expected = np.array(settings["expected"], "<u8")
        self.mask = np.array(settings["mask"], "<u8")
        self.cycles: int = settings["cycles"]
        self.layer_cycles: list[int] = settings["layer_cycles"]
        self.bases: tuple[int, int, int, int] = tuple(settings["bases"])
        self.program_words: int = settings["program_words"]
        self.external_words: int = settings["external_words"]
        self.moved: int = settings["moved"]
        self.waits = 0
        self.rng = random.Random(settings["seed"])

    @property
    def length(self) -> int:
        """Cycles of a run that waits as long as the latest one did."""
        return self.cycles + self.waits

    @property
    def program_address(self) -> int:
        """Byte address of the image header."""
        return self.job.image_runs[0][0]

    @property
    def constants(self) -> np.ndarray:
        """What a run must leave as it is in external memory."""
        return self.job.external[:self.external_words]

    def parts(self) -> list[tuple[int, bytes]]:
        """(byte address, bytes) of the image in the order of loading."""
        return [(address, self.job.image[first:first + count].tobytes())
                for address, first, count in self.job.image_runs]


class Session:
    """A reset core with a host in front of it; every workload of the bench's job.

    ``memory``: behind the DMA; by default a ``StreamingMemory`` where a run needs one.
    """

    def __init__(self, dut, *, stalls: int | None = None, memory=None):
        self.dut = dut
        path = Path(cocotb.plusargs["job"])
        folders = Job.load(path).settings["workloads"]
        self.workloads = [Workload(Path(folder) / "job.json") for folder in folders]
        self.first = self.workloads[0]
        self.host = Host(dut, stalls=stalls)
        self.external = self.first.job.external.size > 0  # runs have transfers
        self.memory = memory
        if self.external and memory is None:
            self.memory = StreamingMemory(dut, MEMORY_WORDS, latency=self.first.job.latency,
                                          stalls=stalls)

    @property
    def settings(self) -> dict:
        """What ``stress`` says about the first workload."""
        return self.first.job.settings

    @classmethod
    async def open(cls, dut, *, stalls: int | None = None, load: bool = True,
                   memory=None) -> "Session":
        """A session after a hard reset, with the first workload's image loaded and, where it will
        wait for transfers, run once."""
        session = cls(dut, stalls=stalls, memory=memory)
        await session.host.reset()
        if load:
            await session.load(session.first)
            if session.external:
                await session.check()
        return session

    async def load(self, workload: Workload) -> None:
        """Write a workload's image through the window, and what belongs to it outside."""
        self.load_outside(workload)
        await self.host.store(workload.job.image_runs, workload.job.image)

    def load_outside(self, workload: Workload) -> None:
        """Write what a workload has in external memory."""
        if self.external:
            self.memory.write(workload.bases[3], workload.constants.tobytes())

    async def select(self, workload: Workload) -> None:
        """Point the core at a workload's image."""
        program, weights, schedule, external = workload.bases
        await self.host.write("PROGRAM_BASE", program)
        await self.host.write("WEIGHT_BASE", weights)
        await self.host.write("SCHEDULE_BASE", schedule)
        await self.host.write("EXTERNAL_BASE_LO", external & 0xFFFF_FFFF)
        await self.host.write("EXTERNAL_BASE_HI", external >> 32)

    async def give(self, workload: Workload, index: int) -> None:
        """Write an input, over outputs that are wiped, so that none is there from before."""
        await self.host.store(workload.job.output_runs,
                              ~workload.expected[index])
        words = workload.job.inputs[index]
        if workload.job.input_outside:
            for address, first, count in workload.job.input_runs:
                self.memory.write(workload.bases[3] + address,
                                  words[first:first + count].tobytes())
        else:
            await self.host.store(workload.job.input_runs, words)

    async def check(self, workload: Workload | None = None, index: int = 0) -> None:
        """A run from input to output is exact in bits and in cycles."""
        workload = workload or self.first
        await self.select(workload)
        await self.give(workload, index)
        cycles = await self.host.run(timeout_cycles=self.limit(workload))
        await self.compare(workload, index, cycles)

    def limit(self, workload: Workload) -> int:
        """Cycles that no run should take, whatever stalls."""
        return 8 * (workload.cycles + workload.moved) + 1000

    async def compare(self, workload: Workload, index: int, cycles: int) -> None:
        """The run that just ended was exact."""
        words = await self.host.fetch(workload.job.output_runs)
        np.testing.assert_array_equal(words & workload.mask, workload.expected[index])
        workload.waits = await self.host.read("STALL_TRANSFER")
        assert self.in_time(cycles, workload.length), (cycles, workload.cycles, workload.waits)
        assert self.external or not workload.waits
        layers = await self.host.layer_cycles(workload.job.layers)
        assert all(map(self.in_time, layers, workload.layer_cycles)), layers

    def in_time(self, cycles: int, predicted: int) -> bool:
        """``cycles`` are those predicted; at most those, where conversions may stop early."""
        return cycles <= predicted if self.settings["cycles_at_most"] else cycles == predicted

    async def refused(self, causes, *, watchdog: int) -> RunError | None:
        """Start; the run ends, the interrupt tells, registers answer. Returns its error.

        ``causes``: those that it may end with, None among them if it may also end well.
        """
        await self.host.write("WATCHDOG", watchdog)
        error = None
        try:
            await self.host.run(timeout_cycles=watchdog + 2000)
        except RunError as raised:
            error = raised
        assert (error.cause if error else None) in causes, error
        await self.settle()
        assert await self.host.read("STATUS") & (BUSY | DONE | ERROR) == 0
        assert not self.dut.irq.value
        assert await self.host.read("ID") == ID
        await self.host.write("WATCHDOG", 0)
        return error

    async def soft_reset(self) -> None:
        """Soft reset; the core comes to rest without telling of an end or an error."""
        await self.host.write("CONTROL", SOFT_RESET)
        for _ in range(500):
            status = await self.host.read("STATUS")
            if not status & BUSY:
                break
        else:
            raise AssertionError("soft reset must end a run, but the core stays busy")
        assert not status & ERROR and status >> 8 & 0xFF == 0, hex(status)
        await self.settle()

    async def settle(self) -> None:
        """Wait until nothing moves any more of a run that failed."""
        await await_dma(self.host)

    async def intact(self, workload: Workload) -> None:
        """Program and weights still hold what was loaded; those of an array read as zero."""
        expected = workload.job.image.copy()
        if self.settings["array_written_only"]:
            for address, first, count in workload.job.image_runs:
                if address >> self.settings["region_bits"] == 1:
                    expected[first:first + count] = 0
        np.testing.assert_array_equal(await self.host.fetch(workload.job.image_runs), expected)
        if self.external:
            constants = workload.constants.tobytes()
            assert self.memory.read(workload.bases[3], len(constants)) == constants


class ExternalMemory:
    """An AXI memory of ``SIZE`` bytes, repeated all over the address space, on ``m_axi``.

    ``fail`` makes one later beat or burst answer with an error. ``span`` counts cycles.
    """

    SIZE = 8 * MEMORY_WORDS

    def __init__(self, dut, *, stalls: int | None = None):
        self.dut = dut
        self.ram = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, size=self.SIZE)
        self.ram.read_if.log.setLevel("WARNING")
        self.ram.write_if.log.setLevel("WARNING")
        self.channels = {
            "aw": self.ram.write_if.aw_channel, "w": self.ram.write_if.w_channel,
            "b": self.ram.write_if.b_channel, "ar": self.ram.read_if.ar_channel,
            "r": self.ram.read_if.r_channel}
        self._faults: dict[str, tuple[int, AxiResp]] = {}
        for name in ("r", "b"):
            self._answer_through_faults(name)
        if stalls is not None:
            for index, name in enumerate(self.channels):
                self.stall(name, 5 * stalls + index)

    def write(self, address: int, content: bytes) -> None:
        """Bytes that do not lie around the end."""
        self.ram.write(address % self.SIZE, content)

    def read(self, address: int, length: int) -> bytes:
        """Bytes that do not lie around the end."""
        return bytes(self.ram.read(address % self.SIZE, length))

    def _answer_through_faults(self, name: str) -> None:
        channel = self.channels[name]
        send = channel.send

        async def faulty(answer):
            left, response = self._faults.get(name, (-1, AxiResp.OKAY))
            if left == 0:
                setattr(answer, f"{name}resp", response)
            self._faults[name] = (left - 1, response)
            await send(answer)

        channel.send = faulty

    def fail(self, name: str, after: int, response: AxiResp) -> None:
        """Answer channel ``name`` (r or b) with ``response`` once, ``after`` good answers."""
        self._faults[name] = (after, response)

    def stall(self, name: str, seed: int, share: float = 0.4) -> None:
        """Pause a channel at random from now on."""
        self.channels[name].set_pause_generator(random_pauses(seed, share))

    async def transfer(self, host: Host, external: int, local: int, length: int,
                       direction: int) -> int:
        """Move bytes by the DMA and wait; returns DMA_STATUS."""
        await begin_dma(host, external, local, length, direction)
        return await await_dma(host, length + 500)

    async def span(self) -> int:
        """Cycles of the next transfer: first address offered to last answer taken, inclusive."""
        dut, edge = self.dut, RisingEdge(self.dut.clk)
        cycles, last, idle = 0, 0, 0
        while not cycles or idle < 600:
            await edge
            if cycles or dut.m_axi_arvalid.value or dut.m_axi_awvalid.value:
                cycles += 1
            idle += 1
            if (dut.m_axi_rvalid.value and dut.m_axi_rready.value) or (
                    dut.m_axi_bvalid.value and dut.m_axi_bready.value):
                last, idle = cycles, 0
            elif dut.m_axi_wvalid.value:
                idle = 0
        return last


async def begin_dma(host: Host, external: int, local: int, length: int,
                    direction: int) -> None:
    """Start a transfer."""
    await host.write("DMA_ADDRESS_LO", external & 0xFFFF_FFFF)
    await host.write("DMA_ADDRESS_HI", external >> 32)
    await host.write("DMA_LOCAL", local)
    await host.write("DMA_LENGTH", length)
    await host.write("DMA_CONTROL", direction)


async def await_dma(host: Host, reads: int = 1000) -> int:
    """Read DMA_STATUS until the DMA is idle, at most so often; returns it."""
    for _ in range(reads):
        status = await host.read("DMA_STATUS")
        if not status & BUSY:
            return status
    raise AssertionError("the DMA must end, but it stays busy")


def random_pauses(seed: int, share: float = 0.4):
    """Endless pauses: True in a ``share`` of the cycles."""
    rng = random.Random(seed)
    while True:
        yield rng.random() < share
