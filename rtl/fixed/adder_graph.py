# SPDX-License-Identifier: Apache-2.0
"""Constant matrix times vector: an adder graph as hardware."""

from collections import defaultdict
from collections.abc import Sequence

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..arith.arithmetic import Arithmetic
from .bit_heap import Bit, Row
from .carry_save import carry_save_sums
from .graph import AdderGraph
from .plan import plan
from .shape import shape_of

__all__ = ["FixedProducts"]


class FixedProducts(wiring.Component):
    """``o = matrix * i``: the sums of ``graph``, as rows of carry chains behind look-up tables, or
    where the platform has an ``Arithmetic`` as carry-save trees of its adders.

    *Timing*: combinational with ``levels_per_stage`` None; else registers behind every
    ``levels_per_stage`` rows, all paths balanced, so that ``o`` belongs to the ``i`` of ``latency``
    cycles before. Registers advance in cycles of ``enable``, which alone count.

    *Parameters*: ``graph``; ``levels_per_stage`` (at least 1, or None). Values out of the range of
    their input give wrong sums.

    *Members*: ``enable``, ``i`` (all inputs in the shape of the widest), ``o`` (all outputs in the
    shape of the widest).
    """

    def __init__(self, graph: AdderGraph, levels_per_stage: int | None = None):
        if not graph.inputs or not graph.outputs:
            raise ValueError("Adder graph must have at least one input and one output")
        if levels_per_stage is not None and levels_per_stage < 1:
            raise ValueError(f"Levels per stage must be at least 1, not {levels_per_stage!r}")
        self.graph = graph
        self.levels_per_stage = levels_per_stage
        self.plan = plan(graph)
        super().__init__({
            "enable": In(1),
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
        arithmetic = getattr(platform, "arithmetic", None)
        if isinstance(arithmetic, Arithmetic):
            self._delay(m, carry_save_sums(m, self.graph, list(self.i), arithmetic))
            return m
        held = _Held(m, self.enable, self._last_uses())
        inputs = len(self.graph.inputs)
        for source, value_range in enumerate(self.graph.inputs):
            shape = shape_of([value_range])
            value = Signal(shape.width, name=f"value_{source}")
            m.d.comb += value.eq(self.i[source] ^ (1 << shape.width - 1 if shape.signed else 0))
            held.add(source, 0, value)
        for source, row in enumerate(self.plan.rows, start=inputs):
            stage = self._stage(source)
            total = Signal(row.width + 1, name=f"row_{source}")
            m.d.comb += total.eq(_sum(row, lambda bit, stage=stage: held.at(bit, stage)))
            held.add(source, stage, total[1:])
        for index, output in enumerate(self.plan.outputs):
            value = Cat(held.at(bit, self.latency) if isinstance(bit, Bit) else Const(bit, 1)
                        for bit in output)
            if shape_of([self.graph.output_ranges[index]]).signed:
                value = value.as_signed()
            m.d.comb += self.o[index].eq(value)
        return m

    def _delay(self, m: Module, sums: Sequence[Value]) -> None:
        """All registers behind the trees, which are quicker than as many rows."""
        for output, total in zip(self.o, sums, strict=True):
            for stage in range(self.latency):
                register = Signal.like(total, name=f"total_{stage}", reset_less=True)
                m.d.sync += register.eq(Mux(self.enable, total, register))
                total = register
            m.d.comb += output.eq(total)

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

    def __init__(self, m: Module, enable: Value, last: dict[Bit, int]):
        self.m = m
        self.enable = enable
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
                self.m.d.sync += register.eq(Mux(self.enable, Cat(bits[bit] for bit in late),
                                                 register))
            bits = {bit: register[place] for place, bit in enumerate(late)}

    def at(self, bit: Bit, stage: int) -> Value:
        """The bit as ``stage`` sees it."""
        value = self.bits[bit.true, stage]
        return ~value if bit.inverted else value


def _sum(row: Row, at) -> Value:
    """Twice the sum of ``row``, whose bits ``at`` gives.

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
    return direct - ~Cat(carry, *counted)


def _select(function: Sequence[bool], variables: Sequence[Value]) -> Value:
    """``function`` of ``variables``, by the number that they make, the first lowest."""
    parity = [bool(number.bit_count() & 1) for number in range(len(function))]
    if list(function) in (parity, [not each for each in parity]):  # so of a single variable
        value = Cat(variables).xor()
        return ~value if function[0] else value
    truth = sum(1 << place for place, each in enumerate(function) if each)
    return Const(truth, len(function)).bit_select(Cat(variables), 1)
