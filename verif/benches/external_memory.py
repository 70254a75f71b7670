# SPDX-License-Identifier: Apache-2.0
"""The DMA on an AXI memory: whole inferences, counters, error answers, resets."""

import random

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiResp
from systolith.rtl.sequencer.sequencer import Cause
from systolith.verif.benches.session import (
    BUSY,
    DONE,
    ERROR,
    READ_IN,
    WRITE_OUT,
    ExternalMemory,
    Session,
    await_dma,
    begin_dma,
)
from systolith.verif.host import RunError

GUARD = bytes(range(0x80, 0xC0))


async def _fetch_in(session, memory, external, parts):
    """Read (local address, bytes) parts in by DMA, one after another in external memory."""
    for local, content in parts:
        memory.ram.write(external % memory.SIZE, content)
        assert await memory.transfer(session.host, external, local, len(content),
                                     READ_IN) == DONE
        assert await session.host.read("DMA_BYTES") == len(content)
        external += len(content)


async def _put_out(session, memory, external, local, length):
    """Write local bytes out by DMA between guards that must stay; returns them."""
    at = external % memory.SIZE
    memory.ram.write(at - len(GUARD), GUARD + bytes(length) + GUARD)
    assert await memory.transfer(session.host, external, local, length, WRITE_OUT) == DONE
    assert await session.host.read("DMA_BYTES") == length
    around = memory.ram.read(at - len(GUARD), length + 2 * len(GUARD))
    assert around[:len(GUARD)] == GUARD == around[-len(GUARD):]
    return bytes(around[len(GUARD):-len(GUARD)])


@cocotb.test()
@cocotb.parametrize(stalls=[None, 1, 2])
async def everything_by_dma(dut, stalls):
    memory = ExternalMemory(dut, stalls=stalls)
    session = await Session.open(dut, stalls=stalls, load=False, memory=memory)
    workload, host = session.first, session.host
    session.load_outside(workload)
    await session.select(workload)
    rng = random.Random(stalls)
    for address, content in workload.parts():
        await host.window.write(address, bytes(len(content)))
    page = 0x1234_5678_0000_0000 + 8 * rng.randrange(512)
    await _fetch_in(session, memory, page, workload.parts())
    for index, words in enumerate(workload.job.inputs):
        await _fetch_in(session, memory, page + 8 * rng.randrange(512), [
            (address, words[first:first + count].tobytes())
            for address, first, count in workload.job.input_runs])
        cycles = await host.run(timeout_cycles=session.limit(workload))
        outputs = np.zeros_like(workload.mask)
        for address, first, count in workload.job.output_runs:
            content = await _put_out(session, memory, (1 << 40) + 4096 - 24, address, 8 * count)
            outputs[first:first + count] = np.frombuffer(content, "<u8")
        np.testing.assert_array_equal(outputs & workload.mask, workload.expected[index])
        await session.compare(workload, index, cycles)


async def _measure(session, memory, length, direction):
    """Cycles and counted stalls of a transfer."""
    span = cocotb.start_soon(memory.span())
    local = session.settings["groups"][0]
    assert await memory.transfer(session.host, 8192, local, length, direction) == DONE
    return await span, await session.host.read("DMA_STALLS")


@cocotb.test()
@cocotb.parametrize(direction=[READ_IN, WRITE_OUT], length=[8, 128, 136, 2048])
async def stalls_are_counted(dut, direction, length):
    memory = ExternalMemory(dut)
    session = await Session.open(dut, load=False, memory=memory)
    plain = await _measure(session, memory, length, direction)
    assert await _measure(session, memory, length, direction) == plain
    for seed, share in ((1, 0.2), (2, 0.5), (3, 0.9)):
        for index, name in enumerate(("ar", "r") if direction == READ_IN else ("aw", "w", "b")):
            memory.stall(name, 10 * seed + index, share)
        cycles, stalls = await _measure(session, memory, length, direction)
        dut._log.info(f"{direction} {length} {share}: {plain} {(cycles, stalls)}")
        assert cycles - stalls == plain[0] - plain[1]


