# SPDX-License-Identifier: Apache-2.0
"""The C driver runs networks on the core: every access of its is one on the buses."""

import ctypes
import json
from pathlib import Path

import cocotb
import numpy as np
from cocotb.task import bridge, resume
from cocotb.triggers import ClockCycles, RisingEdge
from systolith.rtl.sequencer.descriptor import HEADER_ROWS, ROW_BITS
from systolith.rtl.sequencer.sequencer import Cause
from systolith.verif.c_driver import DriverError, DriverLibrary
from systolith.verif.external_memory import StreamingMemory
from systolith.verif.host import Host

REGISTERS, WINDOW = 0x4000_0000, 0x8000_0000
NO_CORE, OTHER_CORE, OTHER_IMAGE, BUSY, TIME_OUT, NO_MEMORY, ALIGNMENT = range(256, 263)
ROW_BYTES = ROW_BITS // 8
POLLS = 100_000
OFFSET = 0x40_0000_0000_0000
"""Of addresses as the DMA sees them from those of this process."""
MEMORY_WORDS = 1 << 14
LATENCY = 50


class Section(ctypes.Structure):
    """``struct systolith_section``."""

    _fields_ = [(name, ctypes.c_uint32) for name in ("address", "rows", "words", "stride")]


class ProcessWords:
    """The memory of this process, in words, as far away as ``OFFSET``."""

    size = 1 << 61

    def __getitem__(self, word: int) -> int:
        return self._at(word).value

    def __setitem__(self, word: int, value: int) -> None:
        self._at(word).value = value

    @staticmethod
    def _at(word: int) -> ctypes.c_uint64:
        return ctypes.c_uint64.from_address(8 * word - OFFSET)


class Model:
    """A network of the job: inputs and outputs [N, ...] as C sees them, its image in C."""

    def __init__(self, name: str, folder: Path):
        self.name = name
        with np.load(folder / f"{name}.npz") as arrays:
            self.inputs, self.outputs = arrays["inputs"], arrays["outputs"]


class Bench:
    """A reset core, this process's memory behind its DMA, and the driver."""

    def __init__(self, dut, stalls: int | None):
        path = Path(cocotb.plusargs["job"])
        settings = json.loads(path.read_text())
        self.dut = dut
        self.host = Host(dut, stalls=stalls)
        self.dma, self.window = settings["dma"], settings["window"]
        self.outside = np.zeros(MEMORY_WORDS, "<u8")
        if self.dma:
            memory = StreamingMemory(dut, 1, latency=LATENCY, stalls=stalls)
            memory.words = ProcessWords()
        self.models = [Model(name, path.parent) for name in settings["models"]]
        self.foreign = settings["foreign"]
        self.interrupt = False
        self.accesses = 0
        self.driver = DriverLibrary(path.parent / settings["library"], resume(self._read),
                                    resume(self._write), resume(self._pause))

    @classmethod
    async def open(cls, dut, *, stalls: int | None = None) -> "Bench":
        """The driver has taken hold of the core, and knows its memory."""
        bench = cls(dut, stalls)
        await bench.host.reset()
        await bench.call("open", REGISTERS, WINDOW if bench.window else 0)
        if bench.dma:
            await bench.call("set_dma_offset", OFFSET)
            await bench.call("set_memory", bench.outside, bench.outside.nbytes)
        return bench

    async def call(self, name: str, *arguments) -> int:
        """A function of the driver, in a thread that waits for the simulation."""
        return await bridge(self.driver.call)(name, *arguments)

    async def fails(self, code: int, name: str, *arguments) -> None:
        """The function gives ``code``, and says what that means."""
        try:
            await self.call(name, *arguments)
        except DriverError as error:
            assert error.code == code, (error.code, str(error))
            return
        raise AssertionError(f"{name} must give {code}")

    async def _read(self, address: int) -> int:
        self.accesses += 1
        if address >= WINDOW:
            return await self.host.read_window(address - WINDOW)
        return await self.host.control.read_dword(address - REGISTERS)

    async def _write(self, address: int, value: int) -> None:
        self.accesses += 1
        if address >= WINDOW:
            await self.host.write_window(address - WINDOW, value)
        else:
            await self.host.control.write_dword(address - REGISTERS, value)

    async def _pause(self) -> None:
        if not self.interrupt:
            await ClockCycles(self.dut.clk, 50)
        elif not self.dut.irq.value:
            await RisingEdge(self.dut.irq)

    async def load(self, model: Model) -> ctypes.Structure:
        """The image of a model, loaded."""
        image = self.driver.image(model.name)
        await self.call("load", image)
        return image

    async def check(self, model: Model, image, index: int = 0) -> None:
        """An inference is exact."""
        output = np.full(model.outputs[0].size, 0x55, np.uint8)
        await self.call("infer", image, model.inputs[index], output, POLLS)
        np.testing.assert_array_equal(output, model.outputs[index].ravel())
        assert await self.call("cycles") > 0

    async def put(self, address: int, words: np.ndarray) -> None:
        """Words into the core's memories, whatever the driver thinks of it."""
        if self.window:
            await self.host.store([(address, 0, words.size)], words)
        else:
            await self.call("copy_in", address, words, words.nbytes)


