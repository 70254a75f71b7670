# SPDX-License-Identifier: Apache-2.0
"""A comparison as tables and as plain data."""

import dataclasses
from collections.abc import Iterator

from ....golden.dbb import BLOCK
from ..ppa.designs import ACCUMULATOR_BITS
from .bench import Bench, Run

__all__ = ["Table", "as_dict", "notes", "tables"]

MEMORY_FACTORS = (0.5, 2.0)
"""Of the table of memories, whose numbers are scaled ones on ASAP7."""


@dataclasses.dataclass(frozen=True)
class Table:
    """``rows`` have equal keys, the headings."""

    title: str
    rows: list[dict]


def tables(bench: Bench) -> Iterator[Table]:
    """Area, then energy."""
    p = bench.blocks.p
    mhz = f"{1e6 / bench.clock_ps:g} MHz"
    yield Table(f"Digital macro, {p.rows}x{p.columns} weights, {p.adcs} ADCs, on "
                f"{bench.technology}, {mhz}: um2 of an ADC", list(_areas(bench)))
    yield Table(f"Area at equal throughput, {bench.macs_a_cycle:,.0f} MACs of 8x8 bits a cycle, "
                f"and {p.rows * p.columns:,} weights", list(_throughput(bench)))
    yield Table(f"Energy, fJ a MAC, {bench.model}", [
        row for run in bench.runs for row in _energies(run)])


def _areas(bench: Bench) -> Iterator[dict]:
    blocks, p = bench.blocks, bench.blocks.p
    parts = {"adder tree, accumulators": blocks.column.area,
             "part of control, planes of operands, read-out": blocks.shared.area / p.adcs,
             "part of the row drivers": blocks.drivers_area / p.adcs,
             "cells": blocks.storage.area_um2}
    parts["all"] = sum(parts.values())
    for name, area in parts.items():
        yield {"part": name, "um2": area, "um2_a_weight": area / (p.rows * p.mux),
               "um2_a_mac_a_cycle": area / blocks.macs_a_cycle()}


def _throughput(bench: Bench) -> Iterator[dict]:
    blocks, p = bench.blocks, bench.blocks.p
    cells = p.adcs * blocks.storage.area_um2
    yield {"design": "digital macro", "layer": "any", "um2_a_mac_a_cycle":
           blocks.logic / blocks.macs_a_cycle(), "logic_um2": p.adcs * blocks.logic,
           "weights_um2": cells, "all_um2": p.adcs * blocks.area}
    for run in bench.runs:
        whole = bench.tpe_area(run.tpe)
        yield {"design": "vdbb", "layer": run.layer,
               "um2_a_mac_a_cycle": run.tpe.area / run.tpe.macs_a_cycle,
               "logic_um2": whole - bench.weight_memory, "weights_um2": bench.weight_memory,
               "all_um2": whole}


def _energies(run: Run) -> Iterator[dict]:
    def row(design: str, cycles: float | None, logic: float, glitches: float, shared: float | None,
            memory: float) -> dict:
        rest = logic + (shared or 0.0)
        half, twice = (rest + factor * memory for factor in MEMORY_FACTORS)
        return {"design": design, "cycles": cycles, "logic": logic, "of_it_glitches": glitches,
                "shared": shared, "weights": memory, "all": rest + memory,
                "memory_half": half, "memory_twice": twice,
                "vdbb_over_it": run.tpe.total() / (rest + memory)}

    for (activation_bits, weight_bits), found in run.macro.items():
        yield {"layer": run.layer} | row(
            f"digital macro, {activation_bits}x{weight_bits} bits", found.cycles,
            found.column.total, found.glitches, found.shared + found.drivers, found.storage)
    yield {"layer": run.layer} | row("vdbb", None, run.tpe.energy.timed.total,
                                     run.tpe.energy.glitches, None, run.tpe.weights)


def notes(bench: Bench) -> Iterator[str]:
    """What the figures mean."""
    p = bench.blocks.p
    kind = "SRAM macros" if bench.blocks.storage.macros else "flip-flops"
    yield ("critical paths " + ", ".join(f"{name} {period:.0f} ps"
                                         for name, period in bench.periods.items())
           + f"; clock {'met' if bench.met else 'NOT met'}, without wires")
    codes = sum(found.compared for run in bench.runs for found in run.macro.values())
    yield (f"{codes} codes of the macro's netlists, their cycles, and "
           f"{sum(run.tpe.compared for run in bench.runs):,} sums of the TPE's equal golden")
    for run in bench.runs:
        yield (f"{run.layer}: {run.used} of its {run.rows} rows on the array's {p.rows}, "
               f"{run.zeros:.0%} of operands zero; vdbb takes "
               f"{32 * BLOCK / run.tpe.macs_a_cycle:.2f} steps a block")
    yield (f"cells of an ADC: a memory of {p.mux * BLOCK} words of {p.rows} bits, of {kind}, as "
           "every memory is; that weights are written across its words is left out. A plane is "
           "read once for all planes of operands")
    if bench.blocks.storage.macros and bench.blocks.flip_flops is not None:
        other = bench.blocks.flip_flops
        yield (f"in flip-flops the cells would take {other.area_um2:,.0f} um2 an ADC, and "
               f"{_ratio(other.read_pj, bench.blocks.storage.read_pj)} of the energy of a read")
    yield ("vdbb: a TPE of 4x8x8, and reads of weights as its array of 256 multipliers makes them; "
           "activation memory, im2col and post-processor on neither side; its sums have "
           f"{ACCUMULATOR_BITS} bits, codes {p.code_bits}")
    yield ("energy of cells with glitches, 0.35 fF of wire a sink, clock pins and gates, leakage; "
           "all ADCs at work; no layout, no clock tree, no buffers along the rows")
    yield f"memories of both: {bench.macros}"


def _ratio(one: float | None, other: float | None) -> str:
    return f"{one / other:.0%}" if one and other else "an unknown part"


def as_dict(bench: Bench) -> dict:
    """Plain data: tables, and what they are made of, in um2, ps and fJ."""
    blocks = bench.blocks
    return {
        "model": bench.model, "technology": bench.technology, "library": bench.library,
        "clock_ps": bench.clock_ps, "met": bench.met, "macro": dataclasses.asdict(blocks.p),
        "macs_a_cycle": bench.macs_a_cycle, "weight_memory_um2": bench.weight_memory,
        "periods": bench.periods,
        "tables": [dataclasses.asdict(table) for table in tables(bench)],
        "runs": [{
            "layer": run.layer, "rows": run.rows, "used": run.used, "zeros": run.zeros,
            "tpe": dataclasses.asdict(run.tpe) | {"total": run.tpe.total()},
            "macro": [dataclasses.asdict(found) | {
                "activation_bits": bits[0], "weight_bits": bits[1], "total": found.total()}
                for bits, found in run.macro.items()]} for run in bench.runs],
        "notes": list(notes(bench))}
