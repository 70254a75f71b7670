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
    clock, with trust intervals, and marks where a paper says so."""
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
        figure.savefig(path, dpi=130, metadata={"Date": None} if path.suffix == ".svg" else None)


def _panel(axes: "Axes", bench: Bench, quantity: str) -> None:
    names = [engine.name for engine in ENGINES if engine.name not in BASELINES[:1]]
    width = 0.8 / len(bench.points)
    for index, point in enumerate(bench.points):
        found = [_ratio(bench, name, quantity, index) for name in names]
        places = [k + (index - (len(bench.points) - 1) / 2) * width for k in range(len(names))]
        _bars(axes, places, found, width, COLOURS[index], point.label(bench.unit))
    marked = False
    for place, name in enumerate(names):
        if (paper := PAPERS.get((name, quantity))) is not None:
            axes.plot((place - 0.45, place + 0.45), (paper, paper), color=PAPER, linewidth=2.2,
                      label=None if marked else "paper (16 nm)")
            axes.text(place + 0.47, paper, f"{paper:.2f}", color=PAPER, va="center", fontsize=8)
            marked = True
    axes.axhline(1, color="#666666", linewidth=0.8)
    axes.set_xticks(range(len(names)), names)
    axes.set_ylabel("times smaller than SA" if quantity == "area"
                    else "times less energy than SA")
    axes.set_title("Area" if quantity == "area" else
                   "Energy a MAC, workload P, with glitches", fontsize=10)
    axes.set_ylim(bottom=0)
    axes.margins(y=0.16)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(frameon=False, fontsize=9, loc="upper right")


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
    axes.bar([place for place, _ in there], [ratio.value for _, ratio in there], 0.94 * width,
             yerr=[[ratio.value - ratio.low for _, ratio in there],
                   [ratio.high - ratio.value for _, ratio in there]],
             color=colour, ecolor="#333333", capsize=3, error_kw={"linewidth": 1}, label=label)
    for place, ratio in there:
        axes.text(place, 0.06, f"{ratio.value:.2f}", ha="center", va="bottom", fontsize=8,
                  color="white" if colour == COLOURS[0] else "black", rotation=90)
