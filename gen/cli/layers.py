# SPDX-License-Identifier: Apache-2.0
"""What a run does, layer by layer: rows for machines, and a table for people."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .common import PIPE_WIDTH

if TYPE_CHECKING:
    from ...golden.network import Layer
    from ..compile import Program
    from ..predict import Prediction

__all__ = ["fixed_rows", "layer_rows", "print_layers", "print_segments"]

Row = Mapping[str, Any]

MAPPED = ("name", "op", "unit", "input", "output", "macs", "steps_per_block", "nnz", "skipped",
          "activation_nnz")
AVERAGED = ("steps_per_block", "nnz", "skipped")
WAITS = ("stall_operands", "stall_drain", "stall_parameters")
NAME = 30


def layer_rows(program: "Program", prediction: "Prediction",
               measured: Sequence[int] | None = None) -> list[dict]:
    """Everything about each layer of the core, its parts together: mapping, density, cycles and
    stalls, bytes moved.

    ``cycles`` are predicted, or ``measured`` if they were, part by part; ``share`` is that of the
    run's cycles without waits for transfers, ``transfer_wait`` those (predicted). ``nnz`` is the
    mean of the densest column of the blocks that are issued, ``skipped`` the share of blocks that
    are not. A ``fused`` layer's cycles are in the next one's. ``reuse``: working set over bytes
    moved.
    """
    from ..predict import layer_traffic

    parts: dict[int, list[int]] = {}
    for index, layer in enumerate(program.layers):
        parts.setdefault(layer.lowered.output, []).append(index)
    whole = {low.output: low for low in program.lowered.layers}
    mapped = program.mapping_rows
    traffic = layer_traffic(program)
    total = sum(measured) if measured is not None else prediction.cycles
    rows = []
    for output, indices in parts.items():
        layers = [prediction.layers[index] for index in indices]
        predicted = sum(layer.cycles for layer in layers)
        cycles = predicted if measured is None else sum(measured[index] for index in indices)
        useful = sum(layer.utilisation * layer.cycles for layer in layers)
        row = {key: mapped[indices[0]][key] for key in MAPPED} | {
            "input": _shape(program.lowered.shapes[whole[output].source]),
            "output": _shape(program.lowered.shapes[output]), "macs": whole[output].macs}
        row |= {key: _mean([mapped[index][key] for index in indices]) for key in AVERAGED}
        row |= {"parts": len(indices), "fused": layers[0].fused, "cycles": cycles}
        if measured is not None:
            row["predicted_cycles"] = predicted
        row |= {"share": cycles / total, "utilisation": useful / max(cycles, 1)}
        row |= asdict(sum((layer.stalls for layer in layers[1:]), layers[0].stalls))
        row |= {"transfer_wait": sum(prediction.waits[index] for index in indices),
                "moved_bytes": traffic[output].moved, "reuse": traffic[output].reuse}
        rows.append(row)
    return rows


def fixed_rows(program: "Program", *, measured: bool = False) -> list[dict]:
    """The layers of a front end, which run by themselves; ``measured``: beside others that were."""
    made = program.parameters.front_end
    return [] if made is None else [{
        "name": layer.name, "op": layer.kind, "unit": "fixed", "fused": False,
        "output": _shape(parameters.out_shape), "macs": _macs(layer, parameters.out_shape),
        "cycles": "fixed", "utilisation": 0.0} | ({"predicted_cycles": "fixed"} if measured else {})
        for layer, parameters in zip(program.fixed, made.layers, strict=True)]


def _macs(layer: "Layer", shape: tuple[int, int, int]) -> int:
    """Products of an operator whose result has ``shape``, as the network states it."""
    weights = getattr(layer, "weights", None)
    if weights is None:
        return 0
    outputs = shape[2] if layer.kind == "DEPTHWISE_CONV_2D" else len(weights)
    return shape[0] * shape[1] * outputs * (weights.size // outputs)


def _shape(sizes: tuple[int, int, int]) -> str:
    return "x".join(map(str, sizes))


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), 3) if known else None


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
    _Column("parts", lambda row: str(row["parts"]) if row.get("parts", 1) > 1 else "", 6),
    _Column("transfer", _count("transfer_wait"), 6),
    _Column("moved B", _count("moved_bytes"), 6),
    _Column("reuse", lambda row: f"{row['reuse']:.2f}" if row.get("reuse") else "", 5),
)


def print_layers(title: str, rows: Sequence[Row], total: Row) -> None:
    """Print ``rows`` as a table, with ``total`` (macs, cycles, …) below.

    ``waits`` are the engine's and the vector unit's cycles without work, by cause behind it;
    ``transfer`` those on top in which a layer's transfers keep it from beginning.
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


def print_segments(program: "Program") -> None:
    """Say in a line each which layers run together in stripes, if some do."""
    for segment in program.segment_rows:
        if segment["stripes"] > 1:
            first, last = segment["layers"][0], segment["layers"][-1]
            names = _short(first) if first == last else f"{_short(first)} to {_short(last)}"
            typer.echo(f"in {segment['stripes']} stripes: {names}")
