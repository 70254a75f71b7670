# SPDX-License-Identifier: Apache-2.0
"""Program images: several of them, foreign, cut and garbled ones; a good one runs after each."""

import random

import cocotb
import numpy as np
from systolith.rtl.sequencer.descriptor import (
    DESCRIPTOR_ROWS,
    HEADER_ROWS,
    ROW_BITS,
    Descriptor,
    Header,
)
from systolith.rtl.sequencer.sequencer import Cause
from systolith.verif.benches.session import Session

ROW_BYTES = ROW_BITS // 8
ANY_END = (None, Cause.BAD_DESCRIPTOR, Cause.WATCHDOG, Cause.DENSITY)


@cocotb.test()
async def one_after_another(dut):
    session = await Session.open(dut, load=False)
    first, second = session.workloads[:2]
    for workload in (first, second, first):
        await session.load(workload)
        for index in range(len(workload.job.inputs)):
            await session.check(workload, index)


@cocotb.test()
async def side_by_side(dut):
    session = await Session.open(dut)
    first, resident = session.workloads[0], session.workloads[2]
    await session.load(resident)
    for index in (0, 1):
        for workload in (first, resident, resident, first):
            await session.check(workload, index)
    await session.intact(first)
    await session.intact(resident)


@cocotb.test()
async def stop_after_each_layer(dut):
    session = await Session.open(dut)
    layers = session.first.layer_cycles
    for last in range(len(layers)):
        await session.give(session.first, 0)
        await session.host.write("LAST_LAYER", last)
        cycles = await session.host.run(timeout_cycles=2 * session.first.length)
        cycles -= await session.host.read("STALL_TRANSFER")
        overhead = session.first.cycles - sum(layers)
        end = last + (layers[last] == 0)  # a fused layer runs with the next, and stops with it
        assert session.in_time(cycles, overhead + sum(layers[:end + 1])), (last, cycles)
        await session.host.write("LAST_LAYER", 0xFFFF)
        await session.check()


