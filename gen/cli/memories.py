# SPDX-License-Identifier: Apache-2.0
"""The table of an accelerator's memories: what they are made of, what an input takes in them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from .common import print_table

if TYPE_CHECKING:
    from ..compile import Program
    from ..memory import MacroMap
    from ..predict import Prediction

__all__ = ["memory_rows", "print_memories"]


def memory_rows(program: "Program", prediction: "Prediction", costs: "MacroMap",
                batch: int = 1) -> list[dict]:
    """One row a memory; areas in mm2, energies in pJ, accesses of one bank and ``energy_nj`` of an
    input, of which ``batch`` make a run."""
    from ..predict import memory_use, predict_accesses

    outside, layers = predict_accesses(program, prediction)
    return [{
        "memory": use.kind.name,
        "banks": f"{use.kind.count} x {use.kind.words}x{use.kind.bits}",
        "made_of": " + ".join(f"{count} {cell}" for cell, count in use.bank.macros.items())
        or "registers",
        "area_mm2": use.area_um2 / 1e6,
        "read_pj": use.bank.read_pj,
        "write_pj": use.bank.write_pj,
        "reads": use.reads / batch,
        "writes": use.writes / batch,
        "energy_nj": None if use.energy_pj is None else use.energy_pj / batch / 1e3,
    } for use in memory_use(program.parameters, costs, [outside, *layers])]


def print_memories(title: str, rows: Sequence[dict], costs: "MacroMap") -> None:
    """Print ``memory_rows``, their sum and where the numbers come from."""
    energies = [row["energy_nj"] for row in rows]
    print_table(title, [row | {name: round(row[name]) if row[name] == round(row[name]) else
                               row[name] for name in ("reads", "writes")} for row in rows],
                {"memory": "total", "area_mm2": sum(row["area_mm2"] for row in rows),
                 "energy_nj": None if None in energies else sum(energies)})
    typer.echo(f"costs of memories: {costs.source}")
