# SPDX-License-Identifier: Apache-2.0
"""What host and board say to each other: commands, answers and their bytes.

The line carries frames (see ``framing``), 8N1. Numbers are little-endian. The host asks, the board
answers, one frame for one frame; the board ignores what comes while it is at work, so that the host
sends nothing until it has the answer or has waited long enough.

A request's content is

====== ===== =======================================================================
byte   bytes meaning
====== ===== =======================================================================
0      1     ``Command``
1      1     sequence number
2      1     words to read or write, 1 to ``WORDS``; IDENTIFY and ARM: any
3      4     byte address, a multiple of the word's size; ARM: token; IDENTIFY: any
7      n     words to write: 4 bytes each of registers, 8 each of the window
====== ===== =======================================================================

and an answer's

====== ===== =======================================================================
byte   bytes meaning
====== ===== =======================================================================
0      1     sequence number of the request; of a garbled one: any
1      n     words read; for IDENTIFY ``IDENTITY``; else nothing
n + 1  1     ``Status``
====== ===== =======================================================================

Registers are those of the accelerator's AXI4-Lite port, read and written one after the other from
the address on; the window is its AXI4 port, where a request is one burst, which may not cross a
multiple of ``BURST_BOUNDARY`` bytes. Words come only with the status OK or BUS_ERROR.

*Repetition.* A host without an answer, or with a garbled one, sends the same request again. One
that writes, and has the sequence number of the latest request but IDENTIFY that was carried out, is
not carried out again: its answer is the first one's. A new request therefore has another sequence
number than the one before, and a session, which knows of none before, begins with ARM. IDENTIFY may
be asked in between, to see that nothing else is under way on the line.

*Reset.* The token is 0 after a reset, and then every command but IDENTIFY and ARM is refused with
NOT_ARMED. The host sets a token by ARM, and IDENTIFY tells it, so that a board that was reset in
between is known by the next answer, and one that still holds an image by its token.
"""

import enum
import struct

__all__ = ["BURST_BOUNDARY", "HEADER", "IDENTITY", "MAGIC", "REGISTER_BYTES", "VERSION",
           "WINDOW_BYTES", "WORDS", "Command", "Status"]

MAGIC = b"SYSB"
VERSION = 1
WORDS = 64
"""Words of a frame at most."""
REGISTER_BYTES = 4
WINDOW_BYTES = 8
BURST_BOUNDARY = 4096

HEADER = struct.Struct("<BBBI")
"""Command, sequence number, words, address."""
IDENTITY = struct.Struct("<4sHHIII")
"""``MAGIC``, ``VERSION``, ``WORDS``, clock in Hz, baud rate, token."""


class Command(enum.IntEnum):
    """What a request asks for. Bit 0: write, bit 1: access, bit 2: of the window."""

    IDENTIFY = 0
    ARM = 1
    READ_REGISTERS = 2
    WRITE_REGISTERS = 3
    READ_WINDOW = 6
    WRITE_WINDOW = 7


class Status(enum.IntEnum):
    """How a request ended."""

    OK = 0
    GARBLED = 1
    """The CRC did not hold, or a byte had no stop bit; nothing was done."""
    BAD_COMMAND = 2
    """Command, words, address or length is none of those above; nothing was done."""
    BUS_ERROR = 3
    """The accelerator answered a word with an error; the others were read or written."""
    NOT_ARMED = 4
    """The board was reset; nothing was done."""
