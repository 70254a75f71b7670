# SPDX-License-Identifier: Apache-2.0
"""The floor plan of a macro: which cells each layer has, and how much of the array is in use."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from ...golden.cim.layers import tile_columns
from ...golden.cim.mapping import ArrayShape, LayerMapping
from ..compile import ArrayPlan, Program
from ..compile.cim.plan import shape_of

__all__ = ["FloorPlan", "draw_floor_plan", "floor_plans"]

COLOURS = ("#56B4E9", "#E69F00", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#999999")
"""Okabe and Ito's, which colour-blind people tell apart; layers have a number besides."""
LEAST_LABEL = 24
"""Rows of a rectangle that has room for its layer's number."""
NAME = 40


@dataclass(frozen=True)
class FloorPlan:
    """Layers (number in the program, name, place) that have the array at the same time."""

    shape: ArrayShape
    layers: tuple[tuple[int, str, LayerMapping], ...]

    @property
    def cells(self) -> int:
        """In use."""
        return sum(tile.height * mapping.channels for _, _, mapping in self.layers
                   for tile in mapping.tiles)

    @property
    def utilisation(self) -> float:
        """Share of the cells that are in use."""
        return self.cells / (self.shape.rows * self.shape.columns)

    def rectangles(self) -> Iterator[tuple[int, int, int, int, int]]:
        """Layer's number, first row, rows, first column, columns, of every stretch of columns."""
        for number, _, mapping in self.layers:
            for tile in mapping.tiles:
                columns = sorted(tile_columns(mapping, tile, self.shape).tolist())
                for _, run in groupby(enumerate(columns), lambda pair: pair[1] - pair[0]):
                    members = [column for _, column in run]
                    yield number, tile.row, tile.height, members[0], len(members)


def floor_plans(program: Program) -> list[FloorPlan]:
    """One where weights are resident, else one for each time that the array is loaded."""
    plans: list[list[tuple[int, str, LayerMapping]]] = []
    for number, layer in enumerate(program.layers, start=1):
        if isinstance(layer.plan, ArrayPlan):
            if layer.plan.load or not plans:
                plans.append([])
            plans[-1].append((number, layer.lowered.name, layer.plan.mapping))
    shape = shape_of(program.parameters.macro)
    return [FloorPlan(shape, tuple(layers)) for layers in plans]


def draw_floor_plan(path: Path, title: str, plans: list[FloorPlan]) -> None:
    """Draw ``plans`` side by side as SVG or PNG: rows down, columns across, ADCs by dashed lines
    where phases begin; a colour and a number a layer."""
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    shape = plans[0].shape
    names = [(number, name) for plan in plans for number, name, _ in plan.layers]
    below = 0.5 + 0.17 * -(-len(names) // 2)
    wide, high = 5.2 * len(plans) + 1.6, 6.4 + below
    with matplotlib.rc_context({"svg.hashsalt": "systolith", "font.size": 9,
                                "font.family": "DejaVu Sans"}):
        figure = Figure((wide, high), layout="none")
        figure.text(0.02, 1 - 0.25 / high, title, fontsize=12, weight="bold", va="center")
        for index, plan in enumerate(plans):
            axes = figure.add_axes(((0.9 + 5.2 * index) / wide, (below + 0.5) / high,
                                    4.6 / wide, 5.1 / high))
            for number, row, rows, column, columns in plan.rectangles():
                axes.add_patch(Rectangle(
                    (column, row), columns, rows, facecolor=COLOURS[(number - 1) % len(COLOURS)],
                    edgecolor="#333333", linewidth=0.5))
                if rows >= LEAST_LABEL and columns >= shape.columns // 48:
                    axes.text(column + columns / 2, row + rows / 2, str(number), fontsize=8,
                              ha="center", va="center")
            if not shape.adjacent:
                for phase in range(1, shape.mux):
                    axes.axvline(phase * shape.adcs, color="#666666", linewidth=0.6,
                                 linestyle="--")
            axes.set(xlim=(0, shape.columns), ylim=(shape.rows, 0), xlabel="column", ylabel="row")
            axes.set_title(f"{100 * plan.utilisation:.1f} % of {shape.rows} x {shape.columns} "
                           "cells in use", fontsize=9, loc="left")
        for place, (number, name) in enumerate(names):
            column, row = place % 2, place // 2
            text = name if len(name) <= NAME else "…" + name[1 - NAME:]
            figure.text((0.4 + column * (wide - 0.4) / 2) / wide,
                        (below - 0.25 - 0.17 * row) / high, f"{number}:  {text}", fontsize=8,
                        va="center")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=130, metadata={"Date": None} if path.suffix == ".svg" else None)
