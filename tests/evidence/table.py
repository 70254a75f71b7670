# SPDX-License-Identifier: Apache-2.0
"""One goal a row: required, reached, pass."""

from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

__all__ = ["Result", "Section", "show"]

Result = tuple[str, str, str, bool]
"""Goal, required, reached, passed."""
Section = tuple[Callable[..., Iterator[Result]], bool | str]
"""Goals that belong together, given the folder of networks; whether they need it, or "pdk": they
need it, and as a second argument that of libraries of cells."""


def show(sections: tuple[Section, ...], networks: Path | None, pdk: Path | None = None) -> bool:
    """Measure and print; whether all goals are reached."""
    console = Console(width=160)
    table = Table("goal", "required", "reached", "pass", title="evidence", title_justify="left")
    good = True
    for section, needs in sections:
        folders = {"--networks DIR": networks} | ({"--pdk DIR": pdk} if needs == "pdk" else {})
        missing = [option for option, folder in folders.items() if folder is None]
        if needs and missing:
            table.add_row(section.__name__, ", ".join(missing), "not given", "SKIPPED")
            continue
        for goal, required, reached, passed in section(*folders.values()):
            console.print(f"{goal}: {reached} ({required}) {'pass' if passed else 'MISSED'}")
            table.add_row(goal, required, reached, "yes" if passed else "NO")
            good &= passed
    console.print(table)
    return good
