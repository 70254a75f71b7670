# SPDX-License-Identifier: Apache-2.0
"""Tables and documents of a synthesised chip."""

import importlib.metadata
from typing import Any, NamedTuple

from .chip import Chip
from .chip_energy import NetworkEnergy

__all__ = ["SecondOpinion", "area_document", "area_rows", "energy_document", "log_text",
           "part_rows", "timing_text"]


class SecondOpinion(NamedTuple):
    """Critical path of ``block`` with inputs at 0 ps, by OpenSTA and by our own timing."""

    block: str
    opensta_ps: float
    own_ps: float


def area_rows(chip: Chip) -> list[dict[str, Any]]:
    """One row a block or memory."""
    whole = chip.area
    return [{
        "part": row.part, "block": row.block, "instances": row.instances,
        "each": None if row.each is None else round(row.each, 1),
        "total": None if row.total is None else round(row.total, 1),
        "share_%": None if row.total is None else round(100 * row.total / whole, 1),
        "path": None if row.period is None else round(row.period),
        "met": "" if row.period is None or chip.clock_ps is None else
        "yes" if row.period <= chip.clock_ps else "NO",
    } for row in chip.rows]


def part_rows(chip: Chip) -> list[dict[str, Any]]:
    """One row a part, the largest first."""
    return [{"part": part, "area": round(area, 1),
             "share_%": round(100 * area / chip.area, 1)}
            for part, area in sorted(chip.parts.items(), key=lambda item: -item[1])]


def area_document(chip: Chip, second: SecondOpinion | None) -> dict[str, Any]:
    """What ``area.json`` says."""
    return {
        "spec": chip.spec.name, "spec_hash": f"0x{chip.spec.hash:016x}",
        "technology": chip.technology.name, "library": chip.library.name, "unit": chip.unit,
        "clock_mhz": None if chip.clock_ps is None else 1e6 / chip.clock_ps,
        "clock_met": chip.met, "total": chip.area,
        "macros": None if chip.macros is None else chip.macros.name,
        "slowest": {"block": chip.worst.block, "period": chip.worst.period,
                    "path": chip.worst.path},
        "opensta": None if second is None else second._asdict(),
        "parts": part_rows(chip),
        "rows": [row | {"critical_path": found.path} for row, found in zip(
            area_rows(chip), chip.rows, strict=True)],
    }


def energy_document(energy: NetworkEnergy) -> dict[str, Any]:
    """What is known of an inference's energy."""
    rows = [{"what": name, "nj": value} for name, value in sorted(
        energy.parts.items(), key=lambda item: -item[1])]
    rows += [{"what": f"memory: {name}", "nj": value} for name, value in energy.memories.items()]
    rows.append({"what": "leakage", "nj": energy.leakage})
    return {
        "rows": [row | {"share_%": round(100 * row["nj"] / energy.total(), 1)} for row in rows],
        "total_nj": energy.total(), "logic_nj": energy.logic, "memory_nj": energy.memory,
        "leakage_nj": energy.leakage, "glitches_nj": energy.glitches, "macs": energy.macs,
        "cycles": energy.cycles, "microseconds": energy.microseconds,
        "tops_per_watt": {f"memories_x{factor:g}": energy.tops_per_watt(factor)
                          for factor in (0.5, 1.0, 2.0)},
        "sums_compared": energy.compared, "fj_per_dense_mac": dict(energy.per_mac)}


def timing_text(chip: Chip, second: SecondOpinion | None) -> str:
    """Critical paths, the slowest first."""
    unit = "tau" if chip.clock_ps is None else "ps"
    rows = sorted((row for row in chip.rows if row.period is not None),
                  key=lambda row: -(row.period or 0.0))
    lines = ["Critical path of each block, among its own registers and ports; no wires.",
             *(f"{row.period:10.1f} {unit}  {row.block}: {row.path}" for row in rows)]
    if second is not None:
        lines.append(f"{second.block}, inputs at 0 ps: OpenSTA {second.opensta_ps:.1f} ps, own "
                     f"{second.own_ps:.1f} ps")
    return "\n".join(lines) + "\n"


def log_text(chip: Chip) -> str:
    """What was made with what, and the cells of each block."""
    clock = "none" if chip.clock_ps is None else f"{1e6 / chip.clock_ps:g} MHz"
    made_by = [f"{name} {importlib.metadata.version(name)}" for name in ("systolith", "pyosys")]
    made_of = f"technology {chip.technology.name}, library {chip.library.name}, clock {clock}"
    lines = [", ".join(made_by), made_of, *chip.library.paths]
    for module, block in sorted(chip.blocks.items()):
        counts = sorted(block.netlist.count().items())
        cells = ", ".join(f"{count} {cell}" for cell, count in counts)
        lines.append(f"{module}: {block.area:.2f} {chip.unit}: {cells or 'no cells'}")
    return "\n".join(lines) + "\n"