@cocotb.test()
@cocotb.parametrize(response=[AxiResp.SLVERR, AxiResp.DECERR], after=[0, 5, 40, 63])
async def failed_read(dut, response, after):
    memory = ExternalMemory(dut, stalls=after)
    session = await Session.open(dut, memory=memory)
    host = session.host
    words, local = 64, session.settings["groups"][1]
    before = random.Random(after).randbytes(8 * words)
    content = random.Random(-after - 1).randbytes(8 * words)
    await host.window.write(local, before)
    memory.ram.write(0, content)
    memory.fail("r", after, response)
    assert await memory.transfer(host, 0, local, 8 * words, READ_IN) == DONE | ERROR
    assert not await host.read("STATUS") & (DONE | ERROR)
    found = (await host.window.read(local, 8 * words)).data
    for word in range(words):
        spot = slice(8 * word, 8 * word + 8)
        good = content[spot] if word < after else before[spot]
        assert found[spot] == good or (word > after and found[spot] == content[spot]), word
    assert await memory.transfer(host, 0, local, 8 * words, READ_IN) == DONE
    assert (await host.window.read(local, 8 * words)).data == content
    await session.check()


@cocotb.test()
@cocotb.parametrize(response=[AxiResp.SLVERR, AxiResp.DECERR], after=[0, 3])
async def failed_write(dut, response, after):
    memory = ExternalMemory(dut, stalls=after)
    session = await Session.open(dut, memory=memory)
    host = session.host
    local = session.settings["groups"][0]
    content = random.Random(after).randbytes(512)
    await host.window.write(local, content)
    memory.fail("b", after, response)
    assert await memory.transfer(host, 0, local, 512, WRITE_OUT) == DONE | ERROR
    assert await _put_out(session, memory, 4096, local, 512) == content
    await session.check()


@cocotb.test()
async def refused_commands_touch_nothing(dut):
    memory = ExternalMemory(dut)
    session = await Session.open(dut, memory=memory)
    host = session.host
    span = cocotb.start_soon(memory.span())
    beyond = 4 << session.settings["region_bits"]
    for external, local, length in ((4, 0, 8), (0, 4, 8), (0, 0, 12), (0, beyond, 8),
                                    (0, beyond - 8, 16), (0, 0, 0xFFFF_FFF8)):
        for direction in (READ_IN, WRITE_OUT):
            assert await memory.transfer(host, external, local, length, direction) \
                == DONE | ERROR
            assert await host.read("DMA_BYTES") == 0
    assert await memory.transfer(host, 0, 0, 0, READ_IN) == DONE
    assert not span.done(), "a refused command must not reach the bus"
    for address in session.settings["absent"]:
        assert await memory.transfer(host, 0, address, 8, READ_IN) == DONE | ERROR
        assert await memory.transfer(host, 0, address, 8, WRITE_OUT) == DONE | ERROR
    await session.intact(session.first)
    await session.check()


async def _cause(session):
    """How a run ends."""
    try:
        await session.host.run(timeout_cycles=session.limit(session.first))
    except RunError as error:
        return error.cause
    return Cause.NONE


@cocotb.test()
async def failure_during_a_run(dut):
    memory = ExternalMemory(dut)
    session = await Session.open(dut, memory=memory)
    host = session.host
    for after in (0, 3):
        await session.give(session.first, 0)
        memory.fail("r", after, AxiResp.SLVERR)
        run = cocotb.start_soon(_cause(session))
        await ClockCycles(dut.clk, 100)
        spare = session.settings["spare"][0]
        await begin_dma(host, 0, spare, 8 * (after + 1), READ_IN)
        assert await run == Cause.BUS, "a bus error must end the run"
        await await_dma(host, 1012)
        await session.intact(session.first)
        await session.check()


@cocotb.test()
@cocotb.parametrize(hard=[False, True], direction=[READ_IN, WRITE_OUT])
async def reset_during_a_transfer(dut, hard, direction):
    memory = ExternalMemory(dut, stalls=3)
    session = await Session.open(dut, memory=memory)
    host = session.host
    local = session.settings["groups"][0]
    rng = random.Random(direction)
    for case in range(10):
        await begin_dma(host, 0, local, 2048, direction)
        await ClockCycles(dut.clk, rng.randrange(1, 400) if case else 1)
        if hard:
            await host.reset()
            assert await host.read("DMA_STATUS") == 0
        else:
            await host.write("CONTROL", 2)
            status = await await_dma(host, 2548)
            assert not status & (BUSY | ERROR), status
        content = rng.randbytes(1024)
        await _fetch_in(session, memory, 4096 - 64, [(local, content)])
        assert await _put_out(session, memory, 16384 - 64, local, 1024) == content
    if session.settings["array_written_only"]:  # and is forgotten by a hard reset
        await session.load(session.first)
    await session.check()
