# SPDX-License-Identifier: Apache-2.0
"""Draws accuracy against the time since programming, as SVG or PNG."""

from pathlib import Path

import numpy as np

from .study import Study

__all__ = ["draw_study"]

_COLOUR, _LINE = "#0072B2", "#D55E00"  # Okabe and Ito's


def draw_study(path: Path, title: str, study: Study) -> None:
    """Mean accuracy in percent over a logarithmic time, the 95 % confidence band of the mean, one
    standard deviation of an array, and the digital network as a line."""
    import matplotlib
    from matplotlib.figure import Figure

    points = study.points
    seconds = np.array([point.seconds for point in points])
    mean, half, deviation = (100 * np.array([getattr(point, name) for point in points])
                             for name in ("mean", "half_width", "deviation"))
    with matplotlib.rc_context({"svg.hashsalt": "systolith", "font.size": 9,
                                "font.family": "DejaVu Sans"}):
        figure = Figure((7.0, 4.2), layout="constrained")
        axes = figure.add_subplot()
        axes.set_xscale("log")
        axes.fill_between(seconds, mean - deviation, np.minimum(mean + deviation, 100),
                          color=_COLOUR, alpha=0.15, linewidth=0,
                          label="one standard deviation of an array")
        axes.fill_between(seconds, mean - half, np.minimum(mean + half, 100), color=_COLOUR,
                          alpha=0.35, linewidth=0, label="95 % confidence of the mean")
        axes.plot(seconds, mean, color=_COLOUR, marker="o", markersize=4,
                  label=f"mean of {len(points[0].accuracies)} arrays")
        axes.axhline(100 * study.digital, color=_LINE, linewidth=1, linestyle="--",
                     label="digital")
        axes.axhline(100 * study.quantised, color=_LINE, linewidth=1, linestyle=":",
                     label="ideal cells, with row drivers and ADCs")
        axes.set_xticks(seconds, [point.name for point in points])
        axes.minorticks_off()
        axes.set(xlabel="time since programming", ylabel="accuracy, %")
        axes.set_title(title, loc="left", fontsize=10, weight="bold")
        axes.grid(axis="y", color="#DDDDDD", linewidth=0.5)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        axes.legend(frameon=False, fontsize=8, loc="lower left")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=130, metadata={"Date": None} if path.suffix == ".svg" else None)
