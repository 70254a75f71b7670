# SPDX-License-Identifier: Apache-2.0
"""The whole comparison: jobs in two processes, and what comes of them."""

import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from ....golden.dbb import BLOCK
from ..library import Library
from ..sources import Sources, macros_of
from ..technology import Technology
from .designs import DENSITY, ENGINES, Engine, Point, points_of, variants
from .measure import Job, Result, has_power, run
from .networks import NetworkRow, Plan, plan, row

__all__ = ["Bench", "Prepared", "jobs", "measure", "prepare"]

PROCESSES = 2
SCALING = tuple(nnz for nnz in range(1, BLOCK) if nnz < DENSITY)
"""Densities at which VDBB is measured too."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """All that is known before anything is measured; ``power``: energies can be."""

    sources: Sources
    technology: str
    library: str
    points: tuple[Point, ...]
    power: bool
    macros: str | None
    plans: Sequence[Plan]
    model: str
    jobs: Sequence[Job]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """``results``: every netlist that was measured; ``networks``: a row an engine; ``macros``:
    where the memories' numbers come from; ``seconds``: it took."""

    technology: str
    library: str
    points: tuple[Point, ...]
    power: bool
    results: Sequence[Result]
    networks: Sequence[NetworkRow] = ()
    macros: str | None = None
    seconds: float = 0.0

    @property
    def compared(self) -> int:
        """Sums that were equal to golden's."""
        return sum(result.compared for result in self.results)

    @property
    def unit(self) -> str:
        """Of times."""
        return "ps" if self.power else "tau"

    def of(self, engine: str, point: Point, *, overlapped: bool = False) -> list[Result]:
        """Netlists of an engine: those that meet the clock first, the smallest first."""
        return sorted((each for each in self.results if each.engine == engine
                       and each.point == point and each.overlapped == overlapped),
                      key=lambda each: (not each.met, each.area))


def jobs(points: Sequence[Point], plans: Mapping[str, Plan],
         engines: Sequence[Engine] = ENGINES) -> list[Job]:
    """All jobs, the longest first: in place at every point, overlapped at the last one. Each
    variant is a job of its own but for baselines', of which the best are found in one; the
    variant of least energy has the layers of a plan, and the overlapped read-out."""
    found = []
    for engine in engines:
        for point in points:
            ways = variants(engine, point)
            for some in [ways] if engine.baseline else [(way,) for way in ways]:
                own = plans.get(engine.name) if some[-1] == ways[-1] else None
                if point != points[-1]:
                    own = None
                found.append(Job(
                    engine=engine, point=point, overlapped=False, variants=some,
                    layers={} if own is None else own.layers,
                    above=0 if own is None else own.above,
                    densities=SCALING if engine.kind == "vdbb" else ()))
        ways = variants(engine, points[-1])
        found.append(Job(engine=engine, point=points[-1], overlapped=True,
                         variants=ways if engine.baseline else ways[-1:]))
    return sorted(found, key=_length, reverse=True)


def _length(job: Job) -> int:
    facts = job.engine.facts(overlapped=job.overlapped)
    return facts.multipliers * (1 if not job.engine.baseline else 60) + 64 * facts.holds_weights


_LOADED: list[tuple[Library, Technology]] = []


def _start(sources: Sources) -> None:
    _LOADED.append(sources.load())


def _work(job: Job) -> list[Result]:
    return run(job, *_LOADED[0])


def prepare(sources: Sources, *, clocks: Sequence[float] = (), model: Path | None = None,
            inputs: Path | None = None, engines: Sequence[Engine] = ENGINES) -> Prepared:
    """Read cells and compile ``model`` for every engine; ``clocks``: periods, as ``points_of``.

    Raises what reading and compiling raise: ValueErrors of one sentence, OSError.
    """
    library, technology = sources.load()
    points = points_of(technology, clocks)
    macros = macros_of(technology)
    plans = [] if model is None or inputs is None else [
        plan(engine, model, inputs, False, macros) for engine in engines]
    power = has_power(library)
    return Prepared(
        sources=sources, technology=technology.name, library=library.name, points=points,
        power=power, macros=None if macros is None else macros.source, plans=plans,
        model="" if model is None else model.name,
        jobs=jobs(points, {each.engine: each for each in plans} if power else {}, engines))


def measure(prepared: Prepared, ended: Callable[[], None] = lambda: None, *,
            processes: int = PROCESSES) -> Bench:
    """Run all jobs; ``ended`` hears of each. Raises Mismatch where a netlist differs from
    golden."""
    started = time.monotonic()
    results = []
    for found in _finished(prepared, processes):
        results += found
        ended()
    bench = Bench(technology=prepared.technology, library=prepared.library,
                  points=prepared.points, power=prepared.power, results=results,
                  macros=prepared.macros)
    rows = [row(each, prepared.model, _tiles(bench, each.engine))
            for each in prepared.plans if prepared.power]
    return replace(bench, networks=rows, seconds=time.monotonic() - started)


def _finished(prepared: Prepared, processes: int) -> Iterator[list[Result]]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _start, (prepared.sources,)) as pool:
        try:
            for future in as_completed([pool.submit(_work, job) for job in prepared.jobs]):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _tiles(bench: Bench, engine: str) -> Mapping[str, float]:
    """Energy of a tile by layer, of the netlist that takes least for all."""
    return min((each.tiles for each in bench.of(engine, bench.points[-1]) if each.tiles),
               key=lambda tiles: sum(tiles.values()))
