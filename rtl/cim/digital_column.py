# SPDX-License-Identifier: Apache-2.0
"""Columns of a digital compute-in-memory array that share an adder tree."""

from amaranth import Array, Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2, exact_log2

from ..arith.popcount import popcount
from ..cell import Cell
from .contract import OPERAND_BITS

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
    """``mux`` columns of cells and what stands for their ADC: an adder tree and two accumulators.

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

    *Parameters*: ``rows``, ``mux``, ``code_bits``; ``together``: neighbouring columns, a divisor of
    ``mux``, whose weights are written at once.

    *Members*: ``write``, ``write_rows`` (those whose weights are written), ``weights`` (int8, of
    ``together`` columns from ``column`` on); ``load``, ``column``, ``plane``; ``operands`` (a plane
    of them, zero where the row is not enabled), ``step``; ``latch``, ``enable``, ``code``.
    """

    def __init__(self, *, rows: int, mux: int, code_bits: int, together: int = 1):
        self.rows = rows
        self.mux = mux
        self.code_bits = code_bits
        self.together = together
        super().__init__({
            "write": In(1),
            "write_rows": In(rows),
            "weights": In(data.ArrayLayout(OPERAND_BITS, together)),
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
        return f"digital_column_{self.rows}x{self.mux}_code{self.code_bits}{together}"

    def body(self, platform) -> Module:
        m = Module()
        planes = self._cells(m)
        plane = Signal(self.rows)
        with m.If(self.load):
            chosen = Array(planes)[Cat(self.plane, self.column[:exact_log2(self.together)])]
            m.d.sync += plane.eq(Mux(self.enable, chosen, 0))

        products = Signal(self.rows)
        ones = Signal(range(self.rows + 1))
        step = Signal(PlaneStep)
        m.d.comb += products.eq(plane & self.operands)
        m.d.sync += [ones.eq(popcount(m, "ones", products)), step.eq(self.step)]

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

    def _cells(self, m: Module) -> list[Value]:
        """Planes of weights, lowest first, of those ``together`` columns that are chosen.

        A memory for each plane, whose words are columns that are not written at once. It is read
        at once, so that a row's bit can be put into the word.
        """
        planes = []
        for place in range(self.together):
            for bit in range(OPERAND_BITS):
                m.submodules[f"cells_{place}_{bit}"] = cells = memory.Memory(
                    shape=unsigned(self.rows), depth=self.mux // self.together, init=[])
                read, write = cells.read_port(domain="comb"), cells.write_port()
                m.d.comb += [
                    read.addr.eq(self.column >> exact_log2(self.together)),
                    write.addr.eq(read.addr), write.en.eq(self.write),
                    write.data.eq(Mux(self.weights[place][bit], read.data | self.write_rows,
                                      read.data & ~self.write_rows))]
                planes.append(read.data)
        return planes
