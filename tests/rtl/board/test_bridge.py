# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import struct

import pytest
from systolith.fpga.host.frames import encode
from systolith.rtl.board.bridge import Bridge
from systolith.rtl.board.protocol import (
    HEADER,
    IDENTITY,
    MAGIC,
    VERSION,
    WORDS,
    Command,
    Status,
)

from .bridge_rig import BAUD, CLOCK, TIMEOUT, Rig

READ, WRITE = Command.READ_REGISTERS, Command.WRITE_REGISTERS
FETCH, STORE = Command.READ_WINDOW, Command.WRITE_WINDOW
OK = Status.OK


def identity(token):
    return IDENTITY.pack(MAGIC, VERSION, WORDS, CLOCK, BAUD, token)


def test_identity_and_token():
    rig = Rig()

    async def bench(ctx):
        assert await rig.ask(ctx, Command.IDENTIFY) == (identity(0), OK)
        await rig.arm(ctx, 0x1234_5678)
        assert ctx.get(rig.dut.token) == 0x1234_5678
        assert await rig.ask(ctx, Command.IDENTIFY) == (identity(0x1234_5678), OK)
        assert await rig.ask(ctx, Command.ARM, 0) == (b"", Status.BAD_COMMAND)
        assert ctx.get(rig.dut.token) == 0x1234_5678

    rig.run(bench)


@pytest.mark.parametrize("command", [READ, WRITE, FETCH, STORE])
def test_nothing_is_done_before_a_token_is_set(command):
    rig = Rig()

    async def bench(ctx):
        words = bytes(8 * (command == STORE) + 4 * (command == WRITE))
        assert await rig.ask(ctx, command, 0, 1, words) == (b"", Status.NOT_ARMED)
        assert not rig.memory.bursts and not rig.registers.writes

    rig.run(bench)


@pytest.mark.parametrize("waits, most", [(0, WORDS), (9, 16)])
def test_registers(waits, most):
    rig = Rig(seed=waits, waits=waits)

    async def bench(ctx):
        await rig.arm(ctx)
        for count in (1, 3, most):
            address = rig.rng.randrange(0, 4096 - 4 * WORDS, 4)
            words = rig.rng.randbytes(4 * count)
            assert await rig.ask(ctx, WRITE, address, count, words) == (b"", OK)
            assert await rig.ask(ctx, READ, address, count) == (words, OK)
            assert rig.registers.writes == [
                (address + 4 * k, value) for k, value in
                enumerate(struct.unpack(f"<{count}I", words))]
            rig.registers.writes.clear()

    rig.run(bench)


@pytest.mark.parametrize("waits, most", [(0, WORDS), (9, 8)])
def test_window(waits, most):
    rig = Rig(seed=waits, waits=waits)
    contents = rig.memory.contents

    async def bench(ctx):
        await rig.arm(ctx)
        for address, count in ((0, 1), (0x1000 - 8 * 5, 5), (0x4000 - 8 * most, most)):
            before = bytes(contents)
            words = rig.rng.randbytes(8 * count)
            assert await rig.ask(ctx, STORE, address, count, words) == (b"", OK)
            end = address + 8 * count
            assert contents == before[:address] + words + before[end:]
            assert await rig.ask(ctx, FETCH, address, count) == (words, OK)
        assert await rig.ask(ctx, FETCH, 64, 3) == (bytes(contents[64:88]), OK)

    rig.run(bench)


def test_bytes_that_look_like_flags():
    rig = Rig()

    async def bench(ctx):
        await rig.arm(ctx)
        words = bytes([0x7E, 0x7D, 0x5E, 0x5D] * 8)
        assert await rig.ask(ctx, STORE, 0x7D8, 4, words) == (b"", OK)
        assert await rig.ask(ctx, FETCH, 0x7D8, 4) == (words, OK)

    rig.run(bench)


