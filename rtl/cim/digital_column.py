# SPDX-License-Identifier: Apache-2.0
"""Columns of a digital compute-in-memory array that share an adder tree."""

from amaranth import Array, Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for, ceil_log2, exact_log2

from ..arith.popcount import Popcount, popcount
from ..cell import Cell
from .contract import OPERAND_BITS
from .weight_cells import WeightCells, cell_memory

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

    With a ``fragment`` cells hold magnitudes, and every so many rows of a column a sign (FORMS,
    section 3): a negative fragment's ones are subtracted, as ``fragment`` less the ones of its
    inverse. Its sign is that of the weight other than zero that was written last; ``fault`` says
    that there was another since its first row was written.

    *Timing*: a plane that is chosen with ``load`` meets ``operands`` from the next cycle on;
    ``step``, which belongs to ``operands``, is looked at in the same cycle and acts until the
    second next. ``latch`` is high two cycles behind the last step's operands; ``code`` shows the
    result from the next cycle on. Without ``enable`` at every ``load`` that is zero, and the adder
    tree rests. A weight is there one cycle after its ``write``.

    *Parameters*: ``rows``, ``mux``, ``code_bits``; ``together``: neighbouring columns, a divisor of
    ``mux``, whose weights are written at once; ``fragment``, a divisor of ``rows``, or 0.

    *Members*: ``write``, ``write_rows`` (those whose weights are written), ``weights`` (of
    ``together`` columns from ``column`` on, int8, or 7 bits of magnitude and a sign), ``fault``;
    ``load``, ``column``, ``plane``; ``operands`` (a plane of them, zero where the row is not
    enabled), ``step``; ``latch``, ``enable``, ``code``.
    """

    def __init__(self, *, rows: int, mux: int, code_bits: int, together: int = 1,
                 fragment: int = 0):
        self.rows = rows
        self.mux = mux
        self.code_bits = code_bits
        self.together = together
        self.fragment = fragment
        super().__init__({
            "write": In(1),
            "write_rows": In(rows),
            "weights": In(data.ArrayLayout(OPERAND_BITS, together)),
            "fault": Out(1),
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
        together = f"_by{self.together}" if self.together > 1 else ""
        fragment = f"_fragment{self.fragment}" if self.fragment else ""
        return f"digital_column_{self.rows}x{self.mux}_code{self.code_bits}{together}{fragment}"

    def body(self, platform) -> Module:
        m = Module()
        place = self.column[:exact_log2(self.together)]
        m.submodules.cells = cells = WeightCells(rows=self.rows, mux=self.mux,
                                                 together=self.together, planes=self._planes)
        for name in ("write", "write_rows", "weights", "load", "enable", "column", "plane"):
            m.d.comb += getattr(cells, name).eq(getattr(self, name))

        m.submodules.counter = counter = Popcount(self.rows)
        ones = Signal(signed(bits_for(self.rows) + 1))
        step = Signal(PlaneStep)
        if self.fragment:
            negative = self._signs(m, place)
            m.d.comb += counter.i.eq(cells.o & self.operands ^ Cat(
                bit.replicate(self.fragment) for bit in negative))
            m.d.sync += ones.eq(counter.o - popcount(m, "signs", negative) * self.fragment)
        else:
            m.d.comb += counter.i.eq(cells.o & self.operands)
            m.d.sync += ones.eq(counter.o)
        m.d.sync += step.eq(self.step)

        inner = Signal(signed(len(ones) + OPERAND_BITS - 1))
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
            m.d.sync += self.code.eq(outer_sum)
        return m

    @property
    def _planes(self) -> int:
        return OPERAND_BITS - bool(self.fragment)

    def _signs(self, m: Module, place: Value) -> Value:
        """Signs of the chosen column's fragments, held from ``load`` on."""
        count = self.rows // self.fragment
        groups = [self.write_rows[first:first + self.fragment]
                  for first in range(0, self.rows, self.fragment)]
        written, first = Signal(count), Signal(count)  # fragments; by their first row
        m.d.comb += [written.eq(Cat(group.any() for group in groups)),
                     first.eq(Cat(group[0] for group in groups))]
        signs, faults = [], []
        for index, weight in enumerate(self.weights):
            layout = data.StructLayout({"negative": count, "known": count})
            read, write = cell_memory(m, f"signs_{index}", layout.size, self)
            word = data.View(layout, read)
            counts = weight[:-1].any()
            other = word.known & written & ~first & (word.negative ^ weight[-1].replicate(count))
            faults.append(counts & other.any())
            m.d.comb += write.eq(Cat(
                Mux(counts, Mux(weight[-1], word.negative | written, word.negative & ~written),
                    word.negative & ~first),
                word.known & ~first | Mux(counts, written, 0)))
            signs.append(word.negative)
        m.d.comb += self.fault.eq(self.write & Cat(faults).any())
        held = Signal(count)
        with m.If(self.load):
            m.d.sync += held.eq(Mux(self.enable, Array(signs)[place], 0))
        return held
