# SPDX-License-Identifier: Apache-2.0
"""A comparison as tables of text: what the console and the page show."""

from collections.abc import Iterator
from dataclasses import dataclass

from ....rtl.arith.partial_products import SHARED_FROM, Multiplier
from ..circuit import WIRE
from .bench import Bench
from .designs import ACCUMULATOR_BITS, ENGINES
from .goals import (
    AREA_TRUST,
    ENERGY_TRUST,
    GOALS_FOR,
    LARGEST_SA,
    PAPERS,
    SCALING,
    Ratio,
    area_ratio,
    best,
    both,
    energy_ratio,
    findings,
    network_ratio,
)
from .measure import DRAINED_ROWS, WORKLOADS, Result
from .networks import SRAM_FACTORS

__all__ = ["Table", "notes", "tables"]

SHAPES = {engine.name: engine.shape for engine in ENGINES}


@dataclass(frozen=True)
class Table:
    """``rows`` have equal keys, the headings; all values are text."""

    title: str
    rows: list[dict[str, str]]


def tables(bench: Bench) -> Iterator[Table]:
    """All tables that there is something for, the goals first."""
    if bench.technology == GOALS_FOR:
        yield Table("Goals, read-out in place, workload P", list(_goals(bench)))
    for overlapped in (False, True):
        how = "shipped read-out, overlapped" if overlapped else "read-out in place"
        yield Table(f"Area, {how}", list(_areas(bench, overlapped)))
        if not bench.power:
            continue
        for workload in WORKLOADS:
            if rows := list(_energies(bench, overlapped, workload)):
                yield Table(f"Energy, workload {workload}, {how}", rows)
        if not overlapped:
            yield Table(f"Where the energy goes, fJ/MAC, workload P, {how}",
                        list(_splits(bench)))
    if any("1/8" in each.energies for each in bench.results):
        yield Table("VDBB by the density of its weights, read-out in place",
                    list(_scaling(bench)))
    if bench.networks:
        yield Table(f"Energy of an inference, {bench.networks[0].model}, "
                    f"{bench.points[-1].label(bench.unit)}", list(_networks(bench)))


def _text(ratio: Ratio | float | None, missing: str = "") -> str:
    if ratio is None:
        return missing
    return str(ratio) if isinstance(ratio, Ratio) else f"{ratio:.2f}"


def _clock(bench: Bench, result: Result) -> str:
    return result.point.label(bench.unit) + ("" if result.met else " MISSED")


def _shown(bench: Bench, overlapped: bool, workload: str | None = None) -> Iterator[Result]:
    """Of a baseline at each clock the netlist that counts, of others every one."""
    for engine in ENGINES:
        for point in bench.points:
            found = bench.of(engine.name, point, overlapped=overlapped)
            if engine.baseline:
                one = best(bench, engine.name, point, workload, overlapped=overlapped)
                found = [] if one is None else [one]
            yield from (each for each in found if workload is None or workload in each.energies)


def _areas(bench: Bench, overlapped: bool) -> Iterator[dict[str, str]]:
    for result in _shown(bench, overlapped):
        own = area_ratio(bench, result)
        yield {"engine": result.engine, "TPE": SHAPES[result.engine],
               "clock": _clock(bench, result), "variant": str(result.variant),
               f"path {bench.unit}": f"{result.path:.0f}",
               ("um2" if bench.power else "GE") + "/MAC": f"{result.area:.2f}",
               "SA / it": _text(own, "clock missed"),
               "paper": _text(PAPERS.get((result.engine, "area")))}


def _energies(bench: Bench, overlapped: bool, workload: str) -> Iterator[dict[str, str]]:
    for result in _shown(bench, overlapped, workload):
        found = result.energies[workload]
        yield {"engine": result.engine, "clock": _clock(bench, result),
               "variant": str(result.variant),
               "fJ/MAC": f"{found.timed.total:.1f}",
               "no delays": f"{found.zero_delay.total:.1f}",
               "glitches": f"{found.glitches / found.timed.total:.0%}",
               "SA / it": _text(energy_ratio(bench, result, workload), "clock missed"),
               "SA-ZVCG / it": _text(energy_ratio(bench, result, workload, "SA-ZVCG")),
               "paper": _text(None if workload == "I" else
                              PAPERS.get((result.engine, "energy")))}


def _splits(bench: Bench) -> Iterator[dict[str, str]]:
    for result in _shown(bench, False, "P"):
        found = result.energies["P"]
        yield {"engine": result.engine, "clock": _clock(bench, result),
               "variant": str(result.variant),
               "clock pins": f"{found.timed.clock:.1f}",
               "registers": f"{found.timed.registers:.1f}",
               "logic": f"{found.timed.logic - found.glitches:.1f}",
               "glitches": f"{found.glitches:.1f}",
               "leakage": f"{found.timed.leakage:.2f}", "all": f"{found.timed.total:.1f}"}