@pytest.mark.parametrize("waits", [0, 5])
def test_bus_errors_are_told_and_the_rest_is_done(waits):
    rig = Rig(seed=1, waits=waits, bad_words=(8,), bad_reads=(0x48,), bad_writes=(0x100,))
    contents = rig.memory.contents

    async def bench(ctx):
        await rig.arm(ctx)
        words = rig.rng.randbytes(16)
        assert await rig.ask(ctx, WRITE, 0, 4, words) == (b"", Status.BUS_ERROR)
        data, status = await rig.ask(ctx, READ, 0, 4)
        assert status == Status.BUS_ERROR
        assert data[:8] + data[12:] == words[:8] + words[12:]
        assert await rig.ask(ctx, READ, 12, 1) == (words[12:], OK)
        data, status = await rig.ask(ctx, FETCH, 0x40, 3)
        assert status == Status.BUS_ERROR and len(data) == 24
        assert data[:8] == contents[0x40:0x48] and data[16:] == contents[0x50:0x58]
        assert await rig.ask(ctx, STORE, 0x100, 2, bytes(16)) == (b"", Status.BUS_ERROR)
        assert await rig.ask(ctx, STORE, 0x108, 1, bytes(8)) == (b"", OK)
        assert await rig.ask(ctx, STORE, 0x100, 2, bytes(16)) == (b"", Status.BUS_ERROR)
        written = rig.sequence
        assert await rig.ask(ctx, Command.IDENTIFY) == (identity(1), OK)
        rig.sequence = written
        assert await rig.ask(ctx, STORE, 0x100, 2, bytes(16), repeated=True) == (
            b"", Status.BUS_ERROR)

    rig.run(bench)


def test_a_repeated_write_is_done_once():
    rig = Rig()

    async def bench(ctx):
        await rig.arm(ctx)
        for _ in range(2):
            assert await rig.ask(ctx, WRITE, 16, 1, b"once") == (b"", OK)
            assert await rig.ask(ctx, WRITE, 16, 1, b"once", repeated=True) == (b"", OK)
        assert len(rig.registers.writes) == 2
        assert await rig.ask(ctx, STORE, 8, 1, b"8 bytes.") == (b"", OK)
        written = rig.sequence
        assert await rig.ask(ctx, Command.IDENTIFY) == (identity(1), OK)
        rig.sequence = written
        assert await rig.ask(ctx, STORE, 8, 1, b"another.", repeated=True) == (b"", OK)
        assert await rig.ask(ctx, FETCH, 8, 1) == (b"8 bytes.", OK)
        rig.memory.contents[8:16] = b"changed."
        assert await rig.ask(ctx, FETCH, 8, 1, repeated=True) == (b"changed.", OK)

    rig.run(bench)


