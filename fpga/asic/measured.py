# SPDX-License-Identifier: Apache-2.0
"""Components, implemented and simulated: what costs are fitted to and judged by."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ...gen.emit.platform import EmittingPlatform
from ...gen.predict.costs import Tile, Toggles, toggles_of
from ...gen.spec import Spec
from ...rtl.arith.arithmetic import Arithmetic
from ...rtl.facts import BLOCK, EngineFacts
from ...rtl.pe.tpe import Tpe
from .components import Design, design_of
from .energy import measure
from .implementation import implement
from .library import Library
from .netlist import Netlist
from .simulation import Simulator
from .stimuli import check, pruned, stimulus
from .technology import Technology
from .training import DEPTH, WORKLOADS, Shape, Work
from .workloads import Matrices, seeded

__all__ = ["CLOCK_PS", "Bench", "Run", "TpePoint", "arithmetic_of", "step_toggles", "works_of"]

CLOCK_PS = 5000.0
"""Of the operating point: 200 MHz, at which specs are by default."""
SCRIPTS = ("area",)
LARGE = 8
"""Sums of a TPE beyond which one tile less is measured."""


@dataclass(frozen=True)
class Run:
    """fJ a cycle, with glitches, of ``tiles`` tiles in ``cycles``."""

    work: Work
    cycles: int
    tiles: int
    clock: float
    data: float
    leakage: float


@dataclass(frozen=True)
class TpePoint:
    """Cell area in um2 of a TPE, and what it takes."""

    area: float
    runs: list[Run]


def arithmetic_of(shape: Shape, technology: Technology) -> Arithmetic:
    """How ``technology`` builds the shape's dot products."""
    adder = technology.full_adder
    return Arithmetic(final=shape.final, inverting=adder is not None and adder.inverted)


def works_of(facts: EngineFacts) -> list[Work]:
    """Workloads of a TPE."""
    bounds = (BLOCK, 4) if facts.holds_weights else (BLOCK,)
    return [Work(work.nnz, work.zeros, bound) for work in WORKLOADS for bound in bounds]


def tiles_of(facts: EngineFacts) -> int:
    """Tiles of a run; all but the first are measured."""
    return 3 if facts.a * facts.c > LARGE else 4


@cache
def matrices(work: Work) -> Matrices:
    """The workload."""
    return seeded(nnz=work.nnz, zeros=work.zeros, depth=DEPTH)


def step_toggles(facts: EngineFacts, work: Matrices, bound: int = BLOCK
                 ) -> tuple[Toggles, float]:
    """Toggles of a step, and steps of a tile, of the tiles that are measured."""
    found, counts = [], []
    for index in range(1, tiles_of(facts)):
        x, w = work.tile(index, facts.a, facts.c)
        issued = [b for b in range(w.shape[1]) if not facts.compressed or w[:, b].any()] or [0]
        x, w = pruned(x, bound)[:, issued], w[:, issued]
        split = facts.splits(work.density, bound)
        densest = np.maximum(np.count_nonzero(w, axis=-1).max(0), 1)
        passes = np.array([facts.passes(BLOCK if split else int(nnz), BLOCK, bound)
                           for nnz in densest])
        steps = facts.pass_steps(work.density, BLOCK, bound)
        found.append(toggles_of(facts, x, w, passes, steps=steps, split=split))
        counts.append(int(passes.sum()) * steps)
    mean = {name: float(np.mean([asdict(each)[name] for each in found]))
            for name in asdict(found[0])}
    return Toggles(**mean), float(np.mean(counts))


def tile_of(facts: EngineFacts, run: Run, steps: float) -> Tile:
    """The mean tile of a run."""
    return Tile.of_row(facts, 0, cycles=run.cycles / run.tiles, steps=steps)


