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
need it and that of cell libraries, which is their second argument."""


def show(sections: tuple[Section, ...], networks: Path | None, pdk: Path | None = None) -> bool:
    """Measure and print; whether all goals are reached."""
    console = Console(width=160)
    table = Table("goal", "required", "reached", "pass", title="evidence", title_justify="left")
    good = True
    for section, needs_networks in sections:
        if needs_networks and networks is None:
            table.add_row(section.__name__, "--networks DIR", "not given", "SKIPPED")
            continue
        if needs_networks == "pdk" and pdk is None:
            table.add_row(section.__name__, "--pdk DIR", "not given", "SKIPPED")
            continue
        given = (networks, pdk) if needs_networks == "pdk" else (networks,)
        for goal, required, reached, passed in section(*given):
            console.print(f"{goal}: {reached} ({required}) {'pass' if passed else 'MISSED'}")
            table.add_row(goal, required, reached, "yes" if passed else "NO")
            good &= passed
    console.print(table)
    return good
