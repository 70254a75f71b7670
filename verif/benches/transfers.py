# SPDX-License-Identifier: Apache-2.0
"""Runs with transfers, of a network that spills: resets, failures and a hanging memory at any
cycle, early ends, other transfers beside them; the next run is exact."""

import random

import cocotb
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiResp
from systolith.rtl.sequencer.descriptor import ROW_BITS
from systolith.rtl.sequencer.sequencer import Cause
from systolith.rtl.sequencer.transfers import Transfer
from systolith.verif.benches.session import (
    BUSY,
    DONE,
    ERROR,
    READ_IN,
    WRITE_OUT,
    Session,
    await_dma,
    begin_dma,
)

CASES = 5
ROW_BYTES = ROW_BITS // 8
SPARE = 0x4000  # byte address outside that no image has


async def _open(dut, *, stalls=None):
    """A session whose first workload spills, loaded and run once."""
    session = Session(dut, stalls=stalls)
    await session.host.reset()
    session.first = session.workloads[3]
    await session.load(session.first)
    await session.check()
    assert session.first.waits > 0
    return session, random.Random(session.settings["seed"])


async def _start(session, index=0):
    await session.give(session.first, index)
    await session.host.write("CONTROL", 1)


@cocotb.test()
@cocotb.parametrize(stalls=[None, 5])
async def both_inputs_again_and_again(dut, stalls):
    session, _ = await _open(dut, stalls=stalls)
    for index in (0, 1, 1, 0):
        await session.check(index=index)
        assert await session.host.read("DMA_BYTES") == 8 * session.first.moved
    await session.intact(session.first)


@cocotb.test()
@cocotb.parametrize(hard=[False, True])
async def reset_at_any_cycle(dut, hard):
    session, rng = await _open(dut)
    for _ in range(CASES):
        await _start(session)
        await ClockCycles(dut.clk, rng.randrange(session.first.length))
        if hard:
            await session.host.reset()
        else:
            await session.soft_reset()
            await session.host.write("STATUS_CLEAR", 3)  # the run may have ended before
        await session.check(index=1)
        assert await session.host.read("DMA_BYTES") == 8 * session.first.moved
    await session.intact(session.first)


@cocotb.test()
@cocotb.parametrize(watchdog=[False, True])
async def start_while_the_last_runs_transfers_are_under_way(dut, watchdog):
    """They may still write where a tensor of the next run lies, but the host need not wait: its
    input lies outside, and the next run does."""
    session, rng = await _open(dut)
    assert session.first.job.input_outside
    met = 0
    for _ in range(CASES):
        moment = rng.randrange(20, session.first.length)
        await session.host.write("WATCHDOG", moment if watchdog else 0)
        await _start(session)
        await ClockCycles(dut.clk, moment)
        if not watchdog:
            await session.host.write("CONTROL", 2)
        while await session.host.read("STATUS") & BUSY:
            pass
        met += await session.host.read("DMA_STATUS") & BUSY
        await session.host.write("WATCHDOG", 0)
        await session.host.write("STATUS_CLEAR", 3)
        cycles = await session.host.run(timeout_cycles=session.limit(session.first))
        await session.compare(session.first, 0, cycles)
        assert await session.host.read("DMA_BYTES") == 8 * session.first.moved
    assert met > 0


