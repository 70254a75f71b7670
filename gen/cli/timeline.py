# SPDX-License-Identifier: Apache-2.0
"""Draws which unit is busy when, as SVG or PNG."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from ...rtl.core import UNITS
from .inputs import check_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..predict import Timeline

__all__ = ["TimelineOption", "check_timeline", "draw_timeline"]

TimelineOption = Annotated[Path | None, typer.Option(
    "--timeline", metavar="FILE.svg|.png", show_default=False,
    help="Draw which unit is busy when.")]

COLOURS = dict(zip(UNITS, (
    "#666666", "#56B4E9", "#0072B2", "#D55E00", "#009E73", "#CC79A7"), strict=True))
"""Okabe and Ito's, which colour-blind people tell apart; each has a row of its own besides."""
LABELS = {"sequencer": "sequencer", "operands": "operand fetch", "engine": "engine",
          "results": "post-processor", "vector": "vector unit",
          "transfers": "transfers (DMA)"}
STEPS = 1200
WIDTH = 15.0
LETTER = 0.006  # of a panel's width


def check_timeline(path: Path | None) -> None:
    """Raises InputFault where no picture can be written as ``path``."""
    check_picture(path, "--timeline")


def draw_timeline(path: Path, title: str, timelines: Sequence["Timeline"]) -> None:
    """Draw ``timelines`` of one run below each other; a row for each unit, its height the share of
    cycles in which the unit is busy, over as many cycles as a step of the picture is wide."""
    import matplotlib
    from matplotlib.figure import Figure

    key = timelines[0].layers
    units = [unit for unit in reversed(UNITS) if any(
        timeline.busy.spans[unit] for timeline in timelines)]
    key_rows = -(-len(key) // 3)
    panel, below = 2.9, 0.55 + 0.17 * key_rows
    height = 0.7 + panel * len(timelines) + below
    with matplotlib.rc_context({"svg.hashsalt": "systolith", "font.size": 9,
                                "font.family": "DejaVu Sans"}):
        figure = Figure((WIDTH, height), layout="none")
        figure.text(0.01, 1 - 0.3 / height, title, fontsize=12, weight="bold", va="center")
        for index, timeline in enumerate(timelines):
            top = 1 - (0.7 + panel * index + 0.55) / height
            axes = figure.add_axes((0.135, top - (panel - 1.0) / height, 0.855,
                                    (panel - 1.0) / height))
            _draw(axes, timeline, units, last=index == len(timelines) - 1)
        _key(figure, key, below / height)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=130, metadata={"Date": None} if path.suffix == ".svg" else None)


def _draw(axes: "Axes", timeline: "Timeline", units: Sequence[str], *, last: bool) -> None:
    step = max(1, -(-timeline.cycles // STEPS))
    edges = np.arange(0, timeline.cycles + step, step)
    shares = timeline.shares()
    for row, unit in enumerate(units):
        height = _busy_share(timeline.busy.spans[unit], edges)
        axes.fill_between(edges, row + 0.86 * np.append(height, height[-1:]), row, step="post",
                          color=COLOURS[unit], linewidth=0)
    for *_, end in timeline.layers[:-1]:
        axes.axvline(end, color="#999999", linewidth=0.5)
    axes.set(xlim=(0, timeline.cycles), ylim=(0, len(units)))
    axes.set_yticks(np.arange(len(units)) + 0.43, [
        f"{LABELS[unit]}  {100 * shares[unit]:3.0f} %" for unit in units])
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.hlines(np.arange(len(units)), 0, timeline.cycles, color="#DDDDDD", linewidth=0.5)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    if last:
        axes.set_xlabel("cycles" if step == 1 else
                        f"cycles; height: share of {step} cycles in which the unit is busy")
    axes.text(0, 1.27, f"{timeline.source}: {timeline.cycles:,} cycles",
              transform=axes.transAxes, weight="bold")
    middles = [(start + end) / 2 / timeline.cycles for *_, start, end in timeline.layers]
    labels = [label for label, *_ in timeline.layers]
    places = _apart(middles, [LETTER * (len(label) + 1) for label in labels])
    for label, middle, place in zip(labels, middles, places, strict=True):
        axes.annotate(label, (middle, 1.0), (place, 1.12), xycoords="axes fraction",
                      textcoords="axes fraction", ha="center", va="center", fontsize=8,
                      arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": "#999999",
                                  "shrinkA": 0, "shrinkB": 0})


def _busy_share(spans: Sequence[tuple[int, int]], edges: np.ndarray) -> np.ndarray:
    """Share of the cycles between every two ``edges`` that lie in ``spans``."""
    if not spans:
        return np.zeros(len(edges) - 1)
    starts, ends = np.array(spans).T
    before = np.concatenate([[0], np.cumsum(ends - starts)])
    index = np.searchsorted(starts, edges, side="right") - 1
    inside = np.where(index >= 0, np.minimum(edges, ends[index]) - starts[index], 0)
    return np.diff(before[np.maximum(index, 0)] + inside) / np.diff(edges)


def _apart(middles: Sequence[float], widths: Sequence[float]) -> list[float]:
    """Places between 0 and 1, in order, for labels of such ``widths`` that do not overlap (all are
    narrower where they are too many), as near to ``middles`` as one pass each way finds."""
    scale = min(1.0, 1 / sum(widths))
    gaps = [scale * (one + other) / 2 for one, other in pairwise(widths)]
    places = list(middles)
    for i, gap in enumerate(gaps, start=1):
        places[i] = max(places[i], places[i - 1] + gap)
    places[-1] = min(places[-1], 1.0)
    for i, gap in reversed(list(enumerate(gaps))):
        places[i] = min(places[i], places[i + 1] - gap)
    return places


def _key(figure, layers: Sequence[tuple[str, str, int, int]], height: float) -> None:
    """Which layers the labels stand for, and their cycles, in three columns at the bottom."""
    rows = -(-len(layers) // 3)
    for index, (label, name, start, end) in enumerate(layers):
        column, row = divmod(index, rows)
        text = name if len(name) <= 52 else "…" + name[-51:]
        figure.text(0.02 + 0.33 * column, height * (0.82 * (rows - row) / (rows + 0.6)),
                    f"{label}:  {text}  {end - start:,}", fontsize=8, va="center")
