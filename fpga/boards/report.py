# SPDX-License-Identifier: Apache-2.0
"""What a run of the flow tells: a document for machines, lines for people."""

import typer

from ...gen.cli.common import print_table
from ...gen.spec import Spec
from ..fabric.devices import Device, family_of
from .board import Board
from .implement import Implementation

__all__ = ["document", "show"]


def document(spec: Spec, device: Device, board: Board | None, made: Implementation, *,
             asked_mhz: float, clock_mhz: float, baud: int, vivado: str | None = None) -> dict:
    """Everything that is known of ``made``. ``met``: whether Fmax is at least the clock asked for,
    and the core's; None where nothing was routed. ``vivado``: folder of a project, if any."""
    family = family_of(device)
    usage = {name: {"name": family.names[name], "used": used,
                    "available": device.capacity.get(name)}
             for name, used in made.usage.items()
             if name != "logic" or made.best is not None}
    told: dict = {
        "spec": spec.name, "spec_hash": f"0x{spec.hash:016x}",
        "board": None if board is None else board.name, "family": family.name,
        "device": device.name, "part": None if board is None else board.part,
        "usage": usage, "cells": made.synthesis.cells,
        "products_in_luts": made.synthesis.soft_products,
        "clock_mhz": {"asked": asked_mhz, "core": clock_mhz},
        "met": None, "fmax_mhz": None, "seeds": [], "vivado": vivado,
        "seconds": {name: round(value, 1) for name, value in made.seconds.items()},
    }
    if made.best is not None and board is not None:
        told |= {
            "met": made.best.fmax >= max(asked_mhz, clock_mhz), "fmax_mhz": made.best.fmax,
            "seed": made.best.seed,
            "seeds": [{"seed": each.seed, "fmax_mhz": each.fmax} for each in made.routes],
            "bitstream": made.bitstream, "load": f"{board.load} {made.bitstream}", "baud": baud}
    return told


def show(told: dict) -> None:
    """Print ``told`` for people."""
    where = told["device"] if told["board"] is None else f"{told['board']} ({told['device']})"
    rows = [{"resource": each["name"], "used": each["used"], "available": each["available"],
             "share": None if not each["available"] else
             f"{100 * each['used'] / each['available']:.1f} %"}
            for each in told["usage"].values()]
    print_table(f"{told['spec']} on {where}", rows)
    if told["products_in_luts"]:
        typer.echo(f"{told['products_in_luts']} products are in LUTs for want of DSPs")
    asked = told["clock_mhz"]["asked"]
    if told["met"] is None:
        typer.echo("not routed: figures are of synthesis")
        if told["vivado"]:
            typer.echo(f"bitstream, in {told['vivado']}: vivado -mode batch -source build.tcl")
    else:
        tries = ", ".join(f"{each['fmax_mhz']:.1f} (seed {each['seed']})"
                          for each in told["seeds"])
        typer.echo(f"Fmax {tries} MHz; core at {told['clock_mhz']['core']:g} MHz; clock of "
                   f"{asked:g} MHz {'met' if told['met'] else 'NOT met'}")
        typer.echo(f"load it with: {told['load']}")
    typer.echo("; ".join(f"{name} {seconds:.1f} s" for name, seconds in told["seconds"].items()))
