# SPDX-License-Identifier: Apache-2.0
"""The cells of a digital compute-in-memory array that share an adder tree."""

from amaranth import Array, Cat, Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..cell import Cell
from .contract import OPERAND_BITS

__all__ = ["WeightCells"]


class WeightCells(Cell):
    """Weights of ``mux`` columns: written row by row, read plane by plane.

    A word of the memory that it is has a bit of every row, and there is one for each plane of each
    column; a weight is written into eight words.

    *Timing*: ``o`` shows the plane that is chosen with ``load`` from the next cycle on, and holds
    it; zero, without a read, unless ``enable`` was high. A weight is there one cycle after its
    ``write``.

    *Parameters*: ``rows``, ``mux``.

    *Members*: ``write`` (a bit for each column), ``write_rows`` (those whose weights are written),
    ``weights`` (int8, one for each column); ``load``, ``enable``, ``column``, ``plane``; ``o``.
    """

    def __init__(self, *, rows: int, mux: int):
        self.rows = rows
        self.mux = mux
        super().__init__({
            "write": In(mux),
            "write_rows": In(rows),
            "weights": In(data.ArrayLayout(OPERAND_BITS, mux)),
            "load": In(1),
            "enable": In(1),
            "column": In(ceil_log2(max(mux, 2))),
            "plane": In(3),
            "o": Out(rows),
        })

    @property
    def module_name(self) -> str:
        return f"weight_cells_{self.rows}x{self.mux}"

    @property
    def words(self) -> int:
        """Of the memory, ``rows`` bits each."""
        return self.mux * OPERAND_BITS

    def body(self, platform) -> Module:
        m = Module()
        planes = []  # of every column, the lowest first
        for column in range(self.mux):
            for bit in range(OPERAND_BITS):
                plane = Signal(self.rows, name=f"cells_{column}_{bit}", reset_less=True)
                kept = plane & ~self.write_rows
                with m.If(self.write[column]):
                    m.d.sync += plane.eq(
                        Mux(self.weights[column][bit], plane | self.write_rows, kept))
                planes.append(plane)
        with m.If(self.load):
            m.d.sync += self.o.eq(Mux(self.enable, Array(planes)[Cat(self.plane, self.column)], 0))
        return m
