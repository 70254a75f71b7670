# SPDX-License-Identifier: Apache-2.0
"""Draws milliseconds an inference by network and board, beside the peers', as SVG or PNG."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from .bench import Bench
from .peers import PEERS
from .tables import labels

__all__ = ["draw"]

COLOURS = ("#0072B2", "#56B4E9", "#009E73", "#E69F00", "#CC79A7", "#000000", "#F0E442")
"""By spec. Okabe and Ito's, which colour-blind people tell apart."""
PEER = "#D55E00"
SHAPES = ("o", "s", "^", "v", "P", "X", "*")
PEER_SHAPES = {"XC7Z020": "D", "XC7Z010": "d", "XC7Z007S": "p", "XC7A35T": "h"}
SPREAD = 0.9
"""Of the room of a network, what its marks take."""
Series = Sequence[tuple[str, Mapping[str, float | None]]]
"""Label, and times by network."""


def draw(bench: Bench, path: Path) -> None:
    """A mark for each spec's time and each peer's, log scale, by network."""
    import matplotlib
    from matplotlib.figure import Figure

    names = labels(bench)
    series: list[tuple[str, Mapping[str, float | None]]] = [(f"{row.spec}, {row.device}", {
        each.network: each.milliseconds(row.clock) for each in row.inferences})
        for row in bench.rows]
    ours = len(series)
    peers = list(dict.fromkeys((peer.name, peer.device) for peer in PEERS
                               if peer.network in names))
    series += [(f"{name}, {device}", {each.network: each.milliseconds for each in PEERS
                                      if (each.name, each.device) == (name, device)})
               for name, device in peers]
    with matplotlib.rc_context({"svg.hashsalt": "systolith", "font.size": 10,
                                "font.family": "DejaVu Sans"}):
        figure = Figure((10.4, 5.2), layout="constrained")
        axes = figure.subplots()
        axes.set_title("Time of an inference, networks unmodified", fontsize=11)
        for index, (label, _) in enumerate(series):
            own = index < ours
            look = {"color": COLOURS[index % len(COLOURS)], "markeredgecolor": "#222222",
                    "marker": SHAPES[index % len(SHAPES)]} if own else {
                "color": "white", "markeredgecolor": PEER,
                "marker": PEER_SHAPES.get(peers[index - ours][1], "D")}
            shown = [(place + offset, time, above) for place, name in enumerate(names)
                     for at, offset, time, above in _marks(name, series) if at == index]
            axes.plot([x for x, _, _ in shown], [y for _, y, _ in shown], linestyle="none",
                      markersize=9, label=label, markeredgewidth=1.3, **look)
            for x, y, above in shown:
                axes.annotate(f"{y:.3g}", (x, y), textcoords="offset points",
                              xytext=(0, 8 if above else -15), ha="center", fontsize=7.5,
                              color="#222222" if own else PEER)
        for place in range(1, len(names)):
            axes.axvline(place - 0.5, color="#dddddd", linewidth=0.8)
        axes.set_yscale("log")
        axes.set_xticks(range(len(names)), names)
        axes.set_xlim(-0.5, len(names) - 0.5)
        axes.margins(y=0.12)
        axes.set_ylabel("ms an inference: predicted cycles by clock")
        axes.grid(axis="y", color="#eeeeee")
        axes.set_axisbelow(True)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3,
                      frameon=False, fontsize=9)
        figure.savefig(path, dpi=130, metadata={"Date": None} if path.suffix == ".svg" else None)


def _marks(network: str, series: Series) -> Iterator[tuple[int, float, float, bool]]:
    """Of each of ``series`` that is there: its index, where of the network's room it is, its
    time, and whether that is written above the mark, away from the mark before."""
    there = [(index, time) for index, (_, times) in enumerate(series)
             if (time := times.get(network)) is not None]
    last = 0.0
    for rank, (index, time) in enumerate(there):
        yield index, SPREAD * ((rank + 0.5) / len(there) - 0.5), time, time >= last
        last = time
