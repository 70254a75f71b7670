# SPDX-License-Identifier: Apache-2.0
"""Resets and the watchdog at any cycle of a run; the next run is exact."""

import random

import cocotb
from cocotb.triggers import ClockCycles
from systolith.rtl.sequencer.sequencer import Cause
from systolith.verif.benches.session import BUSY, DONE, ERROR, Session

CASES = 12


def _moments(session, rng):
    """Cycles from the start on: the first few, which no layer runs in, and random ones."""
    return [*range(1, 14, 3), *(rng.randrange(14, session.first.length) for _ in range(CASES))]


@cocotb.test()
async def hard_reset_in_a_run(dut):
    session = await Session.open(dut)
    for moment in _moments(session, session.first.rng):
        await session.give(session.first, 1)
        await session.host.write("CONTROL", 1)
        await ClockCycles(dut.clk, moment)
        await session.host.reset()
        assert await session.host.read("STATUS") == 0
        assert await session.host.read("CYCLES") == 0
        assert not dut.irq.value
        await session.load(session.first)
        await session.check()


@cocotb.test()
async def soft_reset_in_a_run(dut):
    session = await Session.open(dut)
    for moment in _moments(session, session.first.rng):
        await session.host.write("IRQ_ENABLE", 1)
        await session.host.write("WATCHDOG", 0x1234_5678)
        await session.give(session.first, 1)
        await session.host.write("CONTROL", 1)
        await ClockCycles(dut.clk, moment)
        await session.soft_reset()
        await session.host.write("STATUS_CLEAR", 3)  # the run may have ended before
        assert await session.host.read("WATCHDOG") == 0x1234_5678
        assert not dut.irq.value
        await session.intact(session.first)
        await session.check()
        await session.check(index=1)


@cocotb.test()
async def soft_reset_of_an_idle_core(dut):
    session = await Session.open(dut)
    for command in (2, 3):
        await session.host.write("CONTROL", command)
        await ClockCycles(dut.clk, 3 * session.first.length if command == 3 else 10)
        assert await session.host.read("STATUS") & (BUSY | DONE | ERROR) == 0
        await session.check()


@cocotb.test()
async def start_during_a_run_is_ignored(dut):
    session = await Session.open(dut)
    rng = random.Random(session.settings["seed"])
    for _ in range(4):
        await session.give(session.first, 0)
        run = cocotb.start_soon(session.host.run(timeout_cycles=session.limit(session.first)))
        await ClockCycles(dut.clk, rng.randrange(30, session.first.length - 60))
        await session.host.write("CONTROL", 1)
        await session.compare(session.first, 0, await run)


@cocotb.test()
async def watchdog_at_any_cycle(dut):
    session = await Session.open(dut)
    cycles, host = session.first.length, session.host
    rng = random.Random(session.settings["seed"])
    await host.write("IRQ_ENABLE", 1)
    ended = []
    for limit in [*range(1, 24), *(rng.randrange(24, cycles) for _ in range(CASES)),
                  *range(cycles - 6, cycles + 6), 2 * cycles]:
        await session.give(session.first, 0)
        await host.write("WATCHDOG", limit)
        await host.write("CONTROL", 1)
        await ClockCycles(dut.clk, cycles + 400)
        status = await host.read("STATUS")
        assert dut.irq.value
        assert not status & BUSY
        assert bool(status & DONE) != bool(status & ERROR), (limit, hex(status))
        if status & ERROR:
            assert status >> 8 & 0xFF == Cause.WATCHDOG, hex(status)
        else:
            ended.append(limit)
            await session.compare(session.first, 0, await host.read("CYCLES"))
        await session.settle()
        await host.write("STATUS_CLEAR", 3)
        await host.write("WATCHDOG", 0)
        assert not dut.irq.value
        if status & ERROR:
            await session.check()
    assert cycles + 1 in ended and min(ended) >= cycles - 1, ended
    await session.intact(session.first)
