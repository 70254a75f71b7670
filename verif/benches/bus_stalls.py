# SPDX-License-Identifier: Apache-2.0
"""Stalls on the slave ports: whatever the host's pace, the same bits and the same cycles."""

import cocotb
from systolith.verif.benches.session import Session, random_pauses

CHANNELS = [f"{port} {channel}" for port in ("control", "window")
            for channel in ("aw", "w", "b", "ar", "r")]


@cocotb.test()
@cocotb.parametrize(stalls=[None, 1, 2, 3])
async def every_channel_stalls(dut, stalls):
    session = await Session.open(dut, stalls=stalls)
    for index in range(len(session.first.job.inputs)):
        await session.check(index=index)


@cocotb.test()
@cocotb.parametrize(number=list(range(len(CHANNELS))))
async def one_channel_hardly_moves(dut, number):
    session = Session(dut)
    port, channel = CHANNELS[number].split()
    master = getattr(session.host, port)
    half = master.read_if if channel in ("ar", "r") else master.write_if
    getattr(half, f"{channel}_channel").set_pause_generator(random_pauses(number, 0.85))
    await session.host.reset()
    await session.load(session.first)
    await session.check()
