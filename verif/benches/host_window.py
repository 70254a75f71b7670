# SPDX-License-Identifier: Apache-2.0
"""The window onto the memories: absent words, any bytes, any burst, and during a run."""

import random

import cocotb
from cocotbext.axi import AxiBurstType, AxiResp
from systolith.rtl.bus.register_map import REGISTERS
from systolith.verif.benches.session import Session
from systolith.verif.wishbone import WishboneMaster


@cocotb.test()
async def absent_words_and_registers_answer_with_an_error(dut):
    session = await Session.open(dut)
    host = session.host
    for address in session.settings["absent"]:
        for _ in range(2):
            assert (await host.window.read(address, 8)).resp == AxiResp.SLVERR
            assert (await host.window.write(address, bytes(8))).resp == AxiResp.SLVERR
        # The words before are there.
        assert (await host.window.read(address - 8, 8)).resp == AxiResp.OKAY
        assert (await host.window.read(address - 8, 16)).resp == AxiResp.SLVERR
    for address in (0x60, 0x7C, 0x3FC, 0x800, 0xFFC):
        assert (await host.control.read(address, 4)).resp == AxiResp.SLVERR
        assert (await host.control.write(address, bytes(4))).resp == AxiResp.SLVERR
    for register in REGISTERS:
        if register.access == "ro":
            assert (await host.control.write(register.offset, bytes(4))).resp == AxiResp.SLVERR
    await session.intact(session.first)
    await session.check()


@cocotb.test()
async def wrapping_bursts_are_refused(dut):
    session = await Session.open(dut)
    if isinstance(session.host.window, WishboneMaster):
        return
    response = await session.host.window.write(
        session.first.program_address, bytes(32), burst=AxiBurstType.WRAP)
    assert response.resp == AxiResp.SLVERR
    await session.intact(session.first)
    await session.check()


def _regions(session):
    """(address, bytes) of memory to write to and read from at will."""
    length = 8 * min(session.settings["group_words"], 256)
    program = session.first.program_address >> session.settings["region_bits"]
    behind = max(address + 8 * count for address, _, count in session.first.job.image_runs
                 if address >> session.settings["region_bits"] == program)
    return [*((address, length) for address in session.settings["groups"]), (behind, 256)]


@cocotb.test()
@cocotb.parametrize(stalls=[None, 1])
async def any_bytes(dut, stalls):
    session = await Session.open(dut, stalls=stalls)
    window, rng = session.host.window, random.Random(session.settings["seed"])
    for base, length in _regions(session):
        model = bytearray(rng.randbytes(length))
        await window.write(base, bytes(model))
        for _ in range(60):
            first = rng.randrange(length)
            content = rng.randbytes(rng.randrange(1, min(length - first, 80) + 1))
            size = rng.choice([0, 1, 2, 3])
            response = await window.write(base + first, content, size=size)
            assert response.resp == AxiResp.OKAY
            model[first:first + len(content)] = content
            first = rng.randrange(length)
            count = rng.randrange(1, min(length - first, 80) + 1)
            found = await window.read(base + first, count, size=rng.choice([0, 1, 2, 3]))
            assert (found.data, found.resp) == (bytes(model[first:first + count]), AxiResp.OKAY)
        assert (await window.read(base, length)).data == bytes(model)
    await session.intact(session.first)
    await session.check()


@cocotb.test()
async def whole_memories_keep_what_is_written(dut):
    session = await Session.open(dut)
    window, rng = session.host.window, random.Random(session.settings["seed"])
    length = 8 * session.settings["group_words"]
    contents = [rng.randbytes(length) for _ in session.settings["groups"]]
    for address, content in zip(session.settings["groups"], contents, strict=True):
        await window.write(address, content)
    for address, content in zip(session.settings["groups"], contents, strict=True):
        assert (await window.read(address, length)).data == content
    await session.intact(session.first)
    await session.check()


DISTURBANCES = {
    # Accesses to program and weights wait for the end of the run, and hold up all others.
    "activations and registers": ("write", "read", "register"),
    "everything": ("write", "read", "image", "same image", "register"),
}


async def _disturb(session, rng, kinds, written):
    """Accesses of ``kinds`` without end: none changes what the run needs."""
    host = session.host
    while True:
        spare = rng.choice(session.settings["spare"])
        kind = rng.choice(kinds)
        if kind == "write":
            written[spare] = rng.randbytes(8)
            await host.window.write(spare, written[spare])
        elif kind == "read":
            await host.window.read(rng.choice(session.settings["groups"]) + 8 * rng.randrange(
                session.settings["group_words"] - 16), 8 * rng.randrange(1, 17))
        elif kind == "image":
            address, _, count = rng.choice(session.first.job.image_runs)
            await host.window.read(address, 8 * min(count, 16))
        elif kind == "same image":
            address, content = rng.choice(session.first.parts())
            await host.window.write(address, content)
        else:
            register = rng.choice(REGISTERS)
            await host.control.read(register.offset, 4)
            await host.control.read(0x400 + 4 * rng.randrange(256), 4)


@cocotb.test()
@cocotb.parametrize(kinds=list(DISTURBANCES), number=[0, 1, 2])
async def access_during_a_run(dut, kinds, number):
    session = await Session.open(dut)
    rng = random.Random(f"{session.settings['seed']} {number} {kinds}")
    for index in (0, 1):
        await session.select(session.first)
        await session.give(session.first, index)
        written = {}
        # Two at once: one may wait in the window while the other goes on with the registers.
        others = [cocotb.start_soon(_disturb(session, rng, DISTURBANCES[kinds], written))
                  for _ in range(2)]
        cycles = await session.host.run(timeout_cycles=session.limit(session.first))
        for other in others:
            other.cancel()
        await session.host.window.wait()
        await session.compare(session.first, index, cycles)
        await session.intact(session.first)
        for address, content in written.items():
            assert (await session.host.window.read(address, 8)).data == content
