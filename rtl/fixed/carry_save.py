# SPDX-License-Identifier: Apache-2.0
"""Constant matrix times vector in carry-save trees, for technologies with full adders."""

from collections import Counter
from collections.abc import Sequence

from amaranth import Const, Module, Signal, Value

from ..arith.arithmetic import Arithmetic
from ..arith.carry_save import CarrySaveAdder
from ..arith.dots import Dots
from .graph import AdderGraph, Operand, Range
from .shape import shape_of

__all__ = ["carry_save_sums"]


def carry_save_sums(m: Module, graph: AdderGraph, inputs: Sequence[Value],
                    arithmetic: Arithmetic) -> list[Value]:
    """The outputs of ``graph`` as logic in ``m``, each in the shape that its range needs.

    Every output is one tree of adders, which ends in one carry-propagate adder; so is every node
    that is used more than once. Nodes that are used once are part of the tree that uses them.
    """
    return _Sums(m, graph, inputs, arithmetic).outputs()


class _Sums:
    def __init__(self, m: Module, graph: AdderGraph, inputs: Sequence[Value],
                 arithmetic: Arithmetic):
        self.m = m
        self.graph = graph
        self.arithmetic = arithmetic
        self.uses = Counter(output.source for output in set(filter(None, graph.outputs)))
        for operands in graph.nodes:
            self.uses.update(operand.source for operand in operands)
        self.numbers: dict[int, Value] = {}
        for source, (value, value_range) in enumerate(zip(inputs, graph.inputs, strict=True)):
            self.numbers[source] = self._named(f"value_{source}", value, value_range)
        for source, operands in enumerate(graph.nodes, start=len(inputs)):
            if self.uses[source] > 1:
                self.numbers[source] = self._sum(f"value_{source}", operands,
                                                 graph.ranges[source])

    def outputs(self) -> list[Value]:
        """The sums; equal outputs are one."""
        made: dict[Operand | None, Value] = {None: Const(0, 1)}
        for index, (output, value_range) in enumerate(zip(
                self.graph.outputs, self.graph.output_ranges, strict=True)):
            if output not in made:
                made[output] = self._sum(f"output_{index}", [output], value_range)
        return [made[output] for output in self.graph.outputs]

    def _named(self, name: str, value: Value, value_range: Range) -> Signal:
        named = Signal(shape_of([value_range]), name=name)
        self.m.d.comb += named.eq(value)
        return named

    def _terms(self, operand: Operand) -> list[Operand]:
        """Operands whose numbers are there, and whose sum is ``operand``."""
        if operand.source in self.numbers:
            return [operand]
        inside = self.graph.nodes[operand.source - len(self.graph.inputs)]
        return [term for each in inside for term in self._terms(
            Operand(each.source, each.shift + operand.shift, each.negative != operand.negative))]

    def _sum(self, name: str, operands: Sequence[Operand], value_range: Range) -> Value:
        shape = shape_of([value_range])
        terms = [term for operand in operands for term in self._terms(operand)]
        if len(terms) == 1 and not terms[0].negative:
            term, = terms
            return self._named(name, self.numbers[term.source] << term.shift, value_range)
        dots = Dots(shape.width)
        for term in terms:
            lowest, highest = self.graph.ranges[term.source]
            if lowest == highest:
                dots.constant += term.factor * lowest
                continue
            value = self.numbers[term.source]
            sign = len(value) - 1 if value.shape().signed else len(value)
            for index in range(len(value)):
                add = dots.subtract if term.negative != (index == sign) else dots.add
                if index + term.shift < dots.width:
                    add(index + term.shift, value[index])
        dots.constant %= 1 << dots.width
        for column, bits in enumerate(dots.columns):
            if not bits and dots.constant >> column & 1:
                dots.add(column, Const(1, 1))
                dots.constant -= 1 << column
        part = Module()
        self.m.submodules[name] = part
        adder = CarrySaveAdder(part, inverting=self.arithmetic.inverting,
                               final=self.arithmetic.final)
        total = Signal(shape.width, name=name)
        part.d.comb += total.eq(adder.total(dots))
        return total.as_signed() if shape.signed else total