def _scaling(bench: Bench) -> Iterator[dict[str, str]]:
    for point in bench.points:
        result = best(bench, "VDBB", point)
        if result is None or "1/8" not in result.energies:
            continue
        densities = {name: each for name, each in result.energies.items()
                     if name.endswith("/8")} | {"4/8": result.energies["P"]}
        for name, each in sorted(densities.items(), reverse=True):
            yield {"clock": point.label(bench.unit), "weights": name,
                   "um2/MAC": f"{result.area * int(name[0]) / 4:.2f}",
                   "fJ/MAC": f"{each.timed.total:.1f}",
                   "4/8 / it": f"{densities['4/8'].timed.total / each.timed.total:.2f}",
                   "TOPS/W, array": f"{2e3 / each.timed.total:.1f}"}


def _networks(bench: Bench) -> Iterator[dict[str, str]]:
    for each in bench.networks:
        for factor in SRAM_FACTORS if each.sram_nj else (0.0,):
            memories = each.sram_nj.get(f"{factor:g}", 0.0)
            yield {"engine": each.engine, "cycles": f"{each.cycles:,}",
                   "array nJ": f"{each.array_nj:.1f}", "SRAM table": f"x{factor:g}",
                   "SRAM nJ": f"{memories:.1f}", "all nJ": f"{each.array_nj + memories:.1f}",
                   "SA-ZVCG / it": _text(network_ratio(bench, each.engine, factor=factor))}


def _goals(bench: Bench) -> Iterator[dict[str, str]]:
    for point in bench.points:
        own = best(bench, "SA", point)
        if own is not None:
            yield {"engine": "SA", "what": "um2", "clock": point.label(), "variant":
                   str(own.variant), "reached": f"{own.area:.2f}", "goal": f"<= {LARGEST_SA:.1f}",
                   "floor": "", "paper": "",
                   "state": "goal" if own.met and own.area <= LARGEST_SA else "missed"}
    for each in findings(bench):
        goal = each.goal
        yield {"engine": goal.engine, "what": goal.quantity, "clock": each.clock,
               "variant": each.variant, "reached": _text(each.reached), "goal": f"{goal.goal:g}",
               "floor": "" if goal.floor is None else f"{goal.floor:g}",
               "paper": _text(goal.paper), "state": each.state}
    for one in both(bench):
        yield {"engine": one.engine, "what": "area, energy of one netlist", "clock": one.clock,
               "variant": one.variant,
               "reached": ", ".join(f"{ratio.value:.2f}" for ratio in one.reached), "goal": "",
               "floor": ", ".join(f"{floor:g}" for floor in one.floors), "paper": "",
               "state": "floor" if one.held else "missed"}


def notes(bench: Bench) -> Iterator[str]:
    """What a reader must know, sentence by sentence."""
    points = " and ".join(point.label(bench.unit) for point in bench.points)
    yield (f"{bench.technology} ({bench.library}), {points}, accumulators of {ACCUMULATOR_BITS} "
           "bits. Per MAC: of the dense layer, at equal throughput; VDBB at weights, S2TA-AW at "
           "activations of 4/8.")
    yield (f"{len(bench.results)} netlists equal golden in all {bench.compared:,} sums compared, "
           "after mapping and sizing, " + ("with delays and without." if bench.power else
                                           "without delays."))
    yield ("SA and SA-ZVCG: the smallest, and for energies the one of least energy, of all "
           "multipliers, final adders and ways through abc that meet the clock; all others: the "
           "ways that are shown. BW: Baugh-Wooley; distributed: two activations share rows; mixed: "
           f"they do from bit {SHARED_FROM[Multiplier.MIXED]} on.")
    yield (f"One TPE, cells only: no wires in paths, {WIRE:g} fF a sink in energies; no clock "
           f"tree, SRAM, edges of the array, placement. Trust: area ratios {AREA_TRUST:.0%}, "
           f"energy ratios {ENERGY_TRUST:.0%}.")
    if not bench.power:
        yield "Gate equivalents (NAND2 = 1) have no energy: give --liberty for it."
        return
    for name, text in WORKLOADS.items():
        yield f"Workload {name}: {text}."
    yield ("In place, a tile's sums leave through the accumulators, while the TPE waits: a step "
           "for each row, which areas leave out. Energies are of whole tiles, with the rows of the "
           f"TPE itself; 'P, draining' has those of a column of {DRAINED_ROWS} rows.")
    if bench.networks:
        yield ("Inference: tiles of all TPEs, padded ones too, and accesses to all memories; not "
               "the vector unit, which all share. S2TA-AW prunes activations to 4/8 wherever that "
               "saves cycles. Operands are of one real input.")
    if bench.macros is not None and bench.networks:
        yield f"Memories: {bench.macros}"
    yield f"The scaling of VDBB in the paper, {SCALING}, is that of a whole chip."
