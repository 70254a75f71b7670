# SPDX-License-Identifier: Apache-2.0
"""The command ``systolith bench fixed``."""

import json as json_module
from pathlib import Path
from typing import Annotated

import typer

from ....gen.cli.common import (
    ExitCode,
    ForceOption,
    InputOption,
    JsonOption,
    SetOption,
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

NetworkOption = Annotated[Path, typer.Option(
    "--network", metavar="MODEL", show_default=False, help="Int8 model, .tflite or .onnx.")]
LayersOption = Annotated[int, typer.Option(
    "--layers", metavar="N", min=1, help="How many of its first layers are the front end.")]
SpecOption = Annotated[str, typer.Option(
    "--spec", metavar="SPEC", help="What engines are compared in, and whose clock is taken.")]
EnginesOption = Annotated[list[str] | None, typer.Option(
    "--engine", metavar="sta|sta-dbb|vdbb", show_default=False,
    help="Engine to compare with; repeatable. Default: all three.")]
ClockOption = Annotated[float | None, typer.Option(
    "--clock", metavar="MHZ", min=0.001, max=100_000.0, show_default="the spec's",
    help="Clock of the front end and of the engines.")]
EffortOption = Annotated[int, typer.Option(
    "--effort", metavar="0|1", min=0, max=1,
    help="0: the front end's weights share no sums, which takes area and saves glitches.")]
FolderOption = Annotated[Path | None, typer.Option(
    "--output", "-o", metavar="DIR", show_default=False,
    help="Folder for fixed.json, fixed.png and fixed.svg.")]


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    group(app, BENCH).command("fixed")(bench_fixed)


def bench_fixed(network: NetworkOption, values: InputOption, layers: LayersOption = 7,
                spec: SpecOption = "tinyml-vdbb", overrides: SetOption = None,
                engine: EnginesOption = None, liberty: LibertyOption = None,
                tech: TechnologyOption = None, clock: ClockOption = None, effort: EffortOption = 1,
                output: FolderOption = None, force: ForceOption = False,
                json: JsonOption = False) -> None:
    """Energy and area of a fixed-weight front end, layer by layer, against programmable engines.

    Each layer's netlist is simulated on real pixels and shown equal to golden. Tens of minutes the
    first time; what was synthesised is kept.
    """
    with guard(json, ValueError):
        from ..sources import Sources
        from .bench import ENGINES, prepare
        from .plot import draw
        from .stream import Mismatch
        from .tables import as_dict, notes, tables

        with stage("read cells and network", quiet=json):
            task = prepare(Sources(liberty=tuple(liberty or ()), technology=tech), network,
                           values, layers=layers, spec=spec, overrides=overrides or (),
                           engines=engine or tuple(ENGINES), effort=effort,
                           clock_mhz=clock)
        try:
            with stage(f"measure {len(task.front.layers)} layers and {len(task.specs)} engines",
                       quiet=json, total=task.steps) as advance:
                found = task.run(lambda _: advance())
        except Mismatch as fault:
            fail(str(fault), json=json, code=ExitCode.DOES_NOT_HOLD)
        if output is not None:
            with atomic_directory(output, "bench fixed", force=force) as folder:
                (folder / "fixed.json").write_text(
                    json_module.dumps(as_dict(found), indent=2) + "\n")
                for name in ("fixed.svg", "fixed.png"):
                    draw(found, folder / name)
    if json:
        print_json(as_dict(found))
        return
    print_tables(tables(found), notes(found))
