# SPDX-License-Identifier: Apache-2.0
"""Groups of commands that several packages fill."""

import typer

__all__ = ["BENCH", "group"]

BENCH = "bench"
_HELP = {BENCH: "Side-by-side tables, each by one command."}


def group(app: typer.Typer, name: str) -> typer.Typer:
    """The group ``name`` of ``app``, added by whoever asks first."""
    for found in app.registered_groups:
        if found.name == name and found.typer_instance is not None:
            return found.typer_instance
    made = typer.Typer(no_args_is_help=True, help=_HELP[name])
    app.add_typer(made, name=name)
    return made