BAD = {
    "no such command": (4, 0, 1, 0),
    "command out of range": (8, 0, 1, 0),
    "no registers": (READ, 0, 0, 0),
    "no words": (FETCH, 0, 0, 0),
    "too many words": (FETCH, 0, 65, 0),
    "too many registers": (READ, 0, 255, 0),
    "too many to write": (STORE, 0, 65, 520),
    "unaligned register": (READ, 2, 1, 0),
    "unaligned window": (FETCH, 4, 1, 0),
    "register out of range": (READ, 4096, 1, 0),
    "window out of range": (FETCH, 1 << 14, 1, 0),
    "high address": (FETCH, 1 << 31, 1, 0),
    "burst over a boundary": (FETCH, 0xFF8, 2, 0),
    "read with words": (READ, 0, 1, 4),
    "words short": (STORE, 0, 2, 8),
    "words in excess": (STORE, 0, 1, 16),
    "a byte in excess": (WRITE, 0, 1, 5),
    "far too long": (STORE, 0, 64, 512 + 1024),
    "identify with words": (Command.IDENTIFY, 0, 0, 8),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_commands_do_nothing(case):
    command, address, count, words = BAD[case]
    rig = Rig()

    async def bench(ctx):
        await rig.arm(ctx)
        answer = await rig.ask(ctx, command, address, count, bytes(words))
        assert answer == (b"", Status.BAD_COMMAND)
        assert not rig.memory.bursts and not rig.registers.writes
        assert await rig.ask(ctx, WRITE, 0, 1, b"good") == (b"", OK)

    rig.run(bench)


@pytest.mark.parametrize("length", range(HEADER.size))
def test_a_frame_shorter_than_a_header_is_a_bad_command(length):
    rig = Rig()

    async def bench(ctx):
        await rig.give(ctx, encode(rig.request(READ)[:length]))
        (_, data, status), = await rig.answers(ctx, 200)
        assert (data, status) == (b"", Status.BAD_COMMAND)
        assert await rig.ask(ctx, Command.IDENTIFY) == (identity(0), OK)

    rig.run(bench)


@pytest.mark.parametrize("seed", range(2))
def test_damage_is_told_and_the_repetition_succeeds(seed):
    """Every request is sent damaged, then whole, as a host does who waits for an answer."""
    rig = Rig(seed=seed, waits=4)

    async def bench(ctx):
        rng = rig.rng
        await rig.arm(ctx)
        for turn in range(5):
            words = rng.randbytes(8)
            frame = bytearray(encode(rig.request(STORE, 8 * turn, 1, words)))
            place = rng.randrange(len(frame))
            broken = ()
            match rng.randrange(4):
                case 0:
                    frame[place] ^= rng.randrange(1, 256)
                case 1:
                    del frame[place]
                case 2:
                    broken = (place,)
                case _:
                    frame = frame[:place]
            before = bytes(rig.memory.contents)
            await rig.give(ctx, bytes(frame), broken=broken)
            answers = await rig.answers(ctx, 200)
            assert all(status in (Status.GARBLED, OK) for _, _, status in answers)
            if not any(status == OK for _, _, status in answers):
                assert rig.memory.contents == before
            for _ in range(3):  # one may be lost in what was left of the damaged one
                await rig.give(ctx, encode(rig.request(STORE, 8 * turn, 1, words, repeated=True)))
                answers = await rig.answers(ctx, 200)
                if answers and answers[-1][2] == OK:
                    break
            assert answers[-1] == (rig.sequence, b"", OK)
            assert rig.memory.contents[8 * turn:8 * turn + 8] == words
        assert len(rig.memory.bursts) == 5

    rig.run(bench, cycles=60_000)


def test_garbage_before_a_frame():
    rig = Rig()

    async def bench(ctx):
        await rig.give(ctx, rig.rng.randbytes(40).replace(b"~", b""))
        assert await rig.ask(ctx, Command.IDENTIFY) == (identity(0), OK)
        await rig.arm(ctx)

    rig.run(bench)


def test_half_a_frame_is_forgotten_in_silence():
    rig = Rig()

    async def bench(ctx):
        await rig.arm(ctx)
        await rig.give(ctx, encode(rig.request(STORE, 0, 1, bytes(8)))[:9])
        assert await rig.answers(ctx, 2 * TIMEOUT) == []
        assert await rig.ask(ctx, FETCH, 8, 1) == (bytes(rig.memory.contents[8:16]), OK)

    rig.run(bench)


def test_what_comes_while_the_bridge_is_at_work_is_ignored():
    rig = Rig(waits=30)

    async def bench(ctx):
        await rig.arm(ctx)
        first = encode(rig.request(STORE, 0, WORDS, bytes(8 * WORDS)))
        await rig.give(ctx, first + encode(rig.request(STORE, 0, 1, b"ignored."))[:-4])
        (_, _, status), = await rig.answers(ctx, 4000)
        assert status == OK
        assert await rig.ask(ctx, FETCH, 0, 1) == (bytes(8), OK)

    rig.run(bench)


@pytest.mark.parametrize("change, text", [
    ({"control_width": 11}, "Control address width must be from 12 to 32, not 11"),
    ({"window_width": 33}, "Window address width must be from 12 to 32, not 33"),
    ({"clock_hz": 0}, "Clock must be from 1 to 4294967295, not 0"),
    ({"baud": 1 << 32}, "Baud rate must be from 1 to 4294967295, not 4294967296"),
])
def test_parameters_refused(change, text):
    with pytest.raises(ValueError, match=f"^{text}$"):
        Bridge(**{"control_width": 12, "window_width": 14, "clock_hz": CLOCK, "baud": BAUD,
                  "timeout": TIMEOUT} | change)
