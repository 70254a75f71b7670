# SPDX-License-Identifier: Apache-2.0
"""What a run does, layer by layer: rows for machines, and a table for people."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .common import PIPE_WIDTH

if TYPE_CHECKING:
    from ..compile import Program
    from ..predict import Prediction

__all__ = ["layer_rows", "print_layers"]

Row = Mapping[str, Any]

MAPPED = ("name", "op", "unit", "input", "output", "macs", "steps_per_block", "nnz", "skipped",
          "activation_nnz")
WAITS = ("stall_operands", "stall_drain", "stall_parameters")
NAME = 30


def layer_rows(program: "Program", prediction: "Prediction") -> list[dict]:
    """Everything about each layer of the core: mapping, density, predicted cycles and stalls.

    ``share`` is that of the run's cycles; ``nnz`` the mean of the densest column of the blocks
    that are issued, ``skipped`` the share of blocks that are not. A ``fused`` layer's cycles are
    in the next one's.
    """
    return [{key: mapped[key] for key in MAPPED} | {
        "fused": layer.fused, "cycles": layer.cycles, "share": layer.cycles / prediction.cycles,
        "utilisation": layer.utilisation} | asdict(layer.stalls)
        for mapped, layer in zip(program.mapping_rows, prediction.layers, strict=True)]


@dataclass(frozen=True)
class _Column:
    """``text`` of a row; ``keep``: those of the lowest go first where the table is too wide."""

    heading: str
    text: Callable[[Row], str]
    keep: int
    right: bool = True


def _cycles(row: Row, key: str = "cycles") -> str:
    if row["fused"]:
        return "with next"
    return f"{row[key]:,}" if isinstance(row[key], int) else str(row[key])


def _percent(value: float | None) -> str:
    return "" if not value else f"{100 * value:.1f} %"


def _waits(row: Row) -> int:
    return sum(row.get(key) or 0 for key in WAITS)


def _count(key: str) -> Callable[[Row], str]:
    return lambda row: f"{row[key]:,}" if row.get(key) else ""


COLUMNS = (
    _Column("layer", lambda row: row["label"], 9, right=False),
    _Column("operator", lambda row: row["op"].replace("_2D", ""), 8, right=False),
    _Column("unit", lambda row: row.get("unit", "host"), 6, right=False),
    _Column("input", lambda row: row.get("input", ""), 2),
    _Column("output", lambda row: row.get("output", ""), 5),
    _Column("MACs", _count("macs"), 5),
    _Column("NNZ", lambda row: f"{row['nnz']:.1f}" if row.get("nnz") else "", 4),
    _Column("skipped", lambda row: _percent(row.get("skipped")), 3),
    _Column("cycles", _cycles, 9),
    _Column("predicted", lambda row: _cycles(row, "predicted_cycles"), 7),
    _Column("share", lambda row: _percent(row.get("share")), 7),
    _Column("util.", lambda row: _percent(row["utilisation"]), 8),
    _Column("waits", lambda row: f"{_waits(row):,}" if _waits(row) else "", 7),
    _Column("operand", _count("stall_operands"), 3),
    _Column("drain", _count("stall_drain"), 2),
    _Column("parameter", _count("stall_parameters"), 2),
    _Column("conflicts", _count("bank_conflicts"), 2),
)


def print_layers(title: str, rows: Sequence[Row], total: Row) -> None:
    """Print ``rows`` as a table, with ``total`` (macs, cycles, …) below.

    ``waits`` are the engine's and the vector unit's cycles without work, by cause behind it.
    Columns that do not fit the terminal are left out; ``--json`` has them all.
    """
    console = Console()
    width = console.width if console.is_terminal else PIPE_WIDTH
    console, endless = Console(width=width), Console(width=1000)
    shown = [dict(row) | {"label": f"{place:2} {_short(row['name'])}"}
             for place, row in enumerate(rows, start=1)]
    measured = any("predicted_cycles" in row for row in rows)
    columns = [column for column in COLUMNS if measured or column.heading != "predicted"]
    columns = [column for column in columns if column.heading in ("layer", "cycles")
               or any(column.text(row) for row in shown)]
    while True:
        table = _table(title, columns, shown, total)
        if endless.measure(table).maximum <= width or len(columns) <= 2:
            break
        least = min(column.keep for column in columns)
        dropped = [column for column in columns if column.keep == least][-1]
        columns.remove(dropped)
    console.print(table)


def _table(title: str, columns: Sequence[_Column], rows: Sequence[Row], total: Row) -> Table:
    footer = {"fused": False, "label": "   total", "op": "", "unit": "", "utilisation": None}
    footer |= total
    table = Table(title=Text(title), title_justify="left", box=SIMPLE_HEAD, show_footer=True,
                  padding=(0, 0, 0, 1), pad_edge=False)
    for column in columns:
        table.add_column(column.heading, justify="right" if column.right else "left",
                         no_wrap=True, footer=Text(column.text(footer)))
    for row in rows:
        table.add_row(*(Text(column.text(row)) for column in columns),
                      style="dim" if row.get("unit") is None else "")
    return table


def _short(name: str) -> str:
    """The end of a framework's layer name, which tells layers apart."""
    return name if len(name) <= NAME else "…" + name[1 - NAME:]
