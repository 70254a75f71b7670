# SPDX-License-Identifier: Apache-2.0
"""Frames as the board has them (``rtl.board.framing``): made, and found in what comes."""

import struct
import zlib
from collections.abc import Iterator

from ...rtl.board.framing import CRC_BYTES, ESCAPE, FLAG, FLIP

__all__ = ["FrameFinder", "encode"]


def encode(content: bytes) -> bytes:
    """``content`` as a frame."""
    frame = bytearray([FLAG])
    for byte in content + struct.pack("<I", zlib.crc32(content)):
        frame += bytes([ESCAPE, byte ^ FLIP]) if byte in (FLAG, ESCAPE) else bytes([byte])
    return bytes(frame) + bytes([FLAG])


class FrameFinder:
    """Finds frames in bytes that come piece by piece."""

    def __init__(self):
        self._held = bytearray()

    def reset(self) -> None:
        """Forget what has come of a frame."""
        self._held.clear()

    def feed(self, piece: bytes) -> Iterator[bytes | None]:
        """The content of every frame that ``piece`` completes; None for one that is damaged."""
        for byte in piece:
            if byte != FLAG:
                self._held.append(byte)
            elif self._held:
                held = bytes(self._held)
                self._held.clear()
                yield _content(held)


def _content(held: bytes) -> bytes | None:
    """What lies between two flags, without escapes and CRC; None if it is damaged."""
    plain = bytearray()
    flip = 0
    for byte in held:
        if byte == ESCAPE and not flip:
            flip = FLIP
        else:
            plain.append(byte ^ flip)
            flip = 0
    content, check = bytes(plain[:-CRC_BYTES]), bytes(plain[-CRC_BYTES:])
    if flip or check != struct.pack("<I", zlib.crc32(content)):
        return None
    return content
