# SPDX-License-Identifier: Apache-2.0
"""Adder graphs: constant matrix times vector as plain data."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

__all__ = ["AdderGraph", "Operand", "Range"]

Range = tuple[int, int]
"""Lowest and highest value."""


@dataclass(frozen=True)
class Operand:
    """``value of source << shift``, with ``negative`` the negative of that. Sources are the inputs,
    then the nodes, in order."""

    source: int
    shift: int = 0
    negative: bool = False

    @property
    def factor(self) -> int:
        """What the value of the source is multiplied by."""
        return -(1 << self.shift) if self.negative else 1 << self.shift


@dataclass(frozen=True)
class AdderGraph:
    """``outputs = matrix * inputs + constants`` as sums of shifted values, which outputs share.

    ``inputs``: the range of each input. ``nodes``: each the sum of its operands, of which at least
    one is positive, all from sources ahead of it. ``outputs``: each a source, shifted and with a
    sign, or None for 0. ``constants``: one for each output, or none. Raises ValueError.
    """

    inputs: tuple[Range, ...]
    nodes: tuple[tuple[Operand, ...], ...]
    outputs: tuple[Operand | None, ...]
    constants: tuple[int, ...] = ()

    def __post_init__(self):
        for lowest, highest in self.inputs:
            if lowest > highest:
                raise ValueError(f"Range must be lowest, highest, not {(lowest, highest)!r}")
        for index, operands in enumerate(self.nodes, start=len(self.inputs)):
            if len(operands) < 2 or all(operand.negative for operand in operands):
                raise ValueError("Node must be of at least two operands, one of them positive, "
                                 f"not {operands!r}")
            self._check(operands, index)
        self._check([output for output in self.outputs if output is not None],
                    len(self.inputs) + len(self.nodes))
        if self.constants and len(self.constants) != len(self.outputs):
            raise ValueError(f"Constants must be {len(self.outputs)}, as outputs are, or none, "
                             f"not {len(self.constants)}")

    @staticmethod
    def _check(operands: Sequence[Operand], sources: int) -> None:
        for operand in operands:
            if not 0 <= operand.source < sources or operand.shift < 0:
                raise ValueError(f"Operand must be of one of {sources} sources ahead of it and "
                                 f"shifted by at least 0, not {operand!r}")

    @cached_property
    def coefficients(self) -> tuple[tuple[int, ...], ...]:
        """Of every source, what it has of each input."""
        count = len(self.inputs)
        found = [tuple(int(here == there) for there in range(count)) for here in range(count)]
        for operands in self.nodes:
            terms = [[operand.factor * each for each in found[operand.source]]
                     for operand in operands]
            found.append(tuple(map(sum, zip(*terms, strict=True))))
        return tuple(found)

    @cached_property
    def matrix(self) -> tuple[tuple[int, ...], ...]:
        """What each output has of each input."""
        return tuple((0,) * len(self.inputs) if output is None else
                     tuple(output.factor * each for each in self.coefficients[output.source])
                     for output in self.outputs)

    @property
    def added(self) -> tuple[int, ...]:
        """The constant of every output."""
        return self.constants or (0,) * len(self.outputs)

    def _range(self, coefficients: Sequence[int]) -> Range:
        ends = [sorted((each * lowest, each * highest))
                for each, (lowest, highest) in zip(coefficients, self.inputs, strict=True)]
        return sum(low for low, _ in ends), sum(high for _, high in ends)

    @cached_property
    def ranges(self) -> tuple[Range, ...]:
        """Of every source: the tightest, since inputs are independent."""
        return tuple(map(self._range, self.coefficients))

    @cached_property
    def output_ranges(self) -> tuple[Range, ...]:
        """Of every output: the tightest."""
        found = []
        for row, constant in zip(self.matrix, self.added, strict=True):
            lowest, highest = self._range(row)
            found.append((lowest + constant, highest + constant))
        return tuple(found)

    @cached_property
    def levels(self) -> tuple[int, ...]:
        """Of every source, how many additions deep it is."""
        found = [0] * len(self.inputs)
        for operands in self.nodes:
            found.append(1 + max(found[operand.source] for operand in operands))
        return tuple(found)

    @property
    def depth(self) -> int:
        """Additions from inputs to the deepest output."""
        return max((self.levels[output.source] for output in self.outputs if output is not None),
                   default=0)

    def evaluate(self, values: Sequence[int]) -> tuple[int, ...]:
        """The outputs for the inputs' ``values``, by the graph. Raises ValueError for a value out
        of range."""
        found = list(values)
        for index, (value, (lowest, highest)) in enumerate(zip(found, self.inputs, strict=True)):
            if not lowest <= value <= highest:
                raise ValueError(f"Input {index} must be {lowest} ... {highest}, not {value!r}")
        for operands in self.nodes:
            found.append(sum(operand.factor * found[operand.source] for operand in operands))
        return tuple(constant + (output.factor * found[output.source] if output else 0)
                     for output, constant in zip(self.outputs, self.added, strict=True))