@cocotb.test()
@cocotb.parametrize(channel=["r", "b"])
async def error_response(dut, channel):
    session, rng = await _open(dut)
    answers = session.first.moved if channel == "r" else session.settings["stored"]
    for after in [0, *(rng.randrange(answers // 2) for _ in range(2))]:
        await session.give(session.first, 0)
        session.memory.fail(channel, after if channel == "r" else after // 16,
                            rng.choice([AxiResp.SLVERR, AxiResp.DECERR]))
        await session.refused([Cause.BUS], watchdog=session.limit(session.first))
        assert session.memory.untroubled
        assert not await session.host.read("DMA_STATUS")
        session.load_outside(session.first)
        await session.check()
    await session.intact(session.first)


@cocotb.test()
async def base_that_is_no_multiple_of_a_word(dut):
    session, _ = await _open(dut)
    base = session.first.bases[3]
    await session.host.write("EXTERNAL_BASE_LO", (base & 0xFFFF_FFFF) + 4)
    await session.refused([Cause.BUS], watchdog=session.limit(session.first))
    await session.check()


@cocotb.test()
async def memory_that_hangs(dut):
    session, rng = await _open(dut)
    host, memory, length = session.host, session.memory, session.first.length
    for case in range(CASES):
        await host.write("WATCHDOG", length)
        await _start(session)
        await ClockCycles(dut.clk, rng.randrange(length // 2))
        memory.hangs = True
        await ClockCycles(dut.clk, length)
        status = await host.read("STATUS")
        assert status & ERROR and status >> 8 & 0xFF == Cause.WATCHDOG, hex(status)
        assert await host.read("DMA_STATUS") & BUSY
        if case % 2:  # nor does another run begin
            await host.write("WATCHDOG", 1000)
            await host.write("CONTROL", 1)
            assert await host.read("STATUS") & BUSY
            await ClockCycles(dut.clk, 1200)
            assert await host.read("STATUS") >> 8 & 0xFF == Cause.WATCHDOG
        memory.hangs = False
        await host.write("STATUS_CLEAR", 3)
        await host.write("WATCHDOG", 0)
        await session.soft_reset() if case % 3 else await session.settle()
        await session.check()
    await session.intact(session.first)


@cocotb.test()
async def stop_after_each_layer(dut):
    session, rng = await _open(dut)
    layers = session.first.layer_cycles
    overhead = session.first.cycles - sum(layers)
    for last in {0, 1, *(rng.randrange(len(layers)) for _ in range(CASES)), len(layers) - 1}:
        await session.give(session.first, 0)
        await session.host.write("LAST_LAYER", last)
        cycles = await session.host.run(timeout_cycles=session.limit(session.first))
        waits = await session.host.read("STALL_TRANSFER")
        assert cycles == overhead + sum(layers[:last + 1]) + waits, last
        assert not await session.host.read("DMA_STATUS") & BUSY
        await session.host.write("LAST_LAYER", 0xFFFF)
        await session.check()
    await session.intact(session.first)


@cocotb.test()
@cocotb.parametrize(direction=[READ_IN, WRITE_OUT])
async def other_transfers_before_beside_and_behind(dut, direction):
    session, rng = await _open(dut)
    host, memory = session.host, session.memory
    spare = session.settings["spare"]
    first = next(address for address in spare if address + 24 in spare)
    for _ in range(CASES):
        content = rng.randbytes(32)
        memory.write(SPARE, content if direction == READ_IN else bytes(32))
        await host.window.write(first, bytes(32) if direction == READ_IN else content)
        await session.give(session.first, 1)
        moment = rng.randrange(session.first.length + 100)
        run = cocotb.start_soon(host.run(timeout_cycles=session.limit(session.first)))
        await ClockCycles(dut.clk, moment)
        await begin_dma(host, SPARE, first, 32, direction)
        assert await await_dma(host, session.limit(session.first)) == DONE
        await session.compare(session.first, 1, await run)
        assert memory.read(SPARE, 32) == content
        assert (await host.window.read(first, 32)).data == content
    await session.check()


@cocotb.test()
async def images_with_bases_of_their_own(dut):
    session, _ = await _open(dut)
    small, resident = session.workloads[0], session.workloads[2]
    for workload in (resident, session.first, small, resident, session.first):
        await session.load(workload)
        await session.check(workload)
    await session.intact(session.first)


@cocotb.test()
async def transfers_of_noise(dut):
    """Whatever they are told to move, and to where: a run ends, and what was lost is loaded."""
    session, rng = await _open(dut)
    row, count = session.settings["transfers"]
    at = session.first.program_address + ROW_BYTES * row
    image = session.first.job.image.tobytes()[ROW_BYTES * row:]
    ends = (None, Cause.BUS, Cause.WATCHDOG, Cause.BAD_DESCRIPTOR, Cause.DENSITY)
    for case in range(3 * CASES):
        number = rng.randrange(count)
        good = int.from_bytes(image[ROW_BYTES * number:][:ROW_BYTES], "little")
        name, field = rng.choice(list(Transfer))
        ones = (1 << field.width) - 1
        value = rng.choice([0, ones, rng.getrandbits(field.width)])
        damaged = good & ~(ones << field.offset) | value << field.offset
        dut._log.info(f"transfer {number}: {name} = {value:#x}")
        await session.host.window.write(at + ROW_BYTES * number,
                                        damaged.to_bytes(ROW_BYTES, "little"))
        await session.give(session.first, 0)
        await session.refused(ends, watchdog=2 * session.first.length)
        await session.load(session.first)
        await session.check(index=case % 2)
