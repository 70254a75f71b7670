# SPDX-License-Identifier: Apache-2.0
"""Single-port SRAM banks: the only storage that an ASIC flow replaces by macros."""

from amaranth import Module, unsigned
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..cell import Cell

__all__ = ["AccessPort", "SramBank"]


class AccessPort(wiring.Signature):
    """Request side of a memory that may be busy: asked with ``enable``, served with ``grant``.

    *Timing*: a request is served in the cycle in which ``grant`` is high; read data follows in the
    next cycle. A request that is not granted is held by the asker.

    *Members*: ``enable``, ``write``, ``address`` (64-bit words), ``write_data``, ``write_mask``
    (one bit a byte), ``grant``, ``read_data``.
    """

    def __init__(self, address_width: int):
        self.address_width = address_width
        super().__init__({
            "enable": Out(1),
            "write": Out(1),
            "address": Out(address_width),
            "write_data": Out(64),
            "write_mask": Out(8),
            "grant": In(1),
            "read_data": In(64),
        })


class SramBank(Cell):
    """One single-port memory of ``depth`` words with byte write masks.

    *Timing*: one access a cycle. Read data follows one cycle after ``enable & ~write`` and holds
    until the next read. What a word holds before it is written is not defined.

    *Parameters*: ``depth`` in words, at least 1; ``width`` of a word in bits, whole bytes.

    *Members*: ``enable``, ``write``, ``address``, ``write_data``, ``write_mask``, ``read_data``.
    """

    def __init__(self, *, depth: int, width: int = 64):
        if depth < 1:
            raise ValueError(f"SRAM depth must be at least 1 word, not {depth!r}")
        if width < 8 or width % 8:
            raise ValueError(f"SRAM width must be a multiple of 8 bits, not {width!r}")
        self.depth = depth
        self.width = width
        super().__init__({
            "enable": In(1),
            "write": In(1),
            "address": In(ceil_log2(depth)),
            "write_data": In(width),
            "write_mask": In(width // 8),
            "read_data": Out(width),
        })

    @staticmethod
    def name_of(depth: int, width: int = 64) -> str:
        """Name of the module of a bank of ``depth`` words of ``width`` bits."""
        return f"sram_{depth}x{width}"

    @property
    def module_name(self) -> str:
        return self.name_of(self.depth, self.width)

    def body(self, platform) -> Module:
        m = Module()
        m.submodules.storage = storage = memory.Memory(
            shape=unsigned(self.width), depth=self.depth, init=[])
        read = storage.read_port()
        write = storage.write_port(granularity=8)
        m.d.comb += [
            read.addr.eq(self.address),
            read.en.eq(self.enable & ~self.write),
            write.addr.eq(self.address),
            write.data.eq(self.write_data),
            write.en.eq((self.enable & self.write).replicate(self.width // 8) & self.write_mask),
            self.read_data.eq(read.data),
        ]
        return m
