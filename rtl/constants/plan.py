# SPDX-License-Identifier: Apache-2.0
"""From an adder graph to the sums that are built: rows of carry chains, or carry-save trees."""

import enum
from collections import Counter
from dataclasses import dataclass
from functools import cache, cached_property

from .bit_heap import Bit, BitHeap, Row, compress
from .graph import AdderGraph, Operand, Range
from .shape import shape_of
from .tree import Tree, tree_of

__all__ = ["Form", "Plan", "plan"]


class Form(enum.StrEnum):
    """How sums are built."""

    ROWS = "rows"
    """Of carry chains behind look-up tables: for FPGAs."""
    TREES = "trees"
    """Of full adders: for ASICs."""


@dataclass(frozen=True)
class Plan:
    """``rows`` (or trees) of a graph, of sources ahead of them, and of every output its bits, each
    a bit, 0 or 1: two's complement if the output's range has negative values."""

    inputs: int
    rows: tuple[Row | Tree, ...]
    outputs: tuple[tuple[Bit | int, ...], ...]

    def level(self, source: int) -> int:
        """Of an input 0, of a row its level."""
        return 0 if source < self.inputs else self.rows[source - self.inputs].level

    @property
    def size(self) -> int:
        """Look-up tables of all rows, of six inputs each, where inverters come on top; or adders of
        all trees."""
        return sum(row.size for row in self.rows)

    @cached_property
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

    def __init__(self, graph: AdderGraph, form: Form):
        self.graph = graph
        self.form = form
        self.rows: list[Row | Tree] = []
        self.numbers: dict[int, _Number] = {}
        inputs = len(graph.inputs)
        distinct = set(zip(graph.outputs, graph.added, strict=True))
        self.uses = Counter(output.source for output, _ in distinct if output)
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
        outputs = list(zip(graph.outputs, graph.added, graph.output_ranges, strict=True))
        made = {output: self._output(*output) for output in dict.fromkeys(outputs)}
        self.outputs = tuple(made[output] for output in outputs)

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
        if self.form is Form.ROWS or not heap.is_high():
            rows, bits = compress(heap, levels)
            self.rows += rows
            return bits
        self.rows.append(tree_of(heap, levels))
        return [Bit(len(levels), column) for column in range(heap.width)]

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

    def _output(self, output: Operand | None, constant: int,
                value_range: Range) -> tuple[Bit | int, ...]:
        heap = BitHeap(shape_of([value_range]).width, constant)
        for term in self._terms(output) if output else ():
            number = self.numbers[term.source]
            heap.add(number.bits, number.constant, term.shift, term.negative)
        return tuple(self._compress(heap))


@cache
def plan(graph: AdderGraph, form: Form = Form.ROWS) -> Plan:
    """The rows of ``graph``, or trees. Nodes that are used once are no numbers of their own: their
    operands go into the sum that they are used in."""
    planner = _Planner(graph, form)
    return Plan(len(graph.inputs), tuple(planner.rows), planner.outputs)
