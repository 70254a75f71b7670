# SPDX-License-Identifier: Apache-2.0
"""The command line's part for flows: synth."""

from pathlib import Path
from typing import Annotated

import typer

from ..gen.cli.common import (
    ActivationOption,
    ExitCode,
    ForceOption,
    InputFault,
    JsonOption,
    SetOption,
    SpecArgument,
    guard,
)

__all__ = ["LibertyOption", "TechnologyOption", "register"]

LibertyOption = Annotated[list[Path] | None, typer.Option(
    "--liberty", metavar="FILE", show_default=False,
    help="Liberty file of standard cells (.lib, .lib.gz); repeatable. None: gate equivalents.")]
TechnologyOption = Annotated[str | None, typer.Option(
    "--tech", metavar="NAME|FILE.toml", show_default=False,
    help="Which cells play which part: asap7, sg13g2, osu018, gates or a TOML file; default: the "
         "one whose cells the library has.")]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("synth")(synth)


def synth(
    spec: SpecArgument,
    target: Annotated[str, typer.Option("--target", metavar="asic", help="What for.")] = "asic",
    liberty: LibertyOption = None,
    tech: TechnologyOption = None,
    macros: Annotated[str | None, typer.Option(
        "--macros", metavar="NAME|MAP.toml", show_default=False,
        help="SRAM macros that memories are made of; default: the technology's, where one is "
             "shipped.")] = None,
    clock: Annotated[float | None, typer.Option(
        "--clock", metavar="MHZ", min=0.001, max=100_000.0, show_default="the spec's",
        help="Clock that every block is sized for.")] = None,
    model: Annotated[Path | None, typer.Option(
        "--model", metavar="MODEL", show_default=False,
        help="Also measure the energy of an inference of this int8 model.")] = None,
    inputs: Annotated[Path | None, typer.Option(
        "--input", metavar="X.npz", show_default=False,
        help="With --model: its first input; default: a seeded one.")] = None,
    activation_nnz: ActivationOption = None,
    overrides: SetOption = None,
    output: Annotated[Path | None, typer.Option(
        "--output", "-o", metavar="DIR", show_default=False,
        help="Folder for netlists, area.json, timing.txt and synthesis.log.")] = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Synthesise a spec block by block; print area, timing and, with --model, energy."""
    from .asic.flow import FLOW_FAULTS, Request, run

    with guard(json, *FLOW_FAULTS):
        if target != "asic":
            raise InputFault(f"--target must be asic, not {target!r}")
        if inputs is not None and model is None:
            raise InputFault("--input needs --model")
        chip = run(Request(spec=spec, overrides=tuple(overrides or ()),
                           liberty=tuple(liberty or ()), technology=tech, macros=macros,
                           clock_mhz=clock, model=model, inputs=inputs,
                           activation_nnz=tuple(activation_nnz or ()), output=output, force=force,
                           json=json))
    raise typer.Exit(ExitCode.DOES_NOT_HOLD if chip.met is False else ExitCode.HOLDS)
