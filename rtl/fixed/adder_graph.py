# SPDX-License-Identifier: Apache-2.0
"""Constant matrix times vector: an adder graph as hardware."""

from collections.abc import Iterable

from amaranth import Module, Shape, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .graph import AdderGraph, Operand, Range

__all__ = ["FixedProducts", "shape_of"]


def shape_of(ranges: Iterable[Range]) -> Shape:
    """The narrowest shape that holds all values of all ``ranges``, signed if any is negative; at
    least one bit."""
    ranges = list(ranges)
    lowest = min((low for low, _ in ranges), default=0)
    highest = max((high for _, high in ranges), default=0)
    if lowest < 0:
        return Shape(max((-lowest - 1).bit_length(), max(highest, 0).bit_length()) + 1, True)
    return Shape(max(1, highest.bit_length()), False)


class FixedProducts(wiring.Component):
    """``o = matrix * i``: the sums of ``graph``, each of just the bits that its range needs.

    *Timing*: combinational with ``levels_per_stage`` None; else registers behind every
    ``levels_per_stage`` additions, all paths balanced, so that ``o`` belongs to the ``i`` of
    ``latency`` cycles before. Registers advance in cycles of ``enable``, which alone count.

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
        super().__init__({
            "enable": In(1),
            "i": In(data.ArrayLayout(shape_of(graph.inputs), len(graph.inputs))),
            "o": Out(data.ArrayLayout(shape_of(graph.output_ranges), len(graph.outputs))),
        })

    @property
    def latency(self) -> int:
        """Cycles of ``enable`` from ``i`` to ``o``."""
        return self._stage(self.graph.depth)

    def _stage(self, level: int) -> int:
        """How many registers are behind additions of ``level``."""
        return 0 if self.levels_per_stage is None else -(-level // self.levels_per_stage)

    def elaborate(self, platform) -> Module:
        m = Module()
        graph = self.graph
        held: list[list[Value]] = []  # of every source, its value by how often it is registered
        made: list[int] = []          # ... and in which stage it is computed
        count = len(graph.inputs)

        def at(source: int, stage: int) -> Value:
            """The value of ``source`` as ``stage`` sees it."""
            line = held[source]
            while len(line) <= stage - made[source]:
                register = Signal.like(line[-1], reset_less=True,
                                       name=f"value_{source}_{made[source] + len(line)}")
                with m.If(self.enable):
                    m.d.sync += register.eq(line[-1])
                line.append(register)
            return line[stage - made[source]]

        def term(operand: Operand, stage: int) -> Value:
            """The operand but for its sign."""
            value = at(operand.source, stage)
            return value << operand.shift if operand.shift else value

        for index, value_range in enumerate(graph.inputs):
            value = Signal(shape_of([value_range]), name=f"value_{index}")
            m.d.comb += value.eq(self.i[index])
            held.append([value])
            made.append(0)
        for index, operands in enumerate(graph.nodes, start=count):
            level = graph.levels[index]
            stage = 0 if self.levels_per_stage is None else (level - 1) // self.levels_per_stage
            value = Signal(shape_of([graph.ranges[index]]), name=f"value_{index}")
            # No subtraction comes first, so that none needs a negation.
            operands = sorted(operands, key=lambda operand: operand.negative)
            total = term(operands[0], stage)
            for operand in operands[1:]:
                other = term(operand, stage)
                total = total - other if operand.negative else total + other
            m.d.comb += value.eq(total)
            held.append([value])
            made.append(stage)
        for index, output in enumerate(graph.outputs):
            if output is not None:
                value = term(output, self.latency)
                m.d.comb += self.o[index].eq(-value if output.negative else value)
        return m
