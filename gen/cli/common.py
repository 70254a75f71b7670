# SPDX-License-Identifier: Apache-2.0
"""What all commands share: arguments, exit codes, faults and output."""

import json as json_module
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...rtl.kinds import ALL_KINDS
from ..spec import Spec, SpecFault, to_yaml
from .directory import DirectoryFault, atomic_directory
from .inputs import InputFault, Inputs, load_inputs
from .progress import stage

__all__ = [
    "PIPE_WIDTH",
    "ActivationOption",
    "BatchOption",
    "DirectoryFault",
    "ExitCode",
    "ForceOption",
    "InputFault",
    "InputOption",
    "Inputs",
    "JsonOption",
    "ModelArgument",
    "OutputFileOption",
    "OutputOption",
    "SetOption",
    "SpecArgument",
    "SwitchableOption",
    "UnfusedOption",
    "atomic_directory",
    "check_host_written",
    "check_mesh",
    "fail",
    "guard",
    "load_inputs",
    "print_json",
    "print_left_out",
    "print_overridden",
    "print_table",
    "print_tables",
    "stage",
]

SpecArgument = Annotated[str, typer.Argument(
    metavar="SPEC", show_default=False, help="Name of a shipped spec, or path of a YAML file.")]
ModelArgument = Annotated[Path, typer.Argument(
    metavar="MODEL", show_default=False, help="Path of an int8 model, .tflite or .onnx (QDQ).")]
SetOption = Annotated[list[str] | None, typer.Option(
    "--set", metavar="PATH=VALUE", show_default=False,
    help="Override a field of the spec, such as engine.grid.m=4; repeatable.")]
InputOption = Annotated[Path, typer.Option(
    "--input", metavar="X.npz", show_default=False,
    help="Inputs: array 'input' [N, ...] as the model has it, optionally 'labels' [N].")]
OutputFileOption = Annotated[Path | None, typer.Option(
    "--output", "-o", metavar="Y.npz", show_default=False, help="File for the output tensors.")]
OutputOption = Annotated[Path, typer.Option(
    "--output", "-o", metavar="DIR", show_default=False, help="Folder to write.")]
ForceOption = Annotated[bool, typer.Option(
    "--force", help="Replace the output folder whatever it holds.")]
JsonOption = Annotated[bool, typer.Option(
    "--json", help="Print one JSON object for machines.")]

ActivationOption = Annotated[list[str] | None, typer.Option(
    "--activation-nnz", metavar="[LAYER=]N", show_default=False,
    help="Prune activations to N (1 to 5, or 8 for all) of 8 at run time, wherever it saves cycles "
         "or in one layer; repeatable.")]
UnfusedOption = Annotated[bool, typer.Option(
    "--unfused", help="Run every layer by itself, its tensor in memory: for debugging.")]
SwitchableOption = Annotated[bool, typer.Option(
    "--switchable", help="Keep layers that --activation-nnz prunes in both forms: bit 0 of "
                         "CONDITIONS picks the pruned one.")]
BatchOption = Annotated[int, typer.Option(
    "--batch", metavar="N",
    help="Inputs of a run, as rows of the array: for networks of fully connected layers.")]

PIPE_WIDTH = 200
"""Columns of a table where stdout is no terminal."""


class ExitCode(IntEnum):
    """Exit codes of every command."""

    HOLDS = 0
    DOES_NOT_HOLD = 1
    BAD_INPUT = 2


def fail(faults: str | Iterable[str], *, json: bool = False,
         code: ExitCode = ExitCode.BAD_INPUT) -> NoReturn:
    """Print each fault as a line on stderr (with ``json`` also as JSON) and exit with ``code``."""
    messages = [faults] if isinstance(faults, str) else list(faults)
    if json:
        print_json({"error": messages})
    for message in messages:
        print(message, file=sys.stderr)
    raise typer.Exit(code)


def check_mesh(spec: Spec, **options: object) -> None:
    """Raises InputFault where one of the ``options`` (by name) is given that has no meaning for a
    core without a mesh."""
    if not ALL_KINDS[spec.engine.kind].mesh:
        for name, value in options.items():
            if value is not None:
                core = "a macro" if spec.cim is not None else "the compact core"
                raise InputFault(f"--{name} must not be {value} for engine.kind "
                                 f"{spec.engine.kind}, {core}, which has nothing of the kind; "
                                 "leave it out, or use another engine.kind")


