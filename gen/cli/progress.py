# SPDX-License-Identifier: Apache-2.0
"""Progress for people who wait."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

__all__ = ["stage"]

LONG = 2.0


@contextmanager
def stage(text: str, *, total: int | None = None, quiet: bool = False
          ) -> Iterator[Callable[[], None]]:
    """Show on stderr that ``text`` is under way; yields ``advance()`` for each of ``total`` parts.

    Silent where ``quiet`` or where stderr is no terminal. What took longer than two seconds
    leaves a line that says how long.
    """
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda: None
        return
    columns = [SpinnerColumn(), TextColumn("{task.description}", markup=False),
               *([BarColumn()] if total else []), TimeElapsedColumn()]
    start = time.monotonic()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(text, total=total)
        yield lambda: progress.advance(task)
    seconds = time.monotonic() - start
    if seconds > LONG:
        console.print(Text(f"{text}: {seconds:.1f} s", style="dim"))
