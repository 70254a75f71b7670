# SPDX-License-Identifier: Apache-2.0
"""The cells of a digital compute-in-memory array that share an adder tree."""

from typing import Any

from amaranth import Array, Module, Mux, Signal, unsigned
from amaranth.lib import data, memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2, exact_log2

from ..cell import Cell
from .contract import OPERAND_BITS

__all__ = ["WeightCells", "cell_memory"]


class WeightCells(Cell):
    """Weights of ``mux`` columns: written row by row, read plane by plane.

    A word of the memory that it is has a bit of every row, and there is one for each plane of each
    column; a row's weight is put into as many words as it has planes.

    *Timing*: ``o`` shows the plane that is chosen with ``load`` from the next cycle on, and holds
    it; zero, without a read, unless ``enable`` was high. A weight is there one cycle after its
    ``write``.

    *Parameters*: ``rows``, ``mux``; ``together``: neighbouring columns, a divisor of ``mux``, whose
    weights are written at once; ``planes`` of a weight.

    *Members*: ``write``, ``write_rows`` (those whose weights are written), ``weights`` (of
    ``together`` columns from ``column`` on, 8 bits); ``load``, ``enable``, ``column``, ``plane``;
    ``o``.
    """

    def __init__(self, *, rows: int, mux: int, together: int = 1, planes: int = OPERAND_BITS):
        self.rows = rows
        self.mux = mux
        self.together = together
        self.planes = planes
        super().__init__({
            "write": In(1),
            "write_rows": In(rows),
            "weights": In(data.ArrayLayout(OPERAND_BITS, together)),
            "load": In(1),
            "enable": In(1),
            "column": In(ceil_log2(max(mux, 2))),
            "plane": In(3),
            "o": Out(rows),
        })

    @property
    def module_name(self) -> str:
        together = f"_by{self.together}" if self.together > 1 else ""
        return f"weight_cells_{self.rows}x{self.mux}_planes{self.planes}{together}"

    @property
    def words(self) -> int:
        """Of the memory, ``rows`` bits each."""
        return self.mux * self.planes

    def body(self, platform) -> Module:
        m = Module()
        words = []
        for place in range(self.together):
            for bit in range(self.planes):
                # Read at once, so that a row's bit can be put in.
                word, write_data = cell_memory(m, f"cells_{place}_{bit}", self.rows, self)
                m.d.comb += write_data.eq(Mux(self.weights[place][bit], word | self.write_rows,
                                              word & ~self.write_rows))
                words.append(word)
        place = self.column[:exact_log2(self.together)]
        chosen = Array(words)[self.plane + place * self.planes]
        with m.If(self.load):
            m.d.sync += self.o.eq(Mux(self.enable, chosen, 0))
        return m


def cell_memory(m: Module, name: str, width: int, cells: Any) -> tuple[Signal, Signal]:
    """A memory of a word of ``width`` bits for the columns of ``cells`` that are written at once:
    the word of the chosen ones, and what is written to it. ``cells`` has ``mux``, ``together``,
    ``column`` and ``write``."""
    depth = cells.mux // cells.together
    if depth == 1:
        word, write_data = Signal(width, name=name, reset_less=True), Signal(width)
        with m.If(cells.write):
            m.d.sync += word.eq(write_data)
        return word, write_data
    m.submodules[name] = made = memory.Memory(shape=unsigned(width), depth=depth, init=[])
    read, write = made.read_port(domain="comb"), made.write_port()
    m.d.comb += [read.addr.eq(cells.column >> exact_log2(cells.together)),
                 write.addr.eq(read.addr), write.en.eq(cells.write)]
    return read.data, write.data