def check_host_written(spec: Spec, **options: object) -> None:
    """Raises InputFault where one of the ``options`` (by name) is given that knows nothing of a
    front end."""
    if spec.front_end.layers is not None:
        for name, value in options.items():
            if value is not None:
                raise InputFault(f"--{name.replace('_', '-')} must not be given with a front_end, "
                                 "which it knows nothing of; leave it out, or set "
                                 "front_end.layers to null")


def print_overridden(spec: Spec, overrides: Sequence[str] | None) -> None:
    """Print the spec that results from overrides, if there are any."""
    if overrides:
        typer.echo(to_yaml(spec))


def print_left_out(operators: Sequence[str]) -> None:
    """Say which operators of a model are not in the network, if any."""
    if operators:
        typer.echo(f"left to the host: {', '.join(operators)}")


@contextmanager
def guard(json: bool = False, *more: type[Exception]) -> Iterator[None]:
    """Turn the user's faults, and exceptions of the kinds ``more``, into sentences and exit 2.

    These are faults of specs, models, inputs and folders and what the operating system refuses.
    Everything else is a fault of the program and passes.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except SpecFault as fault:
        fail(fault.messages, json=json)
    except OSError as fault:
        reason = fault.strerror or str(fault) or type(fault).__name__
        fail(f"{fault.filename}: {reason}" if fault.filename else reason, json=json)
    except Exception as fault:
        if not isinstance(fault, (DirectoryFault, InputFault, *more, *_lazy_faults())):
            raise
        fail(" ".join(str(fault).split()), json=json)


def _lazy_faults() -> tuple[type[Exception], ...]:
    """Faults of the parts that have been imported so far, which are all that can be raised."""
    package = __package__.rpartition(".")[0] if __package__ else ""
    found = []
    for module, name in (("compile", "CompileFault"), ("importer", "ImportFault"),
                         ("predict.costs", "CostFault")):
        loaded = sys.modules.get(f"{package}.{module}")
        if loaded is not None and hasattr(loaded, name):
            found.append(getattr(loaded, name))
    return tuple(found)


def print_json(value: Any) -> None:
    """Print ``value`` as one JSON object; NumPy numbers are numbers, paths are text."""
    print(json_module.dumps(value, indent=2, default=_plain))


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"Value must be plain data, not {value!r}")


def print_table(title: str, rows: Sequence[Mapping[str, Any]],
                footer: Mapping[str, Any] | None = None) -> None:
    """Print ``rows`` (equal keys: the headings) as a table; columns with numbers to the right, of
    one decimal where any is 10 or more, else of three.

    Where stdout is no terminal, the table may be up to 200 columns wide.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPE_WIDTH)
    table = Table(title=title, title_justify="left", show_footer=footer is not None)
    columns = []
    for key in rows[0] if rows else ():
        values = [row[key] for row in rows]
        last = (footer or {}).get(key)
        decimals = 1 if any(abs(value) >= 10 for value in (*values, last)
                            if isinstance(value, float)) else 3
        number = any(isinstance(value, (int, float)) for value in values)
        table.add_column(key.replace("_", " "), justify="right" if number else "left",
                         footer=_cell(last, decimals), overflow="fold")
        columns.append([_cell(value, decimals) for value in values])
    for cells in zip(*columns, strict=True):
        table.add_row(*cells)
    console.print(table)


def print_tables(tables: Iterable[Any], notes: Iterable[str]) -> None:
    """Print ``tables``, each with a ``title`` and ``rows``, and ``notes``, a line each."""
    for table in tables:
        print_table(table.title, table.rows)
    for note in notes:
        typer.echo(note)


def _cell(value: Any, decimals: int) -> Text:
    if value is None:
        return Text("")
    if isinstance(value, float):
        return Text(f"{value:,.{decimals}f}")
    return Text(f"{value:,}" if isinstance(value, int) else str(value))