@cocotb.test()
@cocotb.parametrize(stalls=[None, 3])
async def inputs_one_after_the_other(dut, stalls):
    bench = await Bench.open(dut, stalls=stalls)
    for model in bench.models[:1] if stalls else bench.models:
        image = await bench.load(model)
        for index in range(2 if stalls else len(model.inputs)):
            await bench.check(model, image, index)


@cocotb.test()
async def interrupt_ends_the_wait(dut):
    bench = await Bench.open(dut)
    model = bench.models[0]
    image = await bench.load(model)
    bench.interrupt = True
    await bench.call("set_interrupt", 1)
    for index in (0, 1):
        await bench.call("write_input", image, model.inputs[index])
        await bench.call("start")
        before = bench.accesses
        await bench.call("wait", 2)
        assert bench.accesses - before == 3  # busy, done, cleared
        await ClockCycles(dut.clk, 4)
        assert not dut.irq.value
        output = np.zeros(model.outputs[0].size, np.uint8)
        await bench.call("read_output", image, output)
        np.testing.assert_array_equal(output, model.outputs[index].ravel())


@cocotb.test()
async def nobody_there(dut):
    bench = await Bench.open(dut)
    await bench.fails(NO_CORE, "open", REGISTERS + 4, WINDOW)


@cocotb.test()
async def foreign_image(dut):
    bench = await Bench.open(dut)
    model = bench.models[0]
    image = await bench.load(model)
    foreign = bench.driver.image(bench.foreign)
    await bench.fails(OTHER_IMAGE, "load", foreign)
    await bench.fails(OTHER_IMAGE, "write_input", foreign, model.inputs[0])
    await bench.check(model, image)
    foreign.spec_hash = image.spec_hash  # the driver lets it pass, the core does not
    foreign.external_bytes = 0
    await bench.call("load", foreign)
    await bench.fails(Cause.FOREIGN_IMAGE, "infer", image, model.inputs[0], model.inputs[0], POLLS)
    await bench.load(model)
    await bench.check(model, image, 1)


def _section(image, index: int) -> Section:
    return Section.from_address(image.sections + ctypes.sizeof(Section) * index)


@cocotb.test()
async def damaged_image(dut):
    bench = await Bench.open(dut)
    model = bench.models[0]
    image = await bench.load(model)
    header, last = _section(image, 0), _section(image, image.section_count - 1)
    behind = last.address + max(last.rows - 1, 0) * last.stride
    for address, cause in ((header.address, Cause.NO_IMAGE),
                           (behind, Cause.TRUNCATED_IMAGE),
                           (header.address + HEADER_ROWS * ROW_BYTES, Cause.BAD_DESCRIPTOR)):
        await bench.put(address, np.zeros(2, "<u8"))
        await bench.fails(cause, "infer", image, model.inputs[0], model.inputs[0], POLLS)
        await bench.load(model)
        await bench.check(model, image)


@cocotb.test()
async def time_out_and_watchdog(dut):
    bench = await Bench.open(dut)
    model = bench.models[0]
    image = await bench.load(model)
    await bench.call("set_watchdog", 100)
    await bench.fails(Cause.WATCHDOG, "infer", image, model.inputs[0], model.inputs[0], POLLS)
    await bench.call("set_watchdog", 0)
    await bench.call("reset", POLLS)
    await bench.call("start")
    await bench.fails(BUSY, "finish")
    await bench.fails(TIME_OUT, "wait", 1)
    await bench.fails(BUSY, "start")
    await bench.fails(BUSY, "load", image)
    await bench.call("reset", POLLS)
    await bench.fails(TIME_OUT, "wait", 2)  # it was stopped: no end is told of
    await bench.check(model, image)


@cocotb.test()
async def copies_by_dma(dut):
    bench = await Bench.open(dut)
    if not bench.dma:
        return
    model = bench.models[0]
    image = await bench.load(model)
    there, back = np.arange(100, dtype="<u8") << 40, np.zeros(100, "<u8")
    at = 8 * 100  # activations: the input is written anew
    await bench.call("copy_in", at, there, there.nbytes)
    await bench.call("copy_out", back, at, back.nbytes)
    np.testing.assert_array_equal(back, there)
    await bench.fails(ALIGNMENT, "copy_in", at + 4, there, there.nbytes)
    await bench.fails(ALIGNMENT, "copy_in", at, there, 4)
    await bench.fails(Cause.BUS, "copy_in", 0xFFFF_FFF8, there, 8)
    await bench.check(model, image)


@cocotb.test()
async def too_little_memory_outside(dut):
    bench = await Bench.open(dut)
    model = next((model for model in bench.models
                  if bench.driver.image(model.name).external_bytes), None)
    if model is None:
        return
    image = bench.driver.image(model.name)
    await bench.fails(ALIGNMENT, "set_memory", bench.outside.ctypes.data + 4, 8)
    await bench.call("set_memory", bench.outside, image.external_bytes - 1)
    await bench.fails(NO_MEMORY, "load", image)
    await bench.call("set_memory", bench.outside, image.external_bytes)
    await bench.check(model, await bench.load(model))
