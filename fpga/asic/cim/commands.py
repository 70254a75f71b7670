# SPDX-License-Identifier: Apache-2.0
"""The command ``systolith bench cim``."""

import json as json_module
import re
from pathlib import Path
from typing import Annotated

import typer

from ....gen.cli.common import (
    ExitCode,
    ForceOption,
    InputFault,
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
LayersOption = Annotated[list[str] | None, typer.Option(
    "--layer", metavar="NAME", show_default=False,
    help="Layer whose operands are taken; repeatable. Default: the one of most rows.")]
RowsOption = Annotated[int, typer.Option("--rows", metavar="N", help="Of the array.")]
ColumnsOption = Annotated[int, typer.Option(
    "--columns", metavar="N", help="Of the array, of 8-bit weights.")]
MuxOption = Annotated[int, typer.Option(
    "--mux", metavar="N", help="Columns that share an adder tree.")]
BitsOption = Annotated[list[str] | None, typer.Option(
    "--bits", metavar="AxW", show_default="8x8, 4x4",
    help="Bits of activations and weights; repeatable.")]
StopOption = Annotated[bool, typer.Option(
    "--early-stop", help="Planes of operands that hold nothing are left out.")]
ClockOption = Annotated[float, typer.Option(
    "--clock", metavar="MHZ", min=0.001, max=100_000.0, help="Clock of both.")]
FolderOption = Annotated[Path | None, typer.Option(
    "--output", "-o", metavar="DIR", show_default=False, help="Folder for cim.json.")]


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    group(app, BENCH).command("cim")(bench_cim)


def bench_cim(network: NetworkOption, values: InputOption, layer: LayersOption = None,
              rows: RowsOption = 1024, columns: ColumnsOption = 512, mux: MuxOption = 4,
              bits: BitsOption = None, early_stop: StopOption = False,
              overrides: SetOption = None, liberty: LibertyOption = None,
              tech: TechnologyOption = None, clock: ClockOption = 500.0,
              output: FolderOption = None, force: ForceOption = False,
              json: JsonOption = False) -> None:
    """Area and energy of the digital compute-in-memory macro, beside a TPE of vdbb.

    Netlists are simulated on a layer's real operands and shown equal to golden. Minutes the first
    time; what was synthesised is kept.
    """
    with guard(json, ValueError):
        from ....rtl.cim.contract import MacroParameters
        from ..sources import Sources
        from .bench import BITS, prepare
        from .measure import Mismatch
        from .tables import as_dict, notes, tables

        chosen = tuple(map(_bits, bits or ())) or BITS
        p = MacroParameters(macro="digital", rows=rows, columns=columns, mux=mux,
                            early_stop=early_stop)
        with stage("read cells and network", quiet=json):
            task = prepare(Sources(liberty=tuple(liberty or ()), technology=tech), network,
                           values, p, layers=layer or (), overrides=overrides or (), bits=chosen,
                           clock_mhz=clock)
        try:
            with stage(f"measure a macro of {rows}x{columns} and a TPE", quiet=json,
                       total=task.steps) as advance:
                found = task.run(lambda _: advance())
        except Mismatch as fault:
            fail(str(fault), json=json, code=ExitCode.DOES_NOT_HOLD)
        if output is not None:
            with atomic_directory(output, "bench cim", force=force) as folder:
                (folder / "cim.json").write_text(json_module.dumps(as_dict(found), indent=2) + "\n")
    if json:
        print_json(as_dict(found))
        return
    print_tables(tables(found), notes(found))


def _bits(text: str) -> tuple[int, int]:
    """Of activations and weights."""
    match = re.fullmatch("([1-8])x([1-8])", text)
    if match is None:
        raise InputFault(f"--bits must be AxW, both 1 ... 8, as in 8x8, not {text!r}")
    return int(match[1]), int(match[2])
