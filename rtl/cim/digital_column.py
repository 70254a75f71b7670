# SPDX-License-Identifier: Apache-2.0
"""Columns of a digital compute-in-memory array that share an adder tree."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..arith.popcount import Popcount
from ..cell import Cell
from .contract import OPERAND_BITS
from .weight_cells import WeightCells

__all__ = ["DigitalColumn", "PlaneStep"]

PlaneStep = data.StructLayout({
    "active": 1,
    "negative": 1,            # top plane of signed operands
    "first": 1, "last": 1,    # plane of operands
    "negative_weight": 1,     # top plane of weights
    "first_weight": 1,
})
"""What a cycle's planes of operands and weights are; both go from the top down."""


class DigitalColumn(Cell):
    """``mux`` columns of ``WeightCells`` and what stands for their ADC: an adder tree and two
    accumulators.

    In every cycle one plane of operands meets one plane of a column's weights:
    ``ones = popcount(operands & plane)``. Planes of operands run through for each of weights, each
    from the top down: ``inner = 2 * inner + ones`` over the first, ``outer = 2 * outer + inner``
    over the second, where top planes of two's complement are subtracted (bit-serial inputs and
    weights: CAP-RAM, section II). A plane of weights is read once and held.

    *Timing*: a plane that is chosen with ``load`` meets ``operands`` from the next cycle on;
    ``step``, which belongs to ``operands``, is looked at in the same cycle and acts until the
    second next. ``latch`` is high two cycles behind the last step's operands; ``code`` shows the
    result from the next cycle on, zero unless ``enable`` was high then, and the adder tree rests
    unless it was high with ``load``. A weight is there one cycle after its ``write``.

    *Parameters*: ``rows``, ``mux``, ``code_bits``.

    *Members*: ``write`` (a bit for each column), ``write_rows`` (those whose weights are written),
    ``weights`` (int8, one for each column); ``load``, ``column``, ``plane``; ``operands`` (a plane
    of them, zero where the row is not enabled), ``step``; ``latch``, ``enable``, ``code``.
    """

    def __init__(self, *, rows: int, mux: int, code_bits: int):
        self.rows = rows
        self.mux = mux
        self.code_bits = code_bits
        super().__init__({
            "write": In(mux),
            "write_rows": In(rows),
            "weights": In(data.ArrayLayout(OPERAND_BITS, mux)),
            "load": In(1),
            "column": In(ceil_log2(max(mux, 2))),
            "plane": In(3),
            "operands": In(rows),
            "step": In(PlaneStep),
            "latch": In(1),
            "enable": In(1),
            "code": Out(signed(code_bits)),
        })

    @property
    def module_name(self) -> str:
        return f"digital_column_{self.rows}x{self.mux}_code{self.code_bits}"

    def body(self, platform) -> Module:
        m = Module()
        m.submodules.cells = cells = WeightCells(rows=self.rows, mux=self.mux)
        m.submodules.counter = counter = Popcount(self.rows)
        for name in ("write", "write_rows", "weights", "load", "enable", "column", "plane"):
            m.d.comb += getattr(cells, name).eq(getattr(self, name))
        ones = Signal(range(self.rows + 1))
        step = Signal(PlaneStep)
        m.d.comb += counter.i.eq(cells.o & self.operands)
        m.d.sync += [ones.eq(counter.o), step.eq(self.step)]

        inner = Signal(signed(len(ones) + OPERAND_BITS))
        inner_sum = Signal.like(inner)
        outer, outer_sum = Signal(signed(self.code_bits)), Signal(signed(self.code_bits))
        inner_before = Mux(step.first, 0, inner << 1)
        outer_before = Mux(step.first_weight, 0, outer << 1)
        m.d.comb += [
            inner_sum.eq(Mux(step.negative, inner_before - ones, inner_before + ones)),
            outer_sum.eq(Mux(step.negative_weight, outer_before - inner_sum,
                             outer_before + inner_sum)),
        ]
        with m.If(step.active):
            m.d.sync += inner.eq(inner_sum)
            with m.If(step.last):
                m.d.sync += outer.eq(outer_sum)
        with m.If(self.latch):
            m.d.sync += self.code.eq(Mux(self.enable, outer_sum, 0))
        return m
