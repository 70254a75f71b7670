# SPDX-License-Identifier: Apache-2.0
"""The command ``systolith bench fpga``."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from ...gen.cli.common import (
    ExitCode,
    ForceOption,
    InputFault,
    JsonOption,
    atomic_directory,
    fail,
    guard,
    print_json,
    print_tables,
    stage,
)
from ...gen.cli.groups import BENCH, group

__all__ = ["register"]

SpecsOption = Annotated[list[str] | None, typer.Option(
    "--spec", metavar="SPEC[@BOARD]", show_default=False,
    help="Spec to compare, and where it is no board's own, the board; repeatable. Default: every "
         "shipped spec that is for a board.")]
ModelsOption = Annotated[list[Path] | None, typer.Option(
    "--model", metavar="MODEL", show_default=False,
    help="Int8 model, .tflite or .onnx, to predict times of; repeatable.")]
SeedsOption = Annotated[int, typer.Option(
    "--seeds", metavar="N", min=1, max=100,
    help="Routes of every design, with seeds from 1 on; the median counts.")]
ArraysOption = Annotated[bool | None, typer.Option(
    "--arrays/--no-arrays", show_default=False,
    help="What a multiply-accumulate of arrays takes on 7-series: it alone, or not at all. "
         "Default: also.")]
CacheOption = Annotated[Path | None, typer.Option(
    "--cache", metavar="DIR", show_default=False,
    help="Folder that keeps the result of every long step, for the next time.")]
FolderOption = Annotated[Path | None, typer.Option(
    "--output", "-o", metavar="DIR", show_default=False,
    help="Folder for fpga.json, and with models fpga.png and fpga.svg.")]


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    group(app, BENCH).command("fpga")(bench_fpga)


def bench_fpga(specs: SpecsOption = None, models: ModelsOption = None, seeds: SeedsOption = 3,
               arrays: ArraysOption = None, cache: CacheOption = None,
               output: FolderOption = None, force: ForceOption = False,
               json: JsonOption = False) -> None:
    """Resources, Fmax and time of an inference of each spec on its board, beside peers'.

    With open tools: boards are placed and routed, 7-series synthesised. All together take hours;
    with --cache a bench that was stopped goes on where it was.
    """
    from ..boards.flow import FLOW_FAULTS
    from ..fabric.tools import ToolFault
    from .arrays import ARRAYS, PAIRS
    from .bench import Bench, kept_arrays
    from .choices import choose
    from .measure import measure
    from .report import as_dict, write
    from .store import Store
    from .tables import notes, tables

    with guard(json, *FLOW_FAULTS):
        if arrays and (specs or models):
            raise InputFault("--arrays must come without --spec and --model: it is of arrays alone")
        chosen = [] if arrays else choose(specs or ())
        for model in models or ():
            model.open("rb").close()
        store, numbers = Store(cache), range(1, seeds + 1)
        with ExitStack() as stack:
            folder = output and stack.enter_context(
                atomic_directory(output, "bench fpga", force=force))
            try:
                rows = [measure(choice, models or (), numbers, store, quiet=json)
                        for choice in chosen]
                dense, ratios = [], []
                if arrays or arrays is None:
                    with stage("synthesise arrays", total=len(ARRAYS) + 2 * len(PAIRS),
                               quiet=json) as advance:
                        dense, ratios = kept_arrays(store, advance)
            except ToolFault as fault:
                fail(str(fault), json=json, code=ExitCode.DOES_NOT_HOLD)
            bench = Bench(rows=rows, arrays=dense, ratios=ratios, seeds=numbers)
            if folder:
                write(bench, folder)
    if json:
        print_json(as_dict(bench))
        return
    print_tables(tables(bench), notes(bench))
