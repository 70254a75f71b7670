# SPDX-License-Identifier: Apache-2.0
import os

import numpy as np
import pytest
from systolith.fpga.host.board import Board, bursts
from systolith.fpga.host.faults import (
    BoardReset,
    BusFault,
    Garbled,
    NoAnswer,
    PortFault,
    Refused,
    RunFault,
    WrongBitstream,
)
from systolith.fpga.host.link import Link
from systolith.gen.spec import load
from systolith.rtl.board.framing import FLAG
from systolith.rtl.board.protocol import WORDS, Status
from systolith.rtl.bus.register_map import ID

from .fake_board import FakeBoard

TIMEOUT = 0.3


@pytest.fixture
def fake():
    with FakeBoard() as board:
        yield board


def once(change):
    """``change`` of the first frame that is longer than two flags, the others as they are."""
    waiting = [change]

    def apply(frame):
        return waiting.pop()(frame) if waiting and len(frame) > 2 else frame
    return apply


def flipped(frame):
    middle = len(frame) // 2
    return frame[:middle] + bytes([frame[middle] ^ 0x03]) + frame[middle + 1:]


DAMAGES = {
    "flipped": flipped,
    "dropped": lambda frame: frame[:3] + frame[4:],
    "without its first flag": lambda frame: frame[1:],
    "without its last flag": lambda frame: frame[:-1],
    "cut off": lambda frame: frame[:5],
    "lost": lambda frame: b"",
    "a flag in its midst": lambda frame: frame[:4] + bytes([FLAG]) + frame[5:],
    "noise before it": lambda frame: b"\x00\xffnoise" + frame,
    "all noise": lambda frame: bytes(range(128, 200)),
}


def test_words_come_back(fake):
    with Link(fake.port, timeout=TIMEOUT) as link:
        board = Board(link)
        words = np.random.default_rng(1).integers(0, 1 << 64, 300, dtype=np.uint64)
        runs = [(0x100, 0, 170), (0x2000 - 64, 170, 130)]
        steps = []
        board.store(runs, words, lambda: steps.append(1))
        assert (board.fetch(runs) == words).all()
        assert bytes(fake.window[0x100:0x108]) == words[0].tobytes()
        assert len(steps) == len(fake.writes) == len(bursts(runs, WORDS)) == 6
        assert link.repeated == 0


def test_bursts_cross_no_boundary():
    pieces = bursts([(0xFF0, 5, 70), (0x4000, 0, 64)], 64)
    assert pieces == [(0xFF0, 5, 2), (0x1000, 7, 64), (0x1200, 71, 4), (0x4000, 0, 64)]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("direction", ["on_request", "on_answer"])
def test_damage_is_repaired_by_repetition(fake, direction, damage):
    with Link(fake.port, timeout=TIMEOUT) as link:
        board = Board(link)
        setattr(fake, direction, once(DAMAGES[damage]))
        board.write("WATCHDOG", 0x1234_5678)
        assert board.read("WATCHDOG") == 0x1234_5678
        assert len(fake.writes) == 1


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("direction", ["on_request", "on_answer"])
def test_damage_without_repetition_is_told_and_the_link_works(fake, direction, damage):
    with Link(fake.port, timeout=TIMEOUT, retries=0) as link:
        board = Board(link)
        setattr(fake, direction, once(DAMAGES[damage]))
        if damage != "without its first flag":  # the one before does as well
            with pytest.raises((Garbled, NoAnswer), match="garbled|did not answer within 0.3 s"):
                board.read("WATCHDOG")
        board.write("WATCHDOG", 7)
        assert board.read("WATCHDOG") == 7


def test_answers_that_nobody_asked_for_are_ignored(fake):
    with Link(fake.port, timeout=TIMEOUT) as link:
        board = Board(link)
        fake.on_answer = lambda frame: frame + frame
        for value in range(5):
            board.write("WATCHDOG", value)
            assert board.read("WATCHDOG") == value


