# SPDX-License-Identifier: Apache-2.0
"""From an adder graph to rows of carry chains."""

from collections import Counter
from dataclasses import dataclass

from .bit_heap import Bit, BitHeap, Row, compress
from .graph import AdderGraph, Operand
from .shape import shape_of

__all__ = ["Plan", "plan"]


@dataclass(frozen=True)
class Plan:
    """``rows`` of a graph, of sources ahead of them, and of every output its bits, each a bit, 0 or
    1: two's complement if the output's range has negative values."""

    inputs: int
    rows: tuple[Row, ...]
    outputs: tuple[tuple[Bit | int, ...], ...]

    def level(self, source: int) -> int:
        """Of an input 0, of a row its level."""
        return 0 if source < self.inputs else self.rows[source - self.inputs].level

    @property
    def lookup_tables(self) -> int:
        """Of all rows, of six inputs each; inverters come on top."""
        return sum(row.lookup_tables for row in self.rows)

    @property
    def depth(self) -> int:
        """The highest level of all outputs."""
        return max((self.level(bit.source) for output in self.outputs for bit in output
                    if isinstance(bit, Bit)), default=0)


@dataclass(frozen=True)
class _Number:
    """``constant + sum of bits * 2 ** column``; the sum is ``lowest ... highest``."""

    bits: tuple[tuple[int, Bit], ...]
    constant: int
    lowest: int
    highest: int


class _Planner:

    def __init__(self, graph: AdderGraph):
        self.graph = graph
        self.rows: list[Row] = []
        self.numbers: dict[int, _Number] = {}
        inputs = len(graph.inputs)
        outputs = Counter(output for output in graph.outputs if output is not None)
        self.uses = Counter(output.source for output in outputs)
        for operands in graph.nodes:
            self.uses.update(operand.source for operand in operands)
        for source, (lowest, highest) in enumerate(graph.inputs):
            if lowest == highest:
                self.numbers[source] = _Number((), lowest, 0, 0)
                continue
            shape = shape_of([(lowest, highest)])
            constant = -(1 << shape.width - 1) if shape.signed else 0
            self.numbers[source] = _Number(
                tuple((index, Bit(source, index)) for index in range(shape.width)),
                constant, lowest - constant, highest - constant)
        for source, operands in enumerate(graph.nodes, start=inputs):
            if self.uses[source] > 1:
                self.numbers[source] = self._shared(operands)
        made = {output: self._output(output) for output in outputs}
        self.outputs = tuple((0,) if output is None else made[output] for output in graph.outputs)

    def _terms(self, operand: Operand) -> list[Operand]:
        """Operands whose numbers are known, and whose sum is ``operand``."""
        if operand.source in self.numbers:
            return [operand]
        inside = self.graph.nodes[operand.source - len(self.graph.inputs)]
        return [term for each in inside for term in self._terms(
            Operand(each.source, each.shift + operand.shift, each.negative != operand.negative))]

    def _compress(self, heap: BitHeap) -> list[Bit | int]:
        inputs = len(self.graph.inputs)
        levels = [0] * inputs + [row.level for row in self.rows]
        rows, bits = compress(heap, levels)
        self.rows += rows
        return bits

    def _shared(self, operands: tuple[Operand, ...]) -> _Number:
        """A node's number; its constant is left to those who use it."""
        terms = [term for operand in operands for term in self._terms(operand)]
        lowest = highest = 0
        for term in terms:
            number = self.numbers[term.source]
            mask = sum(1 << column for column, _ in number.bits) if term.negative else 0
            ends = sorted((abs(mask - number.lowest), abs(mask - number.highest)))
            lowest += ends[0] << term.shift
            highest += ends[1] << term.shift
        heap = BitHeap(highest.bit_length())
        for term in terms:
            number = self.numbers[term.source]
            heap.add(number.bits, number.constant, term.shift, term.negative)
        constant, heap.constant = heap.constant, 0
        bits = self._compress(heap)
        return _Number(tuple((column, bit) for column, bit in enumerate(bits)
                             if isinstance(bit, Bit)), constant, lowest, highest)

    def _output(self, output: Operand) -> tuple[Bit | int, ...]:
        shape = shape_of([self.graph._range([output.factor * each for each in
                                             self.graph.coefficients[output.source]])])
        heap = BitHeap(shape.width)
        for term in self._terms(output):
            number = self.numbers[term.source]
            heap.add(number.bits, number.constant, term.shift, term.negative)
        return tuple(self._compress(heap))


def plan(graph: AdderGraph) -> Plan:
    """The rows of ``graph``. Nodes that are used once are no numbers of their own: their operands
    go into the sum that they are used in."""
    planner = _Planner(graph)
    return Plan(len(graph.inputs), tuple(planner.rows), planner.outputs)