class Bench:
    """Measures components on a library, each once: what is measured is kept in ``store``, a file,
    if there is one."""

    def __init__(self, library: Library, technology: Technology, store: Path | None = None,
                 tell: Callable[[str], None] = lambda text: None):
        self.library = library
        self.technology = technology
        self.store = store
        self.tell = tell
        self.known: dict[str, dict] = {"tpes": {}, "blocks": {}}
        if store is not None and store.exists():
            self.known = json.loads(store.read_text())

    def tpe(self, shape: Shape) -> TpePoint:
        """The shape's TPE; ValueError where it differs from golden."""
        known = self.known["tpes"].get(shape.label)
        if known is None:
            self.tell(f"measure {shape.label}")
            netlist = self.netlist(shape)
            simulator = Simulator(netlist, self.library)
            runs = [self.energy(simulator, shape.facts, work) for work in works_of(shape.facts)]
            known = {"area": netlist.area(self.library), "runs": [asdict(run) for run in runs]}
            self._keep("tpes", shape.label, known)
        return TpePoint(known["area"], [Run(**run | {"work": Work(**run["work"])})
                                        for run in known["runs"]])

    def netlist(self, shape: Shape) -> Netlist:
        """The shape's TPE at the operating point."""
        platform = EmittingPlatform("tpe", arithmetic_of(shape, self.technology))
        verilog, _ = platform.convert(Tpe(shape.facts), "tpe")
        return implement(verilog, "tpe", self.library, self.technology, CLOCK_PS,
                         scripts=SCRIPTS)[0]

    def energy(self, simulator: Simulator, facts: EngineFacts, work: Work,
               layer: Matrices | None = None) -> Run:
        """A run of ``work``, or of a layer, whose sums are compared with golden's."""
        tiles = tiles_of(facts)
        run = stimulus(facts, matrices(work) if layer is None else layer, tiles=tiles,
                       bound=work.bound)
        found, timed, plain = measure(simulator, run.ports, first=run.first, last=run.last)
        for trace in (timed, plain):
            check(trace, run)
        return Run(work, run.last - run.first, tiles - 1, found.timed.clock,
                   found.timed.registers + found.timed.logic, found.timed.leakage)

    def blocks(self, spec: Spec) -> dict[str, float]:
        """um2 of each kind of component of a spec but its TPEs, all there are of it."""
        self.tell(f"emit {spec.name}")
        design = design_of(spec, self.technology)
        areas: dict[str, float] = {}
        for part in design.components:
            if part.kind not in ("tpe", "row", "grid"):
                areas[part.kind] = areas.get(part.kind, 0.0) + part.count * self._block(
                    design, part.module, part.digest, part.apart)
        return areas

    def _block(self, design: Design, module: str, digest: str, apart: Sequence[str]) -> float:
        if digest not in self.known["blocks"]:
            self.tell(f"measure {module}")
            netlist, _ = implement(design.verilog, module, self.library, self.technology,
                                   CLOCK_PS, scripts=SCRIPTS, children=apart)
            self._keep("blocks", digest, {"module": module, "area": netlist.area(self.library)})
        return self.known["blocks"][digest]["area"]

    def _keep(self, kind: str, key: str, value: dict) -> None:
        self.known[kind][key] = value
        if self.store is not None:
            self.store.write_text(json.dumps(self.known, indent=1))


def nonnegative(terms: Iterable[dict[str, float]], measured: Sequence[float]) -> dict[str, float]:
    """Coefficients of at least zero with the least squares of relative errors."""
    rows = list(terms)
    names = list(dict.fromkeys(name for row in rows for name in row))
    matrix = np.array([[row.get(name, 0.0) / value for name in names]
                       for row, value in zip(rows, measured, strict=True)])
    scale = np.linalg.norm(matrix, axis=0)
    used = scale > 0
    solved = _active_set(matrix[:, used] / scale[used], np.ones(len(rows)))
    found = dict.fromkeys(names, 0.0)
    found.update(zip((name for name, use in zip(names, used, strict=True) if use),
                     (solved / scale[used]).tolist(), strict=True))
    return found


def _active_set(a: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The x of at least 0 with the least ``|a @ x - y|`` (Lawson and Hanson, 1974)."""
    x = np.zeros(a.shape[1])
    free = np.zeros(a.shape[1], bool)
    for _ in range(30 * a.shape[1]):
        slope = np.where(free, -np.inf, a.T @ (y - a @ x))
        if slope.max() <= 1e-9:
            break
        free[slope.argmax()] = True
        while True:
            trial = np.zeros_like(x)
            trial[free] = np.linalg.lstsq(a[:, free], y, rcond=None)[0]
            if (trial[free] > 0).all():
                break
            low = free & (trial <= 0)
            step = np.min(x[low] / (x[low] - trial[low]))
            x += step * (trial - x)
            free &= x > 1e-12
            x[~free] = 0
        x = trial
    return x
