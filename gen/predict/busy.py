# SPDX-License-Identifier: Apache-2.0
"""Which unit is busy when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...rtl.core import UNITS
from ...rtl.operand.gather import Gather

__all__ = ["Busy", "Timeline"]

Span = tuple[int, int]


class Busy:
    """Cycles in which each of ``UNITS`` is busy, as spans (first, behind the last) in order."""

    def __init__(self):
        self.spans: dict[str, list[Span]] = {unit: [] for unit in UNITS}

    def add(self, unit: str, start: int, end: int) -> None:
        """``unit`` is busy from ``start`` up to, without, ``end``; spans that meet become one."""
        if end <= start:
            return
        spans = self.spans[unit]
        if spans and start <= spans[-1][1]:
            start, end = spans[-1][0], max(end, spans.pop()[1])
        spans.append((start, end))

    def read(self, first: int, last: int, *, vector: bool = False) -> None:
        """Operands are read from cycle ``first`` to ``last``, for the vector unit or the engine."""
        self.add("operands", first, last + 1)
        if vector:
            self.add("vector", first + Gather.DELAY, last + 1 + Gather.DELAY)

    def cycles(self, unit: str) -> int:
        """Busy cycles of ``unit``."""
        return sum(end - start for start, end in self.spans[unit])

    def append(self, other: "Busy", cycle: int) -> None:
        """What ``other`` tells, its cycle 0 being ``cycle``."""
        for unit, spans in other.spans.items():
            for start, end in spans:
                self.add(unit, cycle + start, cycle + end)


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """A run: ``layers`` (name, start, end), and ``busy`` units, in cycles from its first one.

    ``source`` says where it comes from: the predictor or the simulator.
    """

    source: str
    cycles: int
    layers: list[tuple[str, str, int, int]]
    busy: Busy

    @classmethod
    def of(cls, source: str, cycles: int, first: int,
           layers: Iterable[tuple[str, int]], busy: Busy) -> "Timeline":
        """Of layers (name, cycles) back to back from cycle ``first``; those of none, which run
        with the next, are named with it."""
        spans, places, names = [], [], []
        for place, (name, length) in enumerate(layers, start=1):
            places.append(str(place))
            names.append(name)
            if length:
                spans.append(("+".join(places), " + ".join(names), first, first + length))
                first += length
                places, names = [], []
        return cls(source=source, cycles=cycles, layers=spans, busy=busy)

    def shares(self) -> Mapping[str, float]:
        """Share of the run's cycles in which each unit is busy."""
        return {unit: self.busy.cycles(unit) / self.cycles for unit in UNITS}