def test_no_answer(fake):
    fake.on_answer = lambda frame: b""
    with Link(fake.port, timeout=0.05, retries=2) as link:
        with pytest.raises(NoAnswer) as raised:
            Board(link)
    assert str(raised.value) == (
        f"{fake.port}: the board did not answer within 0.05 s; see that its bitstream is loaded "
        "and its rate is 1000000 baud, 3 times")
    assert link.repeated == 2


def test_every_answer_garbled(fake):
    fake.on_answer = flipped
    with Link(fake.port, timeout=0.1, retries=1) as link:
        with pytest.raises(Garbled, match="^.*: the board's answer came garbled, 2 times$"):
            Board(link)


def test_reset_board_is_told(fake):
    with Link(fake.port, timeout=TIMEOUT) as link:
        board = Board(link)
        board.write("WATCHDOG", 1)
        fake.reset()
        with pytest.raises(BoardReset, match="the board was reset in between"):
            board.read("WATCHDOG")
        assert Board(link).read("WATCHDOG") == 1


def test_what_is_no_board():
    with FakeBoard(magic=b"ELSE") as fake, Link(fake.port, timeout=TIMEOUT) as link:
        with pytest.raises(Refused, match="what answers must be a Systolith board, not 454c5345"):
            Board(link)


def test_other_protocol():
    with FakeBoard(version=9) as fake, Link(fake.port, timeout=TIMEOUT) as link:
        with pytest.raises(Refused, match="protocol version of the board must be 1, not 9"):
            Board(link)


@pytest.mark.parametrize("status, error, text", [
    (Status.BUS_ERROR, BusFault, "the accelerator answered READ_REGISTERS at 0x2c with an error"),
    (Status.BAD_COMMAND, Refused, "must know the request READ_REGISTERS at 0x2c, not refuse it"),
    (Status.NOT_ARMED, BoardReset, "reset in between"),
])
def test_statuses(fake, status, error, text):
    with Link(fake.port, timeout=TIMEOUT) as link:
        board = Board(link)
        fake.status = status
        with pytest.raises(error, match=text):
            board.read("WATCHDOG")


def test_wrong_bitstream(fake):
    spec = load("demo")
    fake.registers[0:4] = ID.to_bytes(4, "little")
    fake.registers[8:16] = (0x0123_4567_89AB_CDEF).to_bytes(8, "little")
    with Link(fake.port, timeout=TIMEOUT) as link:
        board = Board(link)
        with pytest.raises(WrongBitstream) as raised:
            board.check_spec(spec)
        assert str(raised.value) == (
            f"{fake.port}: wrong bitstream: board holds spec 0x0123456789abcdef, "
            f"not demo (0x{spec.hash:016x})")
        fake.registers[8:16] = spec.hash.to_bytes(8, "little")
        board.check_spec(spec)


@pytest.mark.parametrize("status, text", [
    (1 | 3 << 16, "run must end within 0.05 s, but the board is still in layer 3"),
    (4 | 5 << 8 | 2 << 16, "run failed in layer 2 with cause 5"),
])
def test_run_that_does_not_end_well(fake, status, text):
    with Link(fake.port, timeout=TIMEOUT) as link:
        board = Board(link)
        fake.registers[0x18:0x1C] = status.to_bytes(4, "little")
        with pytest.raises(RunFault, match=text):
            board.run(seconds=0.05)


def test_ports_that_are_none(fake, tmp_path):
    with pytest.raises(PortFault) as raised:
        Link(str(tmp_path / "none"))
    assert str(raised.value) == (f"{tmp_path / 'none'}: serial port must be there and free, but: "
                                 "No such file or directory")
    with pytest.raises(PortFault, match="serial port must be there and free"):
        Link(os.devnull)
    with Link(fake.port):
        with pytest.raises(PortFault, match="serial port must be there and free"):
            Link(fake.port)
