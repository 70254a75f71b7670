# SPDX-License-Identifier: Apache-2.0
"""A whole accelerator on a technology: every block synthesised once, memories of macros."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ...gen.build import parameters
from ...gen.memory import MacroMap, memories_of
from ...gen.predict import memory_use
from ...gen.spec import Spec
from .blocks import Block, Job, synthesise_blocks
from .hierarchy import Hierarchy
from .library import Library
from .technology import Technology

__all__ = ["Chip", "ChipRow", "synthesise_chip"]


@dataclass(frozen=True, kw_only=True)
class ChipRow:
    """``instances`` of a block or memory; areas in um² or gate equivalents, None where no macros
    say; ``period``: critical path in ps or tau, None for memories."""

    part: str
    block: str
    instances: int
    each: float | None
    period: float | None = None
    path: str = ""

    @property
    def total(self) -> float | None:
        """Area of all instances."""
        return None if self.each is None else self.instances * self.each


@dataclass(frozen=True, kw_only=True)
class Chip:
    """``spec`` on ``library``. ``clock_ps``: the clock that blocks were sized for; None where the
    technology has no picoseconds. ``macros``: what memories are made of, if anything."""

    spec: Spec
    hierarchy: Hierarchy
    library: Library
    technology: Technology
    clock_ps: float | None
    macros: MacroMap | None
    blocks: dict[str, Block]

    @property
    def unit(self) -> str:
        """Of areas."""
        return "GE" if self.technology.gates else "um2"

    @cached_property
    def rows(self) -> list[ChipRow]:
        """Blocks by part, the largest part first, then memories."""
        found = [ChipRow(part=part, block=module.removeprefix(f"{self.hierarchy.top}_"),
                         instances=count, each=self.blocks[module].area,
                         period=self.blocks[module].period, path=self.blocks[module].path)
                 for (part, module), count in self.hierarchy.blocks.items()
                 if module in self.blocks]
        parts = self._parts(found)
        found.sort(key=lambda row: (-parts[row.part], row.part, -(row.total or 0.0), row.block))
        return found + self._memories()

    def _memories(self) -> list[ChipRow]:
        p = parameters(self.spec)
        if self.macros is None:
            return [ChipRow(part="memories", block=f"{kind.name} {kind.words}x{kind.bits}",
                            instances=kind.count, each=None) for kind in memories_of(p)]
        return [ChipRow(part="memories", block=f"{use.kind.name} {use.kind.words}x{use.kind.bits}",
                        instances=use.kind.count, each=use.bank.area_um2)
                for use in memory_use(p, self.macros)]

    @staticmethod
    def _parts(rows: list[ChipRow]) -> Counter[str]:
        areas: Counter[str] = Counter()
        for row in rows:
            areas[row.part] += row.total or 0.0
        return areas

    @property
    def parts(self) -> Counter[str]:
        """Area of each part; of memories only where macros say."""
        return self._parts(self.rows)

    @property
    def area(self) -> float:
        """Of logic and memories, as far as it is known."""
        return sum(row.total or 0.0 for row in self.rows)

    @property
    def worst(self) -> ChipRow:
        """The block with the longest critical path."""
        return max((row for row in self.rows if row.period is not None),
                   key=lambda row: row.period or 0.0)

    @property
    def met(self) -> bool | None:
        """Whether every block meets the clock; None where there is none."""
        return None if self.clock_ps is None else (self.worst.period or 0.0) <= self.clock_ps


def synthesise_chip(spec: Spec, hierarchy: Hierarchy, library: Library, technology: Technology, *,
                    clock_mhz: float | None = None, macros: MacroMap | None = None,
                    cache: Path | None = None,
                    done: Callable[[str], None] = lambda module: None) -> Chip:
    """``spec``, emitted as ``hierarchy`` for ``technology``, on ``library``, block by block, for
    ``clock_mhz`` (default: the spec's). ``done`` hears of each block. Raises SynthesisFault."""
    technology.check(library)
    clock = None if technology.gates else 1e6 / (clock_mhz or spec.target.clock_mhz)
    jobs = []
    for module in hierarchy.own:
        text, children = hierarchy.source(module)
        jobs.append(Job(module, text, tuple(children), library, technology, clock))
    return Chip(spec=spec, hierarchy=hierarchy, library=library, technology=technology,
                clock_ps=clock, macros=macros,
                blocks=synthesise_blocks(jobs, cache=cache, done=done))
