# SPDX-License-Identifier: Apache-2.0
"""Rows of the core's memories, as bytes, and how many there may be."""

import numpy as np

from ...rtl.sequencer.descriptor import ROW_BITS
from .fault import CompileFault

__all__ = ["ROW_BYTES", "Rows", "check_memory", "pack_fields"]

ROW_BYTES = ROW_BITS // 8


class Rows:
    """Rows of a memory from ``count`` on; those that are there already are shared."""

    def __init__(self, count: int):
        self.count = count
        self.bytes = b""
        self._known: dict[bytes, int] = {}

    def put(self, rows: np.ndarray) -> int:
        """Where ``rows`` lie."""
        content = rows.tobytes()
        if content not in self._known:
            self._known[content] = self.count
            self.bytes += content
            self.count += len(rows)
        return self._known[content]


def pack_fields(layout, fields: dict) -> bytes:
    """Little-endian bytes of a struct layout; negative values wrap at their field's width."""
    value = 0
    for name, item in fields.items():
        spot = layout[name]
        members = item if isinstance(item, tuple) else (item,)
        width = spot.width // len(members)
        for index, member in enumerate(members):
            value |= (int(member) & (1 << width) - 1) << (spot.offset + index * width)
    return value.to_bytes(-(-layout.size // ROW_BITS) * ROW_BYTES, "little")


def check_memory(name: str, need: int, have: int) -> None:
    """Raises CompileFault where a memory, by its name in a spec, needs more bytes than it has."""
    if need > have:
        raise CompileFault(f"memory.{name} must be at least {-(-need // 1024)} KiB for this "
                           f"network, not {have / 1024:g} KiB")
