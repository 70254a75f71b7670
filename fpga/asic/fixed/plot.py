# SPDX-License-Identifier: Apache-2.0
"""Draws the energy of a network by split point, as SVG or PNG."""

from pathlib import Path

from .bench import Bench

__all__ = ["draw"]

PARTS = {"fixed": ("fixed front end", "#0072B2"), "handoff": ("hand-off", "#D55E00"),
         "rest": ("engine", "#56B4E9"), "waiting": ("waiting", "#999999")}
"""Of an inference: label and colour (Okabe and Ito's)."""


def draw(bench: Bench, path: Path) -> None:
    """A panel an engine: bars of an inference's energy, all on the engine and by the last layer
    that is fixed, each with its gain."""
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    with matplotlib.rc_context({"svg.hashsalt": "systolith", "font.size": 10,
                                "font.family": "DejaVu Sans"}):
        figure = Figure((1.5 + 4.6 * len(bench.engines), 4.8), layout="constrained")
        figure.suptitle(f"{bench.model} on {bench.technology}, {1e6 / bench.clock_ps:g} MHz: an "
                        "inference, by the last fixed layer", fontsize=11)
        panels = figure.subplots(1, len(bench.engines), squeeze=False, sharey=True)[0]
        for axes, engine in zip(panels, bench.engines, strict=True):
            splits = bench.splits(engine)
            labels = ["none", *(str(bench.names.index(split.last)) for split in splits)]
            alone = splits[0].alone if splits else 0.0
            below = [0.0] * len(labels)
            for part, (label, colour) in PARTS.items():
                heights = [alone if part == "rest" else 0.0,
                           *(getattr(split, part) for split in splits)]
                axes.bar(labels, heights, 0.7, bottom=below, color=colour, label=label)
                below = [a + b for a, b in zip(below, heights, strict=True)]
            for place, gain in enumerate([1.0, *(split.gain for split in splits)]):
                axes.annotate(f"{gain:.2f}x", (place, below[place]), (0, 3), ha="center",
                              textcoords="offset points", fontsize=9)
            axes.set_title(engine.name, fontsize=10)
            axes.set_xlabel("last layer that is fixed")
            axes.margins(y=0.1)
            axes.yaxis.set_major_locator(MaxNLocator(6))
            for side in ("top", "right"):
                axes.spines[side].set_visible(False)
        panels[0].set_ylabel("nJ an inference")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4,
                      frameon=False, fontsize=9)
        figure.savefig(path, dpi=130, metadata={"Date": None} if path.suffix == ".svg" else None)
