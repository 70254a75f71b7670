# SPDX-License-Identifier: Apache-2.0
"""A board in Python at the end of a pseudo-terminal: the protocol without hardware behind it."""

import os
import select
import threading
import tty

from systolith.fpga.host.frames import FrameFinder, encode
from systolith.rtl.board.protocol import (
    HEADER,
    IDENTITY,
    MAGIC,
    VERSION,
    WORDS,
    Command,
    Status,
)

__all__ = ["FakeBoard"]

SIZES = {Command.READ_REGISTERS: 4, Command.WRITE_REGISTERS: 4,
         Command.READ_WINDOW: 8, Command.WRITE_WINDOW: 8}


class FakeBoard:
    """``port`` while the context lasts; ``registers`` and ``window`` are its bytes.

    ``on_answer`` and ``on_request`` may change the bytes that are sent and that came; ``writes``
    lists the requests that wrote; ``status`` answers everything in place of what would.
    """

    def __init__(self, *, magic=MAGIC, version=VERSION):
        self.identity = (magic, version)
        self.registers = bytearray(4096)
        self.window = bytearray(1 << 16)
        self.token = 0
        self.latest = None
        self.writes = []
        self.status = None
        self.on_answer = lambda frame: frame
        self.on_request = lambda piece: piece
        self._going = True

    def __enter__(self):
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._going = False
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)

    def reset(self):
        """As a power cycle, with the memories as they were."""
        self.token = 0

    def say(self, content):
        """Send bytes that nobody asked for."""
        os.write(self._master, content)

    def _serve(self):
        finder = FrameFinder()
        while self._going:
            if not select.select([self._master], [], [], 0.02)[0]:
                continue
            for request in finder.feed(self.on_request(os.read(self._master, 4096))):
                answer = self._answer(request)
                if answer is not None:
                    os.write(self._master, self.on_answer(encode(answer)))

    def _answer(self, request):
        if request is None:
            return bytes([99, Status.GARBLED])
        command, sequence, count, address = HEADER.unpack_from(request)
        words = request[HEADER.size:]
        if self.status is not None:
            return bytes([sequence, self.status])
        data = b""
        if command == Command.IDENTIFY:
            data = IDENTITY.pack(*self.identity, WORDS, 12_000_000, 1_000_000, self.token)
        elif command == Command.ARM:
            self.token = address
        elif not self.token:
            return bytes([sequence, Status.NOT_ARMED])
        else:
            size = SIZES[command] * count
            memory = self.registers if command in (
                Command.READ_REGISTERS, Command.WRITE_REGISTERS) else self.window
            if command in (Command.READ_REGISTERS, Command.READ_WINDOW):
                data = bytes(memory[address:address + size])
            elif sequence != self.latest:
                assert len(words) == size
                memory[address:address + size] = words
                self.writes.append((command, address, count))
        if command != Command.IDENTIFY:
            self.latest = sequence
        return bytes([sequence]) + data + bytes([Status.OK])
