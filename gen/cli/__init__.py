# SPDX-License-Identifier: Apache-2.0
"""The command line, ``systolith``.

Commands of this package are in ``commands``. Other packages, which this one may not import, add
theirs through the entry-point group ``systolith.commands``: each entry point is a callable that
takes the ``typer.Typer`` application and registers commands on it::

    [project.entry-points."systolith.commands"]
    simulation = "systolith.verif.commands:register"

    def register(app: typer.Typer) -> None:
        app.command("verify")(verify)

Such a callable runs at every start, so its module imports what is slow inside its commands.
What commands share (arguments, exit codes, faults, progress, folders) is in ``common``.
"""

import gc
import sys
from importlib.metadata import entry_points, version
from typing import Annotated

import typer

from .commands import register

__all__ = ["GROUP", "create_app", "main"]

GROUP = "systolith.commands"


def create_app() -> typer.Typer:
    """The application with the commands of every installed package.

    An entry point that cannot be loaded is named on stderr and left out.
    """
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                      help="Generate, program and predict int8 neural-network accelerators.")
    app.callback()(_top)
    register(app)
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            entry.load()(app)
        except Exception as fault:
            print(f"Commands of {entry.value} are not available: {fault}", file=sys.stderr)
    return app


def main() -> None:
    """Run the command line; exits with 0 (holds), 1 (does not hold) or 2 (bad input).

    A command is a short-lived process: searching its netlists for garbage, on the way or at its
    end, would take a quarter of the time of ``generate``.
    """
    gc.disable()
    try:
        create_app()(prog_name="systolith")
    finally:
        gc.freeze()


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"systolith {version('systolith')}")
        raise typer.Exit


def _top(
    show_version: Annotated[bool, typer.Option(
        "--version", help="Print the version.", is_eager=True, callback=_show_version)] = False,
) -> None:
    pass
