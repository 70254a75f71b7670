# SPDX-License-Identifier: Apache-2.0
"""A board: its identity, its accelerator's registers, memories and runs."""

import struct
import time
from collections.abc import Callable, Sequence

import numpy as np

from ...gen.build import parameters
from ...gen.spec import Spec
from ...gen.transport import Run
from ...rtl.board.protocol import (
    BURST_BOUNDARY,
    IDENTITY,
    MAGIC,
    REGISTER_BYTES,
    VERSION,
    WINDOW_BYTES,
    Command,
)
from ...rtl.bus.register_map import ID, LAYER_CYCLES, REGISTERS
from .faults import Refused, RunFault, WrongBitstream
from .link import Link

__all__ = ["EMPTY", "Board", "bursts"]

OFFSETS = {register.name: register.offset for register in REGISTERS}
COUNTERS = [register for register in REGISTERS
            if 0x80 <= register.offset < 0x100 and register.access == "ro"]
BUSY, DONE, ERROR = 1, 2, 4
START, SOFT_RESET = 1, 2
EMPTY = 1
"""Token of a board without an image."""


def bursts(runs: Sequence[Run], words: int) -> list[Run]:
    """``runs`` in pieces of at most ``words``, none across a multiple of ``BURST_BOUNDARY``."""
    pieces = []
    for address, first, count in runs:
        while count:
            room = (BURST_BOUNDARY - address % BURST_BOUNDARY) // WINDOW_BYTES
            size = min(count, words, room)
            pieces.append((address, first, size))
            address, first, count = address + WINDOW_BYTES * size, first + size, count - size
    return pieces


class Board:
    """The board at the end of a link.

    ``words`` of a frame at most, ``clock_hz``, ``token``: of the image that it holds, ``EMPTY``
    where there is none. Raises what ``Link.request`` does, and Refused where what answers speaks
    another protocol.
    """

    def __init__(self, link: Link):
        self.link = link
        identity = link.request(Command.IDENTIFY)
        if len(identity) != IDENTITY.size or identity[:len(MAGIC)] != MAGIC:
            raise Refused(f"{link.port}: what answers must be a Systolith board, "
                          f"not {identity.hex() or 'nothing'}")
        _, version, self.words, self.clock_hz, _, self.token = IDENTITY.unpack(identity)
        if version != VERSION:
            raise Refused(f"{link.port}: protocol version of the board must be {VERSION}, "
                          f"not {version}; make its bitstream anew")
        self.arm(self.token or EMPTY)

    def arm(self, token: int) -> None:
        """Set the token, which a reset of the board clears."""
        self.link.request(Command.ARM, token)
        self.token = token

    def read(self, name: str) -> int:
        """A register by name."""
        return self._read_words(OFFSETS[name], 1)[0]

    def write(self, name: str, value: int) -> None:
        """Write a register by name."""
        self.link.request(Command.WRITE_REGISTERS, OFFSETS[name], 1, struct.pack("<I", value))

    def counters(self) -> dict[str, int]:
        """Counters of the latest run by name."""
        first = COUNTERS[0].offset
        count = (COUNTERS[-1].offset - first) // REGISTER_BYTES + 1
        values = self._read_words(first, count)
        return {register.name: values[(register.offset - first) // REGISTER_BYTES]
                for register in COUNTERS}

    def layer_cycles(self, layers: int) -> list[int]:
        """Cycles of the layers of the latest run."""
        return self._read_words(LAYER_CYCLES.offset, layers)

    def _read_words(self, offset: int, count: int) -> list[int]:
        values: list[int] = []
        while len(values) < count:
            size = min(count - len(values), self.words)
            answer = self.link.request(Command.READ_REGISTERS,
                                       offset + REGISTER_BYTES * len(values), size)
            values += struct.unpack(f"<{size}I", answer)
        return values

    def check_spec(self, spec: Spec) -> None:
        """Raise WrongBitstream unless the board holds the accelerator of ``spec``."""
        found, low, high = (self.read(name) for name in ("ID", "SPEC_HASH_LO", "SPEC_HASH_HI"))
        held = high << 32 | low
        wanted = parameters(spec).spec_hash
        if found != ID or held != wanted:
            raise WrongBitstream(
                f"{self.link.port}: wrong bitstream: board holds spec 0x{held:016x}, "
                f"not {spec.name} (0x{wanted:016x})")

    def store(self, runs: Sequence[Run], words: np.ndarray,
              progress: Callable[[], None] = lambda: None) -> None:
        """Write ``runs`` of uint64 ``words`` through the window."""
        for address, first, count in bursts(runs, self.words):
            self.link.request(Command.WRITE_WINDOW, address, count,
                              words[first:first + count].astype("<u8").tobytes())
            progress()

    def fetch(self, runs: Sequence[Run]) -> np.ndarray:
        """Read ``runs`` through the window as uint64 words."""
        words = np.zeros(sum(count for _, _, count in runs), "<u8")
        for address, first, count in bursts(runs, self.words):
            answer = self.link.request(Command.READ_WINDOW, address, count)
            words[first:first + count] = np.frombuffer(answer, "<u8")
        return words

    def settle(self) -> None:
        """Stop a run that someone else may have left, and clear what it told."""
        if self.read("STATUS") & BUSY:
            self.write("CONTROL", SOFT_RESET)
        self.write("STATUS_CLEAR", DONE | ERROR)

    def run(self, *, seconds: float) -> int:
        """A run; returns its cycles. Raises RunFault, too where it lasts longer than
        ``seconds``."""
        self.write("CONTROL", START)
        end = time.monotonic() + seconds
        while not (status := self.read("STATUS")) & (DONE | ERROR):
            if time.monotonic() > end:
                self.write("CONTROL", SOFT_RESET)
                raise RunFault(f"{self.link.port}: run must end within {seconds:g} s, but the "
                               f"board is still in layer {status >> 16}")
        self.write("STATUS_CLEAR", DONE | ERROR)
        if status & ERROR:
            raise RunFault(f"{self.link.port}: run failed in layer {status >> 16} with cause "
                           f"{status >> 8 & 0xFF}")
        return self.read("CYCLES")
