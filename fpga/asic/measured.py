# SPDX-License-Identifier: Apache-2.0
"""Blocks, implemented and simulated: what costs are fitted to and judged by."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ...gen.emit.asic import AsicPlatform
from ...gen.predict.costs import Tile, Toggles, mean_toggles, toggles_of
from ...gen.spec import Spec
from ...rtl.arith.arithmetic import Arithmetic
from ...rtl.facts import BLOCK, EngineFacts
from ...rtl.pe.tpe import Tpe
from .blocks import Job, synthesise_blocks
from .energy import measure
from .hierarchy import emit, kind_of
from .library import Library
from .netlist import Netlist
from .simulation import Simulator
from .stimuli import check, pruned, stimulus
from .technology import Technology
from .training import DEPTH, WORKLOADS, Shape, Work
from .workloads import Matrices, seeded

__all__ = ["CLOCK_PS", "Bench", "Run", "TpePoint", "arithmetic_of", "matrices", "step_toggles",
           "tile_of", "works_of"]

CLOCK_PS = 5000.0
"""Of the operating point: 200 MHz, at which specs are by default."""
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


@cache
def step_toggles(facts: EngineFacts, arithmetic: Arithmetic, work: Matrices, bound: int = BLOCK
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
        found.append(toggles_of(facts, arithmetic, x, w, passes, steps=steps, split=split))
        counts.append(int(passes.sum()) * steps)
    return mean_toggles(found), float(np.mean(counts))


def tile_of(facts: EngineFacts, run: Run, steps: float) -> Tile:
    """The mean tile of a run."""
    return Tile.of_row(facts, 0, cycles=run.cycles / run.tiles, steps=steps)


class Bench:
    """Measures blocks on a library as ``synth`` does, each once: what is measured is kept in
    ``store``, a file, if there is one."""

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
        platform = AsicPlatform("tpe", None, arithmetic_of(shape, self.technology))
        verilog, _ = platform.convert(Tpe(shape.facts), "tpe")
        return self._synthesise("tpe", verilog, ())

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

    def blocks(self, spec: Spec) -> dict[tuple[str, str], float]:
        """um2 by part and kind of block of a spec, all there are of it, but for TPEs."""
        self.tell(f"emit {spec.name}")
        hierarchy = emit(spec, self.technology)
        areas: Counter[tuple[str, str]] = Counter()
        for (part, module), count in hierarchy.blocks.items():
            kind = kind_of(module)
            if module not in hierarchy.black_boxes and kind != "tpe":
                # Of delays and rows, those that are there once are in the engine around them.
                areas[part, "core_engine" if part == "engine" else kind] += (
                    count * self._block(module, *hierarchy.source(module)))
        return dict(areas)

    def _block(self, module: str, verilog: str, children: list[str]) -> float:
        digest = _digest(verilog)
        if digest not in self.known["blocks"]:
            self.tell(f"measure {module}")
            netlist = self._synthesise(module, verilog, tuple(children))
            self._keep("blocks", digest, {"module": module, "area": netlist.area(self.library)})
        return self.known["blocks"][digest]["area"]

    def _synthesise(self, module: str, verilog: str, children: tuple[str, ...]) -> Netlist:
        job = Job(module, verilog, children, self.library, self.technology, CLOCK_PS)
        return synthesise_blocks([job])[module].netlist

    def _keep(self, kind: str, key: str, value: dict) -> None:
        self.known[kind][key] = value
        if self.store is not None:
            self.store.write_text(json.dumps(self.known, indent=1))


def _digest(verilog: str) -> str:
    """Equal for Verilog that differs in the numbers of its names alone."""
    numbers: dict[str, str] = {}
    plain = re.sub(r"\$\d+", lambda match: numbers.setdefault(match[0], f"${len(numbers)}"),
                   verilog)
    return hashlib.sha256(plain.encode()).hexdigest()[:16]
