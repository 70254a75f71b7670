# SPDX-License-Identifier: Apache-2.0
"""The compact core: images that are foreign, cut and garbled, its registers and its window."""

import random

import cocotb
from cocotbext.axi import AxiBurstType, AxiResp
from systolith.rtl.bus.register_map import REGISTERS
from systolith.rtl.compact.accelerator import PRESENT
from systolith.rtl.compact.descriptor import DESCRIPTOR_WORDS, HEADER_WORDS, CompactDescriptor
from systolith.rtl.sequencer.sequencer import Cause
from systolith.verif.benches.host_window import any_bytes, wrapping_bursts_are_refused
from systolith.verif.benches.images import (
    cut_while_loading,
    header_of_another,
    one_after_another,
    stop_after_each_layer,
)
from systolith.verif.benches.session import Session

# Benches that hold for every core.
__all__ = ["any_bytes", "cut_while_loading", "header_of_another", "one_after_another",
           "stop_after_each_layer", "wrapping_bursts_are_refused"]

ANY_END = (None, Cause.BAD_DESCRIPTOR, Cause.WATCHDOG)


@cocotb.test()
async def absent_registers_read_zero(dut):
    session = await Session.open(dut)
    control = session.host.control
    for register in REGISTERS:
        if register.name not in PRESENT:
            assert (await control.write(register.offset, b"\xff" * 4)).resp == AxiResp.OKAY
            found = await control.read(register.offset, 4)
            assert (found.data, found.resp) == (bytes(4), AxiResp.OKAY), register.name
    await session.check()


@cocotb.test()
@cocotb.parametrize(layer=[0, 1, 4])
async def descriptor_fields_garbled(dut, layer):
    session = await Session.open(dut)
    size = 8 * DESCRIPTOR_WORDS
    offset = 8 * (HEADER_WORDS + layer * DESCRIPTOR_WORDS)
    image = session.first.job.image.tobytes()
    good = image[offset:offset + size]
    bits = int.from_bytes(good, "little")
    at = session.first.program_address + offset
    rng = random.Random(f"{session.settings['seed']} {layer}")
    for name, field in CompactDescriptor:
        if name in ("reserved", "spare"):
            continue
        ones = (1 << field.width) - 1
        for value in (0, ones, rng.getrandbits(field.width)):
            damaged = bits & ~(ones << field.offset) | value << field.offset
            await session.host.window.write(at, damaged.to_bytes(size, "little"))
            causes = [Cause.BAD_DESCRIPTOR] if name == "magic" and damaged != bits else ANY_END
            await session.refused(causes, watchdog=2 * session.first.length)
            await session.load(session.first)  # results may have gone anywhere
        await session.check()


@cocotb.test()
async def descriptors_of_noise(dut):
    session = await Session.open(dut)
    rng = random.Random(session.settings["seed"])
    size = 8 * DESCRIPTOR_WORDS
    at = session.first.program_address + 8 * HEADER_WORDS
    magic = session.first.job.image.tobytes()[8 * HEADER_WORDS]
    for _ in range(20):
        noise = bytes([magic]) + rng.randbytes(size - 1)
        await session.host.window.write(at, noise)
        await session.refused(ANY_END, watchdog=rng.randrange(50, 2 * session.first.length))
        await session.load(session.first)
        await session.check()


@cocotb.test()
async def window_waits_for_the_end_of_a_run(dut):
    session = await Session.open(dut)
    host = session.host
    await session.give(session.first, 1)
    await host.write("IRQ_ENABLE", 1)
    await host.write("CONTROL", 1)
    address, _, count = session.first.job.output_runs[0]
    read = cocotb.start_soon(host.window.read(address, 8 * count))
    assert await host.read("STATUS") & 1  # registers answer meanwhile
    found = await read
    assert not await host.read("STATUS") & 1
    assert found.resp == AxiResp.OKAY
    await session.compare(session.first, 1, await host.read("CYCLES"))
    await host.write("STATUS_CLEAR", 3)


@cocotb.test()
async def fixed_bursts(dut):
    session = await Session.open(dut)
    window, at = session.host.window, session.settings["spare"][0]
    content = bytes(range(24))
    assert (await window.write(at, content, burst=AxiBurstType.FIXED)).resp == AxiResp.OKAY
    assert (await window.read(at, 8)).data == content[-8:]
    await session.check()
