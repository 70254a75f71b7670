# SPDX-License-Identifier: Apache-2.0
"""What papers report, what is asked for, and whether it is reached."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..energy import Measurement
from .bench import Bench
from .designs import Point
from .measure import Result

__all__ = ["AREA_TRUST", "ENERGY_TRUST", "GOALS", "GOALS_FOR", "LARGEST_SA", "NETWORK_PAPER",
           "PAPERS", "SCALING", "SCALING_PAPER", "Both", "Finding", "Goal", "Ratio", "area_ratio",
           "best", "both", "energy_ratio", "findings", "network_ratio"]

AREA_TRUST, ENERGY_TRUST = 0.03, 0.15
"""Of ratios, as parts of them: cell subsets; no wires nor clock tree, averaged arcs."""

PAPERS = {("STA", "area"): 2.08, ("STA", "energy"): 1.36,
          ("STA-DBB", "area"): 3.14, ("STA-DBB", "energy"): 1.97}
"""Against SA, 16 nm, 1 GHz: Liu, Whatmough, Mattina, IEEE CAL 2020 (arXiv 2005.08098), abstract."""
NETWORK_PAPER = 2.0
"""S2TA-AW against SA-ZVCG, "more than": Liu et al., HPCA 2022 (arXiv 2107.07983), abstract."""
SCALING_PAPER = 55.7 / 16.8
"""TOPS/W at weights of 1/8 over 4/8: Liu et al. (arXiv 2009.02381), abstract."""
SCALING = "4/8 to 1/8"
LARGEST_SA = 50.4 * 1.03
"""um2 on ASAP7: the reference study's smallest SA, and 3 %."""


@dataclass(frozen=True)
class Ratio:
    """How many times better, with what it may be off by."""

    value: float
    trust: float

    @property
    def low(self) -> float:
        """The interval's lower end."""
        return self.value * (1 - self.trust)

    @property
    def high(self) -> float:
        """The interval's upper end."""
        return self.value * (1 + self.trust)

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f}-{self.high:.2f})"


@dataclass(frozen=True, kw_only=True)
class Goal:
    """``goal`` and ``floor`` of a ratio, and the ``paper``'s; ``relaxed``: at which clock."""

    engine: str
    quantity: str
    goal: float
    relaxed: bool
    floor: float | None = None
    paper: float | None = None


GOALS = (
    Goal(engine="STA", quantity="area", relaxed=True, goal=2.35, floor=2.2, paper=2.08),
    Goal(engine="STA", quantity="energy", relaxed=True, goal=1.75, floor=1.6, paper=1.36),
    Goal(engine="STA-DBB", quantity="area", relaxed=True, goal=3.3, floor=3.1, paper=3.14),
    Goal(engine="STA-DBB", quantity="area", relaxed=False, goal=3.14, floor=2.7, paper=3.14),
    Goal(engine="STA-DBB", quantity="energy", relaxed=True, goal=2.3, floor=2.0, paper=1.97),
    Goal(engine="VDBB", quantity="area", relaxed=True, goal=1.9, floor=1.7),
    Goal(engine="VDBB", quantity="energy", relaxed=True, goal=1.6, floor=1.6),
    Goal(engine="VDBB", quantity=SCALING, relaxed=True, goal=3.0, floor=2.5,
         paper=SCALING_PAPER),
    Goal(engine="S2TA-AW", quantity="network", relaxed=True, goal=2.0,
         paper=NETWORK_PAPER),
)
GOALS_FOR = "asap7"
"""The technology that ``GOALS`` are stated for, in place, workload P. The floors are those of the
reference study; for VDBB's energy it has nothing else."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A goal and what was reached. ``state``: goal, floor, missed or not measured."""

    goal: Goal
    clock: str
    variant: str
    reached: Ratio | None

    @property
    def state(self) -> str:
        """How far it got."""
        if self.reached is None:
            return "not measured"
        if self.reached.value >= self.goal.goal:
            return "goal"
        if self.goal.floor is not None and self.reached.value >= self.goal.floor:
            return "floor"
        return "missed"


