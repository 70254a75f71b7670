# SPDX-License-Identifier: Apache-2.0
"""Constant matrix times vector: an adder graph as hardware."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .bit_heap import Bit, Row
from .graph import AdderGraph
from .plan import Form, plan
from .shape import shape_of
from .tree import tree_sum

__all__ = ["FixedProducts"]


class FixedProducts(wiring.Component):
    """``o = matrix * i + constants``: the sums of ``graph``, in a ``form``.

    Rows of carry chains are behind tables for look-up tables of six inputs, as ``bit_heap`` says;
    trees are of the adders of the platform's arithmetic.

    *Timing*: combinational with ``levels_per_stage`` None; else registers behind every
    ``levels_per_stage`` rows or trees, all paths balanced, so that ``o`` belongs to the ``i`` of
    ``latency`` cycles before. Registers advance in cycles of ``enable``, which alone count; where
    it is ``gated``, those at the end of each stage in cycles of its own bit.

    *Parameters*: ``graph``; ``levels_per_stage`` (at least 1, or None); ``form``; ``gated``. Values
    out of the range of their input give wrong sums.

    *Members*: ``enable``, ``i`` (all inputs in the shape of the widest), ``o`` (all outputs in the
    shape of the widest).
    """

    def __init__(self, graph: AdderGraph, levels_per_stage: int | None = None, *,
                 form: Form = Form.ROWS, gated: bool = False):
        if not graph.inputs or not graph.outputs:
            raise ValueError("Adder graph must have at least one input and one output")
        if levels_per_stage is not None and levels_per_stage < 1:
            raise ValueError(f"Levels per stage must be at least 1, not {levels_per_stage!r}")
        self.graph = graph
        self.levels_per_stage = levels_per_stage
        self.gated = gated
        self.plan = plan(graph, form)
        super().__init__({
            "enable": In(max(1, self.latency) if gated else 1),
            "i": In(data.ArrayLayout(shape_of(graph.inputs), len(graph.inputs))),
            "o": Out(data.ArrayLayout(shape_of(graph.output_ranges), len(graph.outputs))),
        })

    @property
    def latency(self) -> int:
        """Cycles of ``enable`` from ``i`` to ``o``."""
        return self._registers(self.plan.depth)

    def _registers(self, level: int) -> int:
        """How many are behind rows of ``level``."""
        return 0 if self.levels_per_stage is None else -(-level // self.levels_per_stage)

    def _stage(self, source: int) -> int:
        """In which stage ``source`` is computed."""
        level = self.plan.level(source)
        return (level - 1) // self.levels_per_stage if level and self.levels_per_stage else 0

    def elaborate(self, platform) -> Module:
        m = Module()
        enables = self.enable if self.gated else self.enable.replicate(max(1, self.latency))
        held = _Held(m, enables, self._last_uses())
        inputs = len(self.graph.inputs)
        for source, value_range in enumerate(self.graph.inputs):
            shape = shape_of([value_range])
            value = Signal(shape.width, name=f"value_{source}")
            m.d.comb += value.eq(self.i[source] ^ (1 << shape.width - 1 if shape.signed else 0))
            held.add(source, 0, value)
        for source, row in enumerate(self.plan.rows, start=inputs):
            stage = self._stage(source)
            at = partial(held.at, stage=stage)
            total = Signal(row.width, name=f"sum_{source}")
            m.d.comb += total.eq(_row_sum(row, at) if isinstance(row, Row) else
                                 tree_sum(m, f"tree_{source}", row, at, platform))
            held.add(source, stage, total)
        for index, output in enumerate(self.plan.outputs):
            value = Cat(held.at(bit, self.latency) if isinstance(bit, Bit) else Const(bit, 1)
                        for bit in output)
            if shape_of([self.graph.output_ranges[index]]).signed:
                value = value.as_signed()
            m.d.comb += self.o[index].eq(value)
        return m

    def _last_uses(self) -> dict[Bit, int]:
        """Of every bit that is used, the last stage that uses it."""
        last: dict[Bit, int] = defaultdict(int)
        uses = [(self._stage(source), row.bits) for source, row
                in enumerate(self.plan.rows, start=len(self.graph.inputs))]
        uses += [(self.latency, [bit for bit in output if isinstance(bit, Bit)])
                 for output in self.plan.outputs]
        for stage, bits in uses:
            for bit in bits:
                last[bit.true] = max(last[bit.true], stage)
        return last


class _Held:
    """Sources' bits, registered as often as they are used late."""

    def __init__(self, m: Module, enables: Value, last: dict[Bit, int]):
        self.m = m
        self.enables = enables  # by stage
        self.last = last
        self.bits: dict[tuple[Bit, int], Value] = {}

    def add(self, source: int, stage: int, value: Value) -> None:
        """``source`` is ``value`` as of ``stage``."""
        bits = {Bit(source, index): value[index] for index in range(len(value))}
        while bits:
            self.bits.update({(bit, stage): each for bit, each in bits.items()})
            stage += 1
            late = [bit for bit in bits if self.last.get(bit, 0) >= stage]
            if late:
                register = Signal(len(late), name=f"held_{source}_{stage}", reset_less=True)
                self.m.d.sync += register.eq(Mux(
                    self.enables[stage - 1], Cat(bits[bit] for bit in late), register))
            bits = {bit: register[place] for place, bit in enumerate(late)}

    def at(self, bit: Bit, stage: int) -> Value:
        """The bit as ``stage`` sees it."""
        value = self.bits[bit.true, stage]
        return ~value if bit.inverted else value


def _row_sum(row: Row, at: Callable[[Bit], Value]) -> Value:
    """The sum of ``row``, whose bits ``at`` gives.

    The carry comes in by a position that adds it to itself. Written as a difference, since yosys
    lets the minuend, here the bits added as they are, bypass the tables.
    """
    carry = at(row.carry) if isinstance(row.carry, Bit) else Const(row.carry, 1)
    counted: list[Value] = [Const(0, 1)] * row.width
    for table in row.tables:
        variables = [at(bit) for bit in table.variables]
        for offset in range(min(table.size, row.width - table.position)):
            function = [bool(total >> offset & 1) for total in table.totals]
            counted[table.position + offset] = _select(function, variables)
    direct = Cat(carry, *(Const(0, 1) if bit is None else at(bit) for bit in row.direct))
    return (direct - ~Cat(carry, *counted))[1:row.width + 1]


def _select(function: Sequence[bool], variables: Sequence[Value]) -> Value:
    """``function`` of ``variables``, by the number that they make, the first lowest."""
    parity = [bool(number.bit_count() & 1) for number in range(len(function))]
    if list(function) in (parity, [not each for each in parity]):  # so of a single variable
        value = Cat(variables).xor()
        return ~value if function[0] else value
    truth = sum(1 << place for place, each in enumerate(function) if each)
    return Const(truth, len(function)).bit_select(Cat(variables), 1)
