# SPDX-License-Identifier: Apache-2.0
"""A host in front of the core: bus masters, register access, image and tensor transfers."""

import random

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import First, RisingEdge, Timer
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiMaster

from ..rtl.bus.register_map import ARRAY_REGISTERS, REGISTERS, STREAM_REGISTERS
from .wishbone import WishboneMaster

__all__ = ["PERIOD_NS", "Host", "RunError"]

OFFSETS = {register.name: register.offset
           for register in REGISTERS + STREAM_REGISTERS + ARRAY_REGISTERS}
LAYER_TABLE = 0x400
PERIOD_NS = 10


class RunError(RuntimeError):
    """The core ended a run with an error; ``cause`` is its code."""

    def __init__(self, cause: int, layer: int):
        super().__init__(f"run failed in layer {layer} with cause {cause}")
        self.cause = cause
        self.layer = layer


class Host:
    """Drives clock, reset and the slave ports of ``dut``, be they AXI or Wishbone.

    With ``stalls`` every channel pauses at random, reproducibly. ``channels`` are what can pause,
    of ``control``, and of ``window`` if there is one: five for AXI, one for Wishbone.
    """

    def __init__(self, dut, *, stalls: int | None = None):
        self.dut = dut
        cocotb.start_soon(Clock(dut.clk, PERIOD_NS, unit="ns").start())
        self.control = (WishboneMaster(dut, "s_wb") if hasattr(dut, "s_wb_cyc") else
                        AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), dut.clk, dut.rst))
        self.channels = _channels(self.control)
        if hasattr(dut, "s_wb_window_cyc"):
            self.window = WishboneMaster(dut, "s_wb_window")
        elif hasattr(dut, "s_axi_awvalid"):
            self.window = AxiMaster(AxiBus.from_prefix(dut, "s_axi"), dut.clk, dut.rst)
        if hasattr(self, "window"):
            self.channels += _channels(self.window)
        if stalls is not None:
            rng = random.Random(stalls)
            for channel in self.channels:
                channel.set_pause_generator(_pauses(rng.randrange(2**32)))

    async def reset(self) -> None:
        """Hard reset for a few cycles."""
        self.dut.rst.value = 1
        await Timer(5 * PERIOD_NS, unit="ns")
        await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0
        await RisingEdge(self.dut.clk)

    async def read(self, name: str) -> int:
        """A register by name."""
        return await self.control.read_dword(OFFSETS[name])

    async def write(self, name: str, value: int) -> None:
        """Write a register by name."""
        await self.control.write_dword(OFFSETS[name], value)

    async def read_window(self, address: int) -> int:
        """32 bits of the memories."""
        return int.from_bytes((await self.window.read(address, 4)).data, "little")

    async def write_window(self, address: int, value: int) -> None:
        """Write 32 bits of the memories."""
        await self.window.write(address, value.to_bytes(4, "little"))

    async def store(self, runs, words: np.ndarray) -> None:
        """Write runs of (byte address, first word, count) of ``words`` through the window."""
        for address, first, count in runs:
            await self.window.write(address, words[first:first + count].tobytes())

    async def fetch(self, runs) -> np.ndarray:
        """Read runs of (byte address, first word, count) through the window."""
        words = np.zeros(sum(count for _, _, count in runs), "<u8")
        for address, first, count in runs:
            response = await self.window.read(address, 8 * count)
            words[first:first + count] = np.frombuffer(response.data, "<u8")
        return words

    async def run(self, *, timeout_cycles: int = 10_000_000) -> int:
        """Start the core and wait for its interrupt; returns its cycles. Raises RunError."""
        await self.write("CONTROL", 1)
        return await self.finish(timeout_cycles=timeout_cycles)

    async def finish(self, *, timeout_cycles: int = 10_000_000, clear: bool = True) -> int:
        """Wait for the core's interrupt, and ``clear`` it; returns the cycles of the run. Raises
        RunError."""
        await self.write("IRQ_ENABLE", 1)
        if not self.dut.irq.value:
            fired = RisingEdge(self.dut.irq)
            if await First(fired, Timer(timeout_cycles * PERIOD_NS, unit="ns")) is not fired:
                raise TimeoutError(f"no interrupt within {timeout_cycles} cycles")
        status = await self.read("STATUS")
        if clear:
            await self.write("STATUS_CLEAR", 3)
        if status >> 2 & 1:
            raise RunError(status >> 8 & 0xFF, status >> 16)
        return await self.read("CYCLES")

    async def layer_cycles(self, layers: int) -> list[int]:
        """Cycles of each layer of the latest run."""
        return [await self.control.read_dword(LAYER_TABLE + 4 * i) for i in range(layers)]


def _channels(master) -> list:
    """What of a master can pause."""
    if isinstance(master, WishboneMaster):
        return [master]
    for half in (master.write_if, master.read_if):
        half.log.setLevel("WARNING")
    return [master.write_if.aw_channel, master.write_if.w_channel, master.write_if.b_channel,
            master.read_if.ar_channel, master.read_if.r_channel]


def _pauses(seed: int):
    rng = random.Random(seed)
    while True:
        yield rng.random() < 0.4
