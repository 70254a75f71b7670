# SPDX-License-Identifier: Apache-2.0
"""A comparison as files: data for machines, a plot, one page."""

import dataclasses
import html
import json
from pathlib import Path

from .bench import Bench
from .goals import GOALS_FOR, both, findings
from .plot import draw
from .tables import Table, notes, tables

__all__ = ["as_dict", "page", "write"]

STYLE = """
body { font: 15px/1.45 "DejaVu Sans", Verdana, sans-serif; color: #222; margin: 2em auto;
       max-width: 76em; padding: 0 1em; }
h1 { font-size: 1.6em; } h2 { font-size: 1.15em; margin-top: 2em; }
table { border-collapse: collapse; font-size: 0.85em; }
th, td { padding: 0.25em 0.7em; border-bottom: 1px solid #ddd; text-align: right;
         white-space: nowrap; }
th { background: #f3f3f3; vertical-align: bottom; white-space: normal; }
th:first-child, td:first-child, .text { text-align: left; }
.goal { background: #dff0e4; } .floor { background: #fdf3d0; } .missed { background: #f9dcd6; }
figure { margin: 1em 0; } svg { max-width: 100%; height: auto; } li { margin: 0.3em 0; }
div { overflow-x: auto; }
"""


def as_dict(bench: Bench) -> dict:
    """Plain data; units as in ``Result``, ``Measurement`` and ``NetworkRow``."""
    return {
        "technology": bench.technology, "library": bench.library, "seconds": bench.seconds,
        "time_unit": bench.unit, "area_unit": "um2" if bench.power else "gate equivalents",
        "sums_compared": bench.compared, "clocks": [point.period for point in bench.points],
        "results": [dataclasses.asdict(each) | {"variant": str(each.variant)}
                    for each in bench.results],
        "networks": [dataclasses.asdict(each) for each in bench.networks],
        "goals": [] if bench.technology != GOALS_FOR else [
            {**dataclasses.asdict(each.goal), "clock": each.clock, "variant": each.variant,
             "reached": None if each.reached is None else each.reached.value,
             "low": None if each.reached is None else each.reached.low,
             "high": None if each.reached is None else each.reached.high,
             "state": each.state} for each in findings(bench)],
        "both": [] if bench.technology != GOALS_FOR else [
            {"engine": each.engine, "variant": each.variant, "clock": each.clock,
             "area": each.reached[0].value, "energy": each.reached[1].value,
             "floors": each.floors, "held": each.held} for each in both(bench)],
        "notes": list(notes(bench)),
    }


def write(bench: Bench, folder: Path) -> None:
    """ppa.json, ppa.svg, ppa.png and ppa.html."""
    (folder / "ppa.json").write_text(json.dumps(as_dict(bench), indent=2) + "\n")
    for name in ("ppa.svg", "ppa.png"):
        draw(bench, folder / name)
    (folder / "ppa.html").write_text(page(bench, (folder / "ppa.svg").read_text()), "utf-8")


def page(bench: Bench, plot: str) -> str:
    """One HTML page that needs nothing else; ``plot``: the text of an SVG file."""
    title = f"Engines on {bench.technology}: area, timing, energy"
    body = [f"<h1>{html.escape(title)}</h1>", "<ul>",
            *(f"<li>{html.escape(note)}</li>" for note in notes(bench)), "</ul>",
            f"<figure>{plot[plot.index('<svg'):]}</figure>",
            *(_table(table) for table in tables(bench))]
    return ("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
            f"<title>{html.escape(title)}</title><style>{STYLE}</style></head><body>\n"
            + "\n".join(body) + "\n</body></html>\n")


def _table(table: Table) -> str:
    if not table.rows:
        return ""
    text = {key for key in table.rows[0] if key in ("variant", "workload", "what", "clock")}

    def cell(tag: str, key: str, value: str, more: str = "") -> str:
        kind = " ".join(filter(None, ("text" if key in text else "", more)))
        shown = f' class="{kind}"' if kind else ""
        return f"<{tag}{shown}>{html.escape(value)}</{tag}>"

    head = "".join(cell("th", key, key) for key in table.rows[0])
    rows = ["".join(cell("td", key, value, value if key == "state" else "")
                    for key, value in row.items()) for row in table.rows]
    return (f"<h2>{html.escape(table.title)}</h2><div><table><tr>{head}</tr>"
            + "".join(f"<tr>{row}</tr>" for row in rows) + "</table></div>")
