# SPDX-License-Identifier: Apache-2.0
"""The memory image of a program, and the file that holds it."""

import struct
import zlib
from dataclasses import dataclass

import numpy as np

from ...rtl.sequencer.descriptor import IMAGE_VERSION, ROW_BITS, Header

__all__ = ["Image"]


@dataclass(frozen=True, kw_only=True)
class Image:
    """What is loaded into the core: ``program``, ``schedule`` and ``weights``
    (64-bit words from their bases on; a row of weights takes ``weight_stride`` words of address
    space; ``PLACED``: pairs of words for an array, its place and its weights, as
    ``cim.array_words`` makes them); before them ``external``, words for external memory from its
    base on. They are loaded in this order, but the last ``trailer_words``, of the program, behind
    all others: so that an image that was loaded only in part is refused."""

    program: np.ndarray
    schedule: np.ndarray
    weights: np.ndarray
    weight_stride: int
    external: np.ndarray
    check: int

    MAGIC = b"SYSTOLIT"
    PLACED = 0

    def to_bytes(self) -> bytes:
        """The image file: magic, version, lengths and stride (32 bit each), program, schedule,
        weights, external words, CRC-32."""
        parts = (self.program, self.schedule, self.weights, self.external)
        head = struct.pack("<6I", IMAGE_VERSION, *(part.size for part in parts),
                           self.weight_stride)
        body = self.MAGIC + head + b"".join(part.astype("<u8").tobytes() for part in parts)
        return body + struct.pack("<I", zlib.crc32(body))

    @property
    def trailer_words(self) -> int:
        """Words of the trailer that ends the program: none where it ends the weights."""
        rows = int(self._header(self.program).program_rows)
        behind = self.program.size - rows * (ROW_BITS // 64)
        return behind // (ROW_BITS // 64) * (ROW_BITS // 64)

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Image":
        """Read an image file; raises ValueError where it is foreign, truncated or damaged."""
        head = len(cls.MAGIC) + 24
        if len(raw) < head + 4 or not raw.startswith(cls.MAGIC):
            raise ValueError("not a program image: it does not start with "
                             f"{cls.MAGIC.decode()}")
        version, *sizes, stride = struct.unpack_from("<6I", raw, len(cls.MAGIC))
        if version != IMAGE_VERSION:
            raise ValueError(f"image version must be {IMAGE_VERSION}, not {version}")
        size = head + 8 * sum(sizes) + 4
        if len(raw) != size:
            raise ValueError(f"image must be {size} bytes, not {len(raw)}: it is truncated or "
                             "has something behind it")
        if zlib.crc32(raw[:-4]) != struct.unpack_from("<I", raw, size - 4)[0]:
            raise ValueError("image check sum does not match: it is damaged")
        words = np.frombuffer(raw, "<u8", sum(sizes), head).astype(np.uint64)
        header = cls._header(words)
        program, schedule, weights, external = np.split(words, np.cumsum(sizes[:3]))
        return cls(program=program, schedule=schedule, weights=weights, weight_stride=stride,
                   external=external, check=int(header.check))

    @staticmethod
    def _header(words: np.ndarray):
        return Header.from_bits(int.from_bytes(words[:4].astype("<u8").tobytes(), "little"))
