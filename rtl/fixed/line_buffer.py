# SPDX-License-Identifier: Apache-2.0
"""Memory of the last rows of a frame."""

from amaranth import Module, Signal, unsigned
from amaranth.lib import data, memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..cell import Cell
from ..memory.sram import SramBank

__all__ = ["LineBuffer"]


class LineBuffer(Cell):
    """``rows`` rows of ``width`` words: one word is written, a column of all rows is read.

    *Timing*: ``o`` follows one cycle after ``read`` and holds until the next one. Rows of one port
    each must not be written in a cycle in which they are read; others may, at other columns.

    *Parameters*: ``rows``, ``width`` in words, ``bits`` of a word (whole bytes), ``single_port``.

    *Members*: ``write``, ``row`` and ``write_column`` (where to), ``i``; ``read`` (by row),
    ``read_column``, ``o`` (by row).
    """

    def __init__(self, *, rows: int, width: int, bits: int, single_port: bool = False):
        if min(rows, width) < 1:
            raise ValueError(f"Line buffer must have rows and words, not {rows!r} of {width!r}")
        if bits < 8 or bits % 8:
            raise ValueError(f"Line buffer's words must be whole bytes, not {bits!r} bits")
        self.rows = rows
        self.width = width
        self.bits = bits
        self.single_port = single_port
        super().__init__({
            "write": In(1),
            "row": In(ceil_log2(rows)),
            "write_column": In(ceil_log2(width)),
            "i": In(bits),
            "read": In(rows),
            "read_column": In(ceil_log2(width)),
            "o": Out(data.ArrayLayout(bits, rows)),
        })

    @property
    def module_name(self) -> str:
        return (f"line_buffer_{self.rows}x{self.width}x{self.bits}"
                + "_single" * self.single_port)

    def body(self, platform) -> Module:
        m = Module()
        for row in range(self.rows):
            write = Signal(name=f"write_{row}")
            m.d.comb += write.eq(self.write & (self.row == row))
            if self.single_port:
                m.submodules[f"row_{row}"] = bank = SramBank(depth=self.width, width=self.bits)
                m.d.comb += [
                    bank.enable.eq(self.read[row] | write),
                    bank.write.eq(write),
                    bank.address.eq(self.read_column),
                    bank.write_data.eq(self.i),
                    bank.write_mask.eq(-1),
                    self.o[row].eq(bank.read_data),
                ]
                with m.If(write):
                    m.d.comb += bank.address.eq(self.write_column)
            else:
                m.submodules[f"row_{row}"] = storage = memory.Memory(
                    shape=unsigned(self.bits), depth=self.width, init=[])
                into = storage.write_port()
                out = storage.read_port()
                m.d.comb += [
                    into.addr.eq(self.write_column), into.data.eq(self.i), into.en.eq(write),
                    out.addr.eq(self.read_column), out.en.eq(self.read[row]),
                    self.o[row].eq(out.data),
                ]
        return m
