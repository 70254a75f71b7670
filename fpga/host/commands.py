# SPDX-License-Identifier: Apache-2.0
"""The command line's part for boards: host load, run and bench."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...gen.cli.common import (
    ActivationOption,
    BatchOption,
    ExitCode,
    InputOption,
    JsonOption,
    ModelArgument,
    OutputFileOption,
    SetOption,
    SpecArgument,
    UnfusedOption,
    guard,
    load_inputs,
    print_json,
    print_overridden,
)
from ...gen.spec import load as load_spec
from .faults import HostFault
from .link import BAUD, RETRIES, TIMEOUT, Link

if TYPE_CHECKING:
    from .session import Compiled

__all__ = ["register"]

SECONDS = 60.0

CountOption = Annotated[int | None, typer.Option(
    "--count", min=1, metavar="N", show_default="all", help="Inputs to run.")]


@dataclass(frozen=True)
class _Line:
    """What the options of ``host`` say."""

    port: str
    baud: int
    timeout: float
    retries: int

    def open(self) -> Link:
        """The link; PortFault where there is none."""
        return Link(self.port, baud=self.baud, timeout=self.timeout, retries=self.retries)


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    host = typer.Typer(no_args_is_help=True,
                       help="A network on a board at a serial port: load, run, bench.")
    host.callback()(_host)
    host.command("load")(load)
    host.command("run")(run)
    host.command("bench")(bench)
    app.add_typer(host, name="host")


def _host(
    context: typer.Context,
    port: Annotated[str, typer.Option(
        "--port", metavar="PORT", show_default=False,
        help="Serial port of the board, such as /dev/ttyUSB0.")],
    baud: Annotated[int, typer.Option("--baud", min=1, metavar="N",
                                      help="Its rate, as the bitstream was made for.")] = BAUD,
    timeout: Annotated[float, typer.Option(
        "--timeout", min=0.01, metavar="S", help="Seconds of silence after which a request is "
                                                 "lost.")] = TIMEOUT,
    retries: Annotated[int, typer.Option(
        "--retries", min=0, metavar="N", help="How often a request is sent again.")] = RETRIES,
) -> None:
    context.obj = _Line(port, baud, timeout, retries)


def load(context: typer.Context, spec: SpecArgument, model: ModelArgument,
         overrides: SetOption = None, activation_nnz: ActivationOption = None,
         unfused: UnfusedOption = False, batch: BatchOption = 1,
         json: JsonOption = False) -> None:
    """Compile a model and load its image into the board."""
    from .board import Board
    from .session import load_image

    with guard(json, HostFault):
        compiled = _compile(spec, model, overrides, activation_nnz, unfused, batch, json)
        with context.obj.open() as link:
            size = load_image(Board(link), compiled, quiet=json)
            figures = {"spec": compiled.spec.name, "spec_hash": f"0x{compiled.spec.hash:016x}",
                       "model": compiled.network.name, "image_bytes": size,
                       "link_seconds": link.seconds, "repeated": link.repeated}
    if json:
        print_json(figures)
    else:
        print_overridden(compiled.spec, overrides)
        typer.echo(f"{link.port}: {size:,} bytes of {model.name} for {compiled.spec.name} in "
                   f"{link.seconds:.1f} s{_repeated(link)}")


def run(context: typer.Context, spec: SpecArgument, model: ModelArgument, inputs: InputOption,
        count: CountOption = None, output: OutputFileOption = None, overrides: SetOption = None,
        activation_nnz: ActivationOption = None, unfused: UnfusedOption = False,
        batch: BatchOption = 1, json: JsonOption = False) -> None:
    """Run a model on the board, loaded if it is not, and compare with golden."""
    from ...gen.cli.reports import print_report
    from ...gen.report import save_outputs
    from .board import Board
    from .session import run_on_board

    with guard(json, HostFault):
        compiled = _compile(spec, model, overrides, activation_nnz, unfused, batch, json)
        values = load_inputs(inputs, compiled.network)
        if count is not None:
            values = values.first(count)
        with context.obj.open() as link:
            report = run_on_board(Board(link), compiled, values, seconds=SECONDS, quiet=json)
        if output is not None:
            save_outputs(output, report)
    if json:
        print_json(report.as_dict() | {"overrides": list(overrides or ())})
    else:
        print_overridden(compiled.spec, overrides)
        print_report(report, compiled.spec.name, model.name, hardware="board")
        typer.echo(f"link {link.seconds:.1f} s{_repeated(link)}")
    raise typer.Exit(ExitCode.HOLDS if report.bit_exact else ExitCode.DOES_NOT_HOLD)


def bench(context: typer.Context, spec: SpecArgument, model: ModelArgument, inputs: InputOption,
          count: Annotated[int, typer.Option("--count", min=1, metavar="N",
                                             help="Inputs to run.")] = 10,
          overrides: SetOption = None, activation_nnz: ActivationOption = None,
          unfused: UnfusedOption = False, batch: BatchOption = 1,
          json: JsonOption = False) -> None:
    """Measure inferences per second on the board: of the accelerator, and over the link."""
    from .board import Board
    from .session import measure

    with guard(json, HostFault):
        compiled = _compile(spec, model, overrides, activation_nnz, unfused, batch, json)
        values = load_inputs(inputs, compiled.network).first(count).values
        with context.obj.open() as link:
            figures = measure(Board(link), compiled, values, seconds=SECONDS, quiet=json)
    if json:
        print_json(figures)
        return
    print_overridden(compiled.spec, overrides)
    typer.echo(f"{model.name} on {compiled.spec.name}: {figures['cycles_per_inference']:,} cycles "
               f"at {figures['clock_hz'] / 1e6:g} MHz, {figures['ms_per_inference']:.3f} ms, "
               f"{figures['inferences_per_second']:,.1f} inferences/s")
    typer.echo(f"over the link {1e3 * figures['link_seconds_per_inference']:.1f} ms an inference, "
               f"{figures['inferences_per_second_over_link']:,.2f} inferences/s{_repeated(link)}")


def _compile(spec: str, model: Path, overrides: list[str] | None,
             activation_nnz: list[str] | None, unfused: bool, batch: int,
             quiet: bool) -> "Compiled":
    from .session import compile_model

    return compile_model(load_spec(spec, overrides or ()), model,
                         activation_nnz=activation_nnz or (), unfused=unfused, batch=batch,
                         quiet=quiet)


def _repeated(link: Link) -> str:
    return f", {link.repeated} requests repeated" if link.repeated else ""
