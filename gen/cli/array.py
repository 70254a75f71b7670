# SPDX-License-Identifier: Apache-2.0
"""What commands say of a compute-in-memory array: its use, its floor plan, its pace."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .inputs import InputFault, check_picture

if TYPE_CHECKING:
    from ..compile import Program
    from ..spec import Spec

__all__ = ["FloorPlanOption", "array_use", "check_array", "draw_array", "mapping_table",
           "peak_rows", "print_array", "print_peak"]

FloorPlanOption = Annotated[Path | None, typer.Option(
    "--floor-plan", metavar="FILE.svg|.png", show_default=False,
    help="Draw where the layers lie in a compute-in-memory array.")]
PEAK_BITS = (8, 6, 4)
MAPPED = ("name", "op", "unit", "input", "output", "array_rows", "array_tiles", "phases",
          "conversions", "source", "destination", "macs")


def check_array(spec: "Spec", path: Path | None) -> None:
    """Raises InputFault where there is no array to draw, or no picture can be written as
    ``path``."""
    if path is None:
        return
    if spec.cim is None:
        raise InputFault(f"--floor-plan must be given for engine.kind cim only, not for "
                         f"{spec.engine.kind}; leave it out")
    check_picture(path, "--floor-plan")


def array_use(program: "Program") -> dict:
    """Cells in use, each time that the array is loaded; nothing without an array."""
    if program.parameters.macro is None:
        return {}
    from ..cim.floor_plan import floor_plans

    return {"array": [{"layers": len(plan.layers), "cells": plan.cells,
                       "utilisation": plan.utilisation} for plan in floor_plans(program)]}


def mapping_table(program: "Program") -> list[dict]:
    """How each layer is mapped, for people: of a macro what says something of it."""
    rows = program.mapping_rows
    if program.parameters.macro is None:
        return rows
    return [{key: row[key] for key in MAPPED} for row in rows]


def print_array(program: "Program") -> None:
    """Say how much of the array is in use."""
    for use in array_use(program).get("array", []):
        typer.echo(f"array: {use['cells']:,} cells of {use['layers']} layers, "
                   f"{100 * use['utilisation']:.1f} %")


def draw_array(path: Path, title: str, program: "Program") -> None:
    """Draw the floor plan."""
    from ..cim.floor_plan import draw_floor_plan, floor_plans

    draw_floor_plan(path, title, floor_plans(program))


def peak_rows(spec: "Spec", program: "Program") -> dict:
    """Conversions of an inference, the time that they take back to back, and the array's peak;
    nothing without an array."""
    if spec.cim is None:
        return {}
    from ..predict.cim import array_time, conversions

    clock = spec.target.clock_mhz
    return {"conversions": sum(map(conversions, program.layers)),
            "array_cycles": array_time(program),
            "peak_tops": {str(bits): spec.cim.peak_tops(bits, clock) for bits in PEAK_BITS}}


def print_peak(spec: "Spec", program: "Program") -> None:
    """Say it."""
    found = peak_rows(spec, program)
    if not found:
        return
    cycles, clock = found["array_cycles"], spec.target.clock_mhz
    typer.echo(f"array: {found['conversions']:,} conversions, {cycles:,} cycles back to back, at "
               f"most {1e6 * clock / cycles:,.0f} inferences a second")
    typer.echo("array: peak " + ", ".join(f"{tops:.3g} TOPS at {bits} bits" for bits, tops in
                                          found["peak_tops"].items()))
