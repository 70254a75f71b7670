# SPDX-License-Identifier: Apache-2.0
"""The link: requests over a serial port, each answered or repeated."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import serial

from ...rtl.board.framing import FLAG
from ...rtl.board.protocol import HEADER, Command, Status
from .faults import BoardReset, BusFault, Garbled, HostFault, NoAnswer, PortFault, Refused
from .frames import FrameFinder, encode

__all__ = ["BAUD", "RETRIES", "TIMEOUT", "Link"]

BAUD = 1_000_000
TIMEOUT = 1.0
RETRIES = 4
BITS = 10
"""Of a byte on the line."""
QUIET = 0.05
"""Of the time-out: silence after which, most likely, nothing is under way."""
ATTEMPTS = 2
"""To get an answer at all, whatever ``retries``."""


class Link:
    """A serial port with a board at its end.

    ``timeout``: seconds of silence after which a request counts as lost; ``retries``: how often
    one is then, or when it or its answer was damaged, sent again. ``repeated`` counts these,
    ``seconds`` is the time spent in requests. Raises PortFault where the port cannot be opened.
    """

    def __init__(self, port: str, *, baud: int = BAUD, timeout: float = TIMEOUT,
                 retries: int = RETRIES):
        self.port = port
        self.baud = baud
        self.timeout = timeout
        self.retries = retries
        self.repeated = 0
        self.seconds = 0.0
        self._finder = FrameFinder()
        self._sequence = os.urandom(1)[0]
        self._clear = False  # nothing is under way on the line
        with self._port_faults():
            self._serial = serial.Serial(port, baud, timeout=timeout, exclusive=True)

    def __enter__(self) -> "Link":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Give the port back."""
        self._serial.close()

    def request(self, command: Command, address: int = 0, count: int = 0,
                words: bytes = b"") -> bytes:
        """The words that answer a request.

        Raises NoAnswer or Garbled when repetitions did not help either, BoardReset, Refused,
        BusFault, or PortFault where the port is gone. The next request finds a working link.
        """
        sequence = self._next()
        frame = encode(HEADER.pack(command, sequence, count, address) + words)
        start = time.monotonic()
        try:
            for attempt in range(self.retries + 1):
                self.repeated += attempt > 0
                try:
                    return self._try(frame, sequence, f"{command.name} at 0x{address:x}")
                except (Garbled, NoAnswer) as fault:
                    self._clear = False
                    if attempt == self.retries:
                        raise self._given_up(fault) from None
        finally:
            self.seconds += time.monotonic() - start
        raise AssertionError("one attempt is made at least")

    def _given_up(self, fault: HostFault) -> HostFault:
        times = "" if not self.retries else f", {self.retries + 1} times"
        return type(fault)(f"{fault}{times}")

    def _next(self) -> int:
        self._sequence = (self._sequence + 1) % 256
        return self._sequence

    def _try(self, frame: bytes, sequence: int, what: str) -> bytes:
        with self._port_faults():
            if not self._clear:
                self._resynchronise()
            self._serial.write(frame)
            for answer in self._answers(len(frame)):
                if answer is None:
                    raise self._garbled()
                status = answer[-1]
                if status == Status.GARBLED:
                    raise Garbled(f"{self.port}: the board received a garbled request")
                if answer[0] == sequence:
                    return self._judge(status, answer[1:-1], what)
        raise self._silence()

    def _garbled(self) -> Garbled:
        return Garbled(f"{self.port}: the board's answer came garbled")

    def _silence(self) -> NoAnswer:
        return NoAnswer(f"{self.port}: the board did not answer within {self.timeout:g} s; see "
                        f"that its bitstream is loaded and its rate is {self.baud} baud")

    def _judge(self, status: int, words: bytes, what: str) -> bytes:
        if status == Status.OK:
            return words
        if status == Status.NOT_ARMED:
            raise BoardReset(f"{self.port}: the board was reset in between and has lost what it "
                             "was given; load the network again")
        if status == Status.BUS_ERROR:
            raise BusFault(f"{self.port}: the accelerator answered {what} with an error")
        raise Refused(f"{self.port}: the board must know the request {what}, not refuse it "
                      f"with status {status}; bitstream and host are of different versions")

    def _answers(self, sent: int) -> Iterator[bytes | None]:
        """Frames that come until silence, None for damaged ones."""
        end = time.monotonic() + sent * BITS / self.baud + self.timeout
        while (left := end - time.monotonic()) > 0:
            self._serial.timeout = left
            piece = self._serial.read(1)
            if piece:
                piece += self._serial.read(self._serial.in_waiting)
                end = time.monotonic() + self.timeout
            for content in self._finder.feed(piece):
                yield None if content is None or len(content) < 2 else content

    def _resynchronise(self) -> None:
        """End what the board may have of a frame, wait until nothing comes any more, and ask it
        who it is: behind that answer comes none to what was asked before. NoAnswer if it says
        nothing, Garbled if nothing else."""
        damaged = False
        for _ in range(ATTEMPTS):
            self._serial.write(bytes([FLAG, FLAG]))
            self._serial.timeout = QUIET * self.timeout
            while self._serial.read(4096):
                pass
            self._finder.reset()
            sequence = self._next()
            frame = encode(HEADER.pack(Command.IDENTIFY, sequence, 0, 0))
            self._serial.write(frame)
            for answer in self._answers(len(frame)):
                damaged |= answer is None
                if answer and answer[0] == sequence and answer[-1] == Status.OK:
                    self._clear = True
                    return
        raise self._garbled() if damaged else self._silence()

    @contextmanager
    def _port_faults(self) -> Iterator[None]:
        try:
            yield
        except serial.SerialException as fault:
            reason = os.strerror(fault.errno) if fault.errno else str(fault)
            raise PortFault(f"{self.port}: serial port must be there and free, but: "
                            f"{reason}") from None
        except (OSError, ValueError) as fault:
            raise PortFault(f"{self.port}: serial port must work, but: {fault}") from None