@cocotb.test()
async def header_of_another(dut):
    session = await Session.open(dut)
    at = session.first.program_address
    good = session.first.job.image[:-(-Header.size // 64)].tobytes()
    bits = int.from_bytes(good, "little")
    watchdog = 2 * session.first.length
    for name, causes in (("magic", [Cause.NO_IMAGE]), ("version", [Cause.NO_IMAGE]),
                         ("spec_hash", [Cause.FOREIGN_IMAGE]),
                         ("check", [Cause.TRUNCATED_IMAGE]),
                         ("trailer_row", [Cause.TRUNCATED_IMAGE])):
        field = Header[name]
        # A row beyond the memory is one within it.
        span = session.settings["row_bits"] if name == "trailer_row" else (0, field.width)
        for bit in range(*span):
            damaged = bits ^ 1 << field.offset + bit
            await session.host.window.write(at, damaged.to_bytes(len(good), "little"))
            await session.refused(causes, watchdog=watchdog)
    await session.host.window.write(at, good)
    await session.check()


@cocotb.test()
async def no_image(dut):
    session = await Session.open(dut)
    for filler in (b"\0", b"\xff"):
        for address, content in session.first.parts():
            await session.host.window.write(address, filler * len(content))
        await session.refused([Cause.NO_IMAGE], watchdog=session.first.length)
    await session.load(session.first)
    await session.host.write("PROGRAM_BASE", 0xFFFF_FFF0)
    await session.refused([Cause.NO_IMAGE, Cause.FOREIGN_IMAGE], watchdog=session.first.length)
    await session.check()


@cocotb.test()
async def cut_while_loading(dut):
    session = await Session.open(dut)
    image = session.first.job.image
    rng = random.Random(session.settings["seed"])
    program = session.first.program_words
    refusals = (Cause.NO_IMAGE, Cause.FOREIGN_IMAGE, Cause.TRUNCATED_IMAGE)
    for kept in [0, 1, 2, 3, 20, program - 1, program,
                 *(rng.randrange(program, len(image) - 5) for _ in range(6))]:
        for filler in (0, 0xFFFF_FFFF_FFFF_FFFF):
            cut = np.where(np.arange(len(image)) < kept, image, np.uint64(filler))
            await session.host.store(session.first.job.image_runs, cut.astype("<u8"))
            await session.refused(refusals, watchdog=4 * session.first.length)
    await session.load(session.first)
    await session.check()


@cocotb.test()
async def cut_over_another_image(dut):
    session = await Session.open(dut)
    first, second = session.workloads[:2]
    rng = random.Random(session.settings["seed"])
    for _ in range(6):
        await session.load(second)
        left = rng.randrange(8, len(first.job.image) - 5)
        for address, begin, count in first.job.image_runs:
            part = first.job.image[begin:begin + max(0, min(count, left - begin))]
            if len(part):
                await session.host.window.write(address, part.tobytes())
        await session.refused([Cause.TRUNCATED_IMAGE], watchdog=4 * first.length)
    await session.load(first)
    await session.check()


@cocotb.test()
@cocotb.parametrize(layer=[0, 1, 2, 3, 4])
async def every_descriptor_field_garbled(dut, layer):
    session = await Session.open(dut)
    resident = session.workloads[2]
    await session.load(resident)
    size = DESCRIPTOR_ROWS * ROW_BYTES
    offset = (HEADER_ROWS + layer * DESCRIPTOR_ROWS) * ROW_BYTES
    good = session.first.job.image.tobytes()[offset:offset + size]
    bits = int.from_bytes(good, "little")
    at = session.first.program_address + offset
    rng = random.Random(f"{session.settings['seed']} {layer}")
    watchdog = 3 * session.first.length
    for name, field in Descriptor:
        if name.startswith("reserved"):
            continue
        ones = (1 << field.width) - 1
        for value in (0, ones, rng.getrandbits(field.width)):
            damaged = bits & ~(ones << field.offset) | value << field.offset
            cocotb.log.info(f"{name} = {value:#x}")
            await session.host.window.write(at, damaged.to_bytes(size, "little"))
            await session.select(session.first)
            await session.host.write("LAST_LAYER", layer)
            await session.refused(ANY_END, watchdog=watchdog)
            # The other image is there already: little time for leftovers to vanish.
            await session.host.write("LAST_LAYER", 0xFFFF)
            await session.check(resident)
        await session.host.window.write(at, good)
        await session.check()
    await session.intact(session.first)


@cocotb.test()
async def blocks_denser_than_the_engine_takes(dut):
    session = await Session.open(dut)
    words = _weights(session)
    rng = random.Random(session.settings["seed"])
    bound = session.settings["nnz"]
    for at in [min(words), *rng.sample(sorted(words), 5)]:
        dense = words[at] | 0xFF  # the mask of the row's first block, or else some value
        await _write_weights(session, at, dense)
        row_start = at == min(words)
        causes = [Cause.DENSITY] if row_start and bound < 8 else (None, Cause.DENSITY)
        if session.settings["weights_have_places"]:  # one beyond the array is refused
            causes = (None, Cause.BAD_DESCRIPTOR)
        await session.refused(causes, watchdog=4 * session.first.length)
        await _write_weights(session, at, words[at])
        await session.check()


def _weights(session) -> dict[int, int]:
    """Words of weights by byte address: on chip, or outside."""
    job = session.first.job
    if session.external:
        base = session.first.bases[3]
        return {base + 8 * k: int(word) for k, word in enumerate(session.first.constants)}
    return {address + 8 * k: int(job.image[first + k]) for address, first, count in job.image_runs
            if address >> session.settings["region_bits"] == 1 for k in range(count)}


async def _write_weights(session, address: int, word: int) -> None:
    content = word.to_bytes(8, "little")
    if session.external:
        session.memory.write(address, content)
    else:
        await session.host.window.write(address, content)


@cocotb.test()
async def schedules_of_noise(dut):
    session = await Session.open(dut)
    rng = random.Random(session.settings["seed"])
    runs = [run for run in session.first.job.image_runs
            if run[0] >> session.settings["region_bits"] == 3]
    good = {address: session.first.job.image[first:first + count].tobytes()
            for address, first, count in runs}
    for case in range(30):
        for address, content in good.items():
            # Everything, or a byte: an end that is missed, a block that is not there.
            noise = bytearray(content if case % 3 else rng.randbytes(len(content)))
            noise[rng.randrange(len(noise))] ^= rng.randrange(1, 256)
            await session.host.window.write(address, bytes(noise))
        await session.refused(ANY_END, watchdog=rng.randrange(50, 2 * session.first.length))
        for address, content in good.items():
            await session.host.window.write(address, content)
        await session.check()
    await session.intact(session.first)


@cocotb.test()
async def descriptors_of_noise(dut):
    session = await Session.open(dut)
    rng = random.Random(session.settings["seed"])
    size = DESCRIPTOR_ROWS * ROW_BYTES
    at = session.first.program_address + HEADER_ROWS * ROW_BYTES
    good = session.first.job.image.tobytes()[HEADER_ROWS * ROW_BYTES:][:size]
    for case in range(60):
        noise = bytearray(rng.randbytes(size))
        if case % 4:  # a descriptor by magic and opcode, and by its groups
            noise[:2] = bytes([good[0], 1 + case % 2 | (0x10 if case & 4 else 0x20)])
        await session.host.window.write(at, bytes(noise))
        await session.refused(ANY_END, watchdog=rng.randrange(50, 2 * session.first.length))
        if case % 3 == 2:
            await session.host.window.write(at, good)
            await session.check()
    await session.host.window.write(at, good)
    await session.intact(session.first)
    await session.check()


@cocotb.test()
async def layers_without_descriptor(dut):
    session = await Session.open(dut)
    image = session.first.job.image.copy()
    begin = HEADER_ROWS * ROW_BYTES // 8
    for layer in range(len(session.first.layer_cycles)):
        cut = begin + layer * DESCRIPTOR_ROWS * ROW_BYTES // 8
        damaged = image.copy()
        damaged[cut:session.first.program_words] = 0
        await session.host.store(session.first.job.image_runs, damaged)
        await session.give(session.first, 0)
        error = await session.refused([Cause.BAD_DESCRIPTOR], watchdog=4 * session.first.length)
        assert error.layer == layer, error
    await session.load(session.first)
    await session.check()
