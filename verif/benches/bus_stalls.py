# SPDX-License-Identifier: Apache-2.0
"""Stalls on the slave ports: whatever the host's pace, the same bits and the same cycles."""

import cocotb
from systolith.verif.benches.session import Session, random_pauses

CHANNELS = 10  # of two ports on AXI


@cocotb.test()
@cocotb.parametrize(stalls=[None, 1, 2, 3])
async def every_channel_stalls(dut, stalls):
    session = await Session.open(dut, stalls=stalls)
    for index in range(len(session.first.job.inputs)):
        await session.check(index=index)


@cocotb.test()
@cocotb.parametrize(number=list(range(CHANNELS)))
async def one_channel_hardly_moves(dut, number):
    session = Session(dut)
    if number >= len(session.host.channels):
        return
    session.host.channels[number].set_pause_generator(random_pauses(number, 0.85))
    await session.host.reset()
    await session.load(session.first)
    await session.check()