def best(bench: Bench, engine: str, point: Point, workload: str | None = None, *,
         overlapped: bool = False) -> Result | None:
    """The netlist of an engine that takes least: area, or energy of ``workload``. One that misses
    the clock only if none meets it."""
    found = bench.of(engine, point, overlapped=overlapped)
    if workload is not None:
        found = sorted((each for each in found if workload in each.energies),
                       key=lambda each: (not each.met, each.energies[workload].timed.total))
    return found[0] if found else None


def area_ratio(bench: Bench, result: Result, base: str = "SA") -> Ratio | None:
    """Against the smallest baseline at the same clock, read out alike. None where either misses
    the clock."""
    other = best(bench, base, result.point, overlapped=result.overlapped)
    if other is None or not (other.met and result.met):
        return None
    return Ratio(other.area / result.area, AREA_TRUST)


def energy_ratio(bench: Bench, result: Result, workload: str, base: str = "SA", *,
                 zero_delay: bool = False) -> Ratio | None:
    """Against the baseline of least energy, as ``area_ratio``."""
    other = best(bench, base, result.point, workload, overlapped=result.overlapped)
    if other is None or workload not in result.energies or not (other.met and result.met):
        return None

    def total(measured: Measurement) -> float:
        return (measured.zero_delay if zero_delay else measured.timed).total

    return Ratio(total(other.energies[workload]) / total(result.energies[workload]), ENERGY_TRUST)


def network_ratio(bench: Bench, engine: str, base: str = "SA-ZVCG",
                  factor: float = 1.0) -> Ratio | None:
    """Energy of an inference of the baseline over that of the engine, memories included."""
    rows = {each.engine: each.total(factor) for each in bench.networks}
    own, other = rows.get(engine), rows.get(base)
    return None if own is None or other is None else Ratio(other / own, ENERGY_TRUST)


def findings(bench: Bench) -> Iterator[Finding]:
    """Every goal with what was reached. They are stated for ASAP7."""
    for goal in GOALS:
        point = bench.points[-1] if goal.relaxed else bench.points[0]
        workload = None if goal.quantity == "area" else "P"
        result = best(bench, goal.engine, point, workload)
        reached = None
        if result is not None:
            reached = _reached(bench, goal, result)
        yield Finding(goal=goal, clock=point.label(bench.unit), reached=reached,
                      variant="" if result is None else str(result.variant))


@dataclass(frozen=True, kw_only=True)
class Both:
    """The netlist of ``engine`` that is furthest beyond both its ``floors``, of area and energy,
    at the relaxed clock, and its ratios."""

    engine: str
    variant: str
    clock: str
    reached: tuple[Ratio, Ratio]
    floors: tuple[float, float]

    @property
    def held(self) -> bool:
        """Whether it is beyond both."""
        return all(ratio.value >= floor for ratio, floor in zip(self.reached, self.floors,
                                                                strict=True))


def both(bench: Bench) -> Iterator[Both]:
    """Of each engine with floors for area and energy the netlist that meets both best."""
    floors = {(goal.engine, goal.quantity): goal.floor for goal in GOALS
              if goal.relaxed and goal.floor is not None}
    for engine in dict.fromkeys(engine for engine, _ in floors):
        area, energy = floors.get((engine, "area")), floors.get((engine, "energy"))
        if area is None or energy is None:
            continue
        found = []
        for result in bench.of(engine, bench.points[-1]):
            pair = area_ratio(bench, result), energy_ratio(bench, result, "P")
            if pair[0] is not None and pair[1] is not None:
                found.append(Both(
                    engine=engine, variant=str(result.variant), floors=(area, energy),
                    clock=result.point.label(bench.unit), reached=(pair[0], pair[1])))
        if found:
            yield max(found, key=lambda each: min(
                ratio.value / floor for ratio, floor in zip(each.reached, each.floors,
                                                            strict=True)))


def _reached(bench: Bench, goal: Goal, result: Result) -> Ratio | None:
    match goal.quantity:
        case "area":
            return area_ratio(bench, result)
        case "energy":
            return energy_ratio(bench, result, "P")
        case "network":
            return network_ratio(bench, goal.engine)
    dense, sparse = result.energies.get("P"), result.energies.get("1/8")
    if dense is None or sparse is None:
        return None
    return Ratio(dense.timed.total / sparse.timed.total, ENERGY_TRUST)
