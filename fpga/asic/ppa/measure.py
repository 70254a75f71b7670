# SPDX-License-Identifier: Apache-2.0
"""One design at one operating point: netlists, compared with golden, then area and energy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ....gen.emit.platform import EmittingPlatform
from ....golden.dbb import BLOCK
from ....rtl.facts import EngineFacts
from ....rtl.pe.tpe import Tpe
from ..energy import Measurement
from ..implementation import implement
from ..library import Library
from ..netlist import Netlist
from ..simulation import Simulator
from ..stimuli import stimulus
from ..technology import Technology
from ..tpe_energy import compare_with_golden, energy_per_mac
from ..workloads import Matrices, seeded
from .designs import DENSITY, Engine, Point, Variant

__all__ = ["DRAINED_ROWS", "WORKLOADS", "Job", "Mismatch", "Result", "has_power", "run"]

SUMS = 64
"""Dot products, at least, over which an energy is measured."""
TRIED_TILES = 4
DRAINED_ROWS = 16
"""Of a column of TPEs, in the trial of what sums cost that pass through a TPE."""
WORKLOADS = {
    "P": "as in the papers: dense weights on SA and STA, 4/8 on the others",
    "I": "the same weights of 4/8 on all",
    "P, draining": f"as P, with {DRAINED_ROWS} rows of a column draining through each TPE",
}
"""Depth 256, half of the activations zero; S2TA-AW prunes them to 4/8."""


class Mismatch(Exception):
    """A netlist that computes something else than golden: one sentence."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to measure. ``layers``: real operands, by layer; ``densities``: those of 8 at which the
    energy is also asked for, beside the workloads; ``above``: TPEs above, of layers;
    ``variants``: ways to build it, of which the best count."""

    engine: Engine
    point: Point
    overlapped: bool
    layers: Mapping[str, Matrices] = field(default_factory=dict)
    above: int = 0
    densities: Sequence[int] = ()
    variants: Sequence[Variant]

    def __str__(self) -> str:
        return (f"{self.engine.name}, {self.point.period:.0f}, "
                f"{'overlapped' if self.overlapped else 'in place'}")


@dataclass(frozen=True, kw_only=True)
class Result:
    """One netlist. ``area``: um2 for each MAC of the dense layer a cycle (``tpe_area``: of the
    TPE); ``path``: critical path in ps without wires; ``met``: it is within the clock;
    ``compared``: sums that were equal to golden's. Energies in fJ: of a MAC by workload, ``tiles``
    of a tile of one TPE by layer."""

    engine: str
    point: Point
    overlapped: bool
    variant: Variant
    area: float
    tpe_area: float
    path: float
    met: bool
    cells: int
    registers: int
    compared: int = 0
    energies: Mapping[str, Measurement] = field(default_factory=dict)
    tiles: Mapping[str, float] = field(default_factory=dict)


def has_power(library: Library) -> bool:
    """Whether energies can be computed at all: gate equivalents have none."""
    return any(cell.powers for cell in library.cells.values())


def run(job: Job, library: Library, technology: Technology,
        tell: Callable[[str], None] = lambda text: None) -> list[Result]:
    """Of the job's variants that meet the clock the smallest and the one of least energy, which
    may be the same; if none does, the fastest.

    Raises Mismatch where a netlist differs from golden, and what synthesis raises.
    """
    facts = job.engine.facts(overlapped=job.overlapped)
    found = []
    verilog: dict = {}
    for variant in job.variants:
        tell(f"{job}: {variant}")
        key = variant.multiplier, variant.final
        if key not in verilog:
            platform = EmittingPlatform("ppa", variant.arithmetic(technology))
            verilog[key] = platform.convert(Tpe(facts), "top")[0]
        netlist, report = implement(verilog[key], "top", library, technology, job.point.period,
                                    scripts=[variant.script])
        area = netlist.area(library)
        found.append((netlist, Result(
            engine=job.engine.name, point=job.point, overlapped=job.overlapped, variant=variant,
            area=area / job.engine.macs, tpe_area=area, path=report.after.period, met=report.met,
            cells=len(netlist.instances), registers=sum(
                library.cells[each.cell].flip_flop is not None for each in netlist.instances))))
    good = [item for item in found if item[1].met] or [min(found, key=lambda item: item[1].path)]
    chosen = _chosen(job, facts, library, good)
    return [_simulated(job, facts, Simulator(netlist, library), result, has_power(library))
            for netlist, result in chosen]


_Built = tuple[Netlist, Result]


def _chosen(job: Job, facts: EngineFacts, library: Library, good: list[_Built]) -> list[_Built]:
    """The smallest, and if it is another one, which takes least energy in a short trial."""
    if len(good) == 1 or not has_power(library):
        return [min(good, key=lambda item: item[1].area)]
    work = _workloads(job)[0][1]

    def taken(item: _Built) -> float:
        trial = stimulus(facts, work, tiles=1 + TRIED_TILES, bound=job.engine.bound)
        return energy_per_mac(Simulator(item[0], library), trial,
                              period=job.point.period).timed.total

    smallest = min(good, key=lambda item: item[1].area)
    frugal = min(good, key=taken)
    return [smallest] if frugal is smallest else [smallest, frugal]


def _simulated(job: Job, facts: EngineFacts, simulator: Simulator, result: Result,
               power: bool) -> Result:
    try:
        compared = compare_with_golden(simulator, facts)
        energies, tiles = {}, {}
        if power:
            for name, work, above in _workloads(job):
                energies[name], sums, _ = _energy(job, simulator, facts, work, above,
                                                  job.engine.bound)
                compared += sums
            for name, work in job.layers.items():
                bound = work.bound if facts.holds_weights else BLOCK
                found, sums, macs = _energy(job, simulator, facts, work, job.above, bound)
                tiles[name] = found.timed.total * macs
                compared += sums
    except ValueError as fault:
        raise Mismatch(f"{job}, {result.variant}: netlist must equal golden: {fault}") from None
    return Result(**vars(result) | {"compared": compared, "energies": energies, "tiles": tiles})


def _workloads(job: Job) -> list[tuple[str, Matrices, int]]:
    """Name, operands and TPEs above."""
    paper = seeded(nnz=DENSITY if job.engine.sparse else BLOCK)
    drained = DRAINED_ROWS // job.engine.a - 1
    return [("P", paper, 0), ("I", seeded(nnz=DENSITY), 0),
            *([] if job.overlapped else [("P, draining", paper, drained)]),
            *((f"{nnz}/{BLOCK}", seeded(nnz=nnz), 0) for nnz in job.densities)]


def _energy(job: Job, simulator: Simulator, facts: EngineFacts, work: Matrices, above: int,
            bound: int) -> tuple[Measurement, int, float]:
    """Of a MAC; sums that were compared, with delays and without; MACs of a tile."""
    tiles = 1 + max(2, -(-SUMS // (facts.a * facts.c)))
    stimuli = stimulus(facts, work, tiles=tiles, above=above, bound=bound)
    found = energy_per_mac(simulator, stimuli, period=job.point.period)
    return found, 2 * sum(len(row) for _, row in stimuli.sums), stimuli.macs / (tiles - 1)
