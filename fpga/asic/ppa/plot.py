# SPDX-License-Identifier: Apache-2.0
"""Draws ratios of area and energy beside the papers', as SVG or PNG."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .bench import Bench
from .designs import BASELINES, ENGINES
from .goals import PAPERS, Ratio, area_ratio, best, energy_ratio

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw"]

COLOURS = ("#0072B2", "#56B4E9")
"""By clock. Okabe and Ito's, which colour-blind people tell apart."""
PAPER = "#D55E00"


def draw(bench: Bench, path: Path) -> None:
    """Bars of how many times smaller, and of less energy, each engine is than SA at the same
    clock, with trust intervals, beside what papers say."""
    import matplotlib
    from matplotlib.figure import Figure

    panels = ["area"] + (["energy"] if bench.power else [])
    with matplotlib.rc_context({"svg.hashsalt": "systolith", "font.size": 10,
                                "font.family": "DejaVu Sans"}):
        figure = Figure((6.3 * len(panels), 4.6), layout="constrained")
        figure.suptitle(f"{bench.technology}: TPEs against SA at equal clock, width and "
                        "throughput, read-out in place", fontsize=11)
        for axes, quantity in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels,
                                  strict=True):
            _panel(axes, bench, quantity)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3,
                      frameon=False, fontsize=9)
        figure.savefig(path, dpi=130, metadata={"Date": None} if path.suffix == ".svg" else None)


def _panel(axes: "Axes", bench: Bench, quantity: str) -> None:
    names = [engine.name for engine in ENGINES if engine.name not in BASELINES[:1]]
    width = 0.84 / (len(bench.points) + 1)
    for index, point in enumerate(bench.points):
        found = [_ratio(bench, name, quantity, index) for name in names]
        _bars(axes, [k + (index - 1) * width for k in range(len(names))], found, width,
              COLOURS[index], point.label(bench.unit))
    papers = [PAPERS.get((name, quantity)) for name in names]
    _bars(axes, [k + (len(bench.points) - 1) * width for k in range(len(names))],
          [None if paper is None else Ratio(paper, 0.0) for paper in papers], width, PAPER,
          "paper (16 nm, 1 GHz)")
    axes.axhline(1, color="#666666", linewidth=0.8)
    axes.set_xticks(range(len(names)), names)
    axes.set_ylabel("times smaller than SA" if quantity == "area"
                    else "times less energy than SA")
    axes.set_title("Area" if quantity == "area" else
                   "Energy a MAC, workload P, with glitches", fontsize=10)
    axes.set_ylim(bottom=0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _ratio(bench: Bench, name: str, quantity: str, index: int) -> Ratio | None:
    workload = None if quantity == "area" else "P"
    result = best(bench, name, bench.points[index], workload)
    if result is None:
        return None
    return area_ratio(bench, result) if workload is None else energy_ratio(
        bench, result, workload)


def _bars(axes: "Axes", places: Sequence[float], found: Sequence[Ratio | None], width: float,
          colour: str, label: str) -> None:
    there = [(place, ratio) for place, ratio in zip(places, found, strict=True)
             if ratio is not None]
    whiskers = [[ratio.value - ratio.low for _, ratio in there],
                [ratio.high - ratio.value for _, ratio in there]]
    axes.bar([place for place, _ in there], [ratio.value for _, ratio in there], 0.94 * width,
             yerr=None if colour == PAPER else whiskers, color=colour, ecolor="#333333",
             capsize=3, error_kw={"linewidth": 1}, label=label)
    for place, ratio in there:
        axes.text(place, 0.06, f"{ratio.value:.2f}", ha="center", va="bottom", fontsize=8,
                  color="black" if colour == COLOURS[1] else "white", rotation=90)
