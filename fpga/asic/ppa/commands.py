# SPDX-License-Identifier: Apache-2.0
"""The command ``systolith bench ppa``."""

from pathlib import Path
from typing import Annotated

import typer

from ....gen.cli.common import (
    ExitCode,
    ForceOption,
    JsonOption,
    atomic_directory,
    fail,
    guard,
    print_json,
    print_tables,
    stage,
)
from ....gen.cli.groups import BENCH, group
from ...commands import LibertyOption, TechnologyOption

__all__ = ["register"]

ClockOption = Annotated[list[float] | None, typer.Option(
    "--clock", metavar="PS", show_default=False,
    help="Clock period in ps; one, or a short and a relaxed one. Default: the technology's.")]
ModelOption = Annotated[Path | None, typer.Option(
    "--model", metavar="MODEL", show_default=False,
    help="Also the energy of an inference of this int8 model; needs --input.")]
InputOption = Annotated[Path | None, typer.Option(
    "--input", metavar="X.npz", show_default=False, help="Inputs of the model: array 'input'.")]
FolderOption = Annotated[Path | None, typer.Option(
    "--output", "-o", metavar="DIR", show_default=False,
    help="Folder for ppa.json, ppa.png, ppa.svg and the report, ppa.html.")]


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    group(app, BENCH).command("ppa")(bench_ppa)


def bench_ppa(liberty: LibertyOption = None, tech: TechnologyOption = None,
              clock: ClockOption = None, model: ModelOption = None, inputs: InputOption = None,
              output: FolderOption = None, force: ForceOption = False,
              json: JsonOption = False) -> None:
    """Synthesise a TPE of every engine and compare area, timing and energy with the SA's.

    Every netlist is first shown equal to golden. A few minutes on two cores.
    """
    if (model is None) != (inputs is None):
        raise typer.BadParameter("--model and --input need each other")
    with guard(json, ValueError):
        from ..sources import Sources
        from .bench import measure, prepare
        from .measure import Mismatch
        from .report import as_dict, write
        from .tables import notes, tables

        sources = Sources(liberty=tuple(liberty or ()), technology=tech)
        with stage("read cells and network", quiet=json):
            prepared = prepare(sources, clocks=clock or (), model=model, inputs=inputs)
        try:
            with stage(f"measure {len(prepared.jobs)} designs", quiet=json,
                       total=len(prepared.jobs)) as advance:
                found = measure(prepared, advance)
        except Mismatch as fault:
            fail(str(fault), json=json, code=ExitCode.DOES_NOT_HOLD)
        if output is not None:
            with atomic_directory(output, "bench ppa", force=force) as folder:
                write(found, folder)
    if json:
        print_json(as_dict(found))
        return
    print_tables(tables(found), notes(found))
    typer.echo(f"measured in {found.seconds:.0f} s")
