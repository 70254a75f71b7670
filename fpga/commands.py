# SPDX-License-Identifier: Apache-2.0
"""The command line's part for flows: synth."""

from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from ..gen.cli.common import (
    ActivationOption,
    ExitCode,
    ForceOption,
    InputFault,
    JsonOption,
    SetOption,
    SpecArgument,
    fail,
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
    target: Annotated[str | None, typer.Option(
        "--target", metavar="asic|ecp5|ice40|gowin|xc7", show_default="asic",
        help="What for: an FPGA family takes the core alone, without place and route.")] = None,
    board: Annotated[str | None, typer.Option(
        "--board", metavar="NAME", show_default=False,
        help="Board to make a bitstream for: ulx3s, icebreaker, tang-nano-9k, tang-nano-20k; for "
             "arty-a7, zybo-z7 and pynq-z2 figures of synthesis.")] = None,
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
    seed: Annotated[int, typer.Option(
        "--seed", metavar="N", min=0, max=2 ** 31 - 1,
        help="With --board: the first seed of place and route.")] = 1,
    tries: Annotated[int, typer.Option(
        "--tries", metavar="N", min=1, max=100,
        help="With --board: seeds to try, one after another, until the clock is met.")] = 4,
    baud: Annotated[int, typer.Option(
        "--baud", metavar="N", min=300, max=12_000_000,
        help="With --board: bits a second on its serial line.")] = 1_000_000,
    overrides: SetOption = None,
    output: Annotated[Path | None, typer.Option(
        "--output", "-o", metavar="DIR", show_default=False,
        help="Folder for Verilog or netlists, the bitstream, reports and logs.")] = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Synthesise a spec: for an FPGA board down to a bitstream at the spec's clock; for an ASIC
    block by block, with area, timing and, with --model, energy."""
    if board is not None or target not in (None, "asic"):
        asic = {"--liberty": liberty, "--tech": tech, "--macros": macros, "--clock": clock,
                "--model": model, "--input": inputs, "--activation-nnz": activation_nnz}
        _synth_fpga(board=board, target=target, asic=[name for name, value in asic.items()
                                                      if value],
                    spec=spec, seed=seed, tries=tries, baud=baud,
                    overrides=tuple(overrides or ()), output=output, force=force, json=json)
    from .asic.flow import FLOW_FAULTS, Request, run

    with guard(json, *FLOW_FAULTS):
        if inputs is not None and model is None:
            raise InputFault("--input needs --model")
        chip = run(Request(spec=spec, overrides=tuple(overrides or ()),
                           liberty=tuple(liberty or ()), technology=tech, macros=macros,
                           clock_mhz=clock, model=model, inputs=inputs,
                           activation_nnz=tuple(activation_nnz or ()), output=output, force=force,
                           json=json))
    raise typer.Exit(ExitCode.DOES_NOT_HOLD if chip.met is False else ExitCode.HOLDS)


def _synth_fpga(*, board: str | None, target: str | None, asic: list[str], json: bool,
                **arguments: Any) -> NoReturn:
    """``synth`` for an FPGA; ``asic`` names options that are not for it."""
    from .boards.flow import FLOW_FAULTS, TARGETS, Failure, Request, run

    with guard(json, *FLOW_FAULTS):
        if target is not None and target not in TARGETS:
            raise InputFault(f"--target must be one of asic, {', '.join(TARGETS)}, not {target!r}")
        if board is not None and target is not None:
            raise InputFault("--board and --target must not be given both: a board has its family")
        if asic:
            raise InputFault(f"{asic[0]} needs --target asic")
        try:
            met = run(Request(board=board, target=target, json=json, **arguments))
        except Failure as failure:
            fail(str(failure), json=json, code=ExitCode.DOES_NOT_HOLD)
    raise typer.Exit(ExitCode.HOLDS if met else ExitCode.DOES_NOT_HOLD)
