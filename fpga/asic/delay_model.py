# SPDX-License-Identifier: Apache-2.0
"""A library's delays as arrays, for the kernels of timing and sizing."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .library import Arc, Cell, Library, Table

__all__ = ["FALL", "RISE", "Model", "model_of"]

RISE, FALL = 0, 1


@dataclass(frozen=True, eq=False)
class Model:
    """All cells of a library, by number.

    ``pins`` of a cell are its inputs, then its outputs, each sorted by name, so that cells of one
    footprint agree. ``arcs`` [k, 6]: input's number, its edge, output's number, its edge, delay
    table, slew table; cell c has rows ``arc_of[c]`` to ``arc_of[c + 1]``. ``checks`` [k, 3]:
    input's number, its edge, setup table; cell c has rows ``check_of[c]`` to ``check_of[c + 1]``.
    ``tables`` [k, 5]: first value, rows, columns, first slew, first load in ``data``. ``loads``
    [pins, 2]: an input's capacitance in fF when it rises, falls; ``limits``: an output's largest
    load in fF; cell c's pins begin at ``pin_of[c]``. ``room``: the most arcs of any cell with the
    pins of c.
    """

    cells: tuple[str, ...]
    number: dict[str, int]
    pins: tuple[tuple[str, ...], ...]
    inputs: np.ndarray
    area: np.ndarray
    pin_of: np.ndarray
    loads: np.ndarray
    limits: np.ndarray
    arc_of: np.ndarray
    room: np.ndarray
    arcs: np.ndarray
    check_of: np.ndarray
    checks: np.ndarray
    tables: np.ndarray
    data: np.ndarray


class _Tables:
    """Tables packed into one array, axes that are shared once."""

    def __init__(self):
        self.rows: list[tuple[int, int, int, int, int]] = []
        self.parts: list[np.ndarray] = []
        self.size = 0
        self.seen: dict[int, int] = {}
        self.kept: list[Table] = []
        self.axes: dict[int, int] = {}

    def _append(self, values: np.ndarray) -> int:
        at = self.size
        self.parts.append(values.ravel())
        self.size += values.size
        return at

    def _axis(self, axis: np.ndarray) -> int:
        if id(axis) not in self.axes:
            self.axes[id(axis)] = self._append(axis)
        return self.axes[id(axis)]

    def add(self, table: Table) -> int:
        if id(table) not in self.seen:
            n, m = table.values.shape
            self.seen[id(table)] = len(self.rows)
            self.kept.append(table)
            self.rows.append((self._append(table.values), n, m, self._axis(table.slews),
                              self._axis(table.loads)))
        return self.seen[id(table)]


@lru_cache(maxsize=4)
def model_of(library: Library) -> Model:
    """The arrays of ``library``."""
    tables = _Tables()
    names = tuple(sorted(library.cells))
    pins, inputs, area, loads, limits, arcs, checks = [], [], [], [], [], [], []
    pin_of, arc_of, check_of = [0], [0], [0]
    for name in names:
        cell = library.cells[name]
        order = (*sorted(cell.inputs), *sorted(cell.outputs))
        place = {pin: k for k, pin in enumerate(order)}
        pins.append(order)
        inputs.append(len(cell.inputs))
        area.append(cell.area)
        for pin in order:
            found = cell.pins[pin]
            loads.append((found.rise_capacitance, found.fall_capacitance))
            limits.append(found.max_capacitance or np.inf)
        pin_of.append(len(loads))
        arcs += _arcs(cell, place, tables)
        arc_of.append(len(arcs))
        for check in cell.constraints:
            if check.kind == "setup":
                checks += [(place[check.pin], edge, tables.add(table)) for edge, table
                           in ((RISE, check.rise), (FALL, check.fall)) if table is not None]
        check_of.append(len(checks))
    room: dict[tuple[str, ...], int] = {}
    for k, order in enumerate(pins):
        room[order] = max(room.get(order, 0), arc_of[k + 1] - arc_of[k])
    return Model(
        names, {name: k for k, name in enumerate(names)}, tuple(pins), np.array(inputs),
        np.array(area), np.array(pin_of), np.array(loads), np.array(limits), np.array(arc_of),
        np.array([room[order] for order in pins]),
        np.array(arcs, dtype=np.int64).reshape(-1, 6), np.array(check_of),
        np.array(checks, dtype=np.int64).reshape(-1, 3), np.array(tables.rows, dtype=np.int64),
        np.concatenate([*tables.parts, np.zeros(1)]))


def _edges(arc: Arc) -> Iterable[tuple[int, int]]:
    """(edge of the source, edge of the target)."""
    if arc.kind == "edge":
        active = FALL if arc.falling_edge else RISE
        return ((active, RISE), (active, FALL))
    return {"positive": ((RISE, RISE), (FALL, FALL)), "negative": ((FALL, RISE), (RISE, FALL)),
            "either": ((RISE, RISE), (FALL, RISE), (RISE, FALL), (FALL, FALL))}[arc.sense]


def _arcs(cell: Cell, place: dict[str, int], tables: _Tables) -> list[tuple[int, ...]]:
    """Rows of ``Model.arcs``: of arcs that differ in their condition only, those that are not
    everywhere faster than another, since the slowest counts."""
    found: dict[tuple[int, int, int, int], list[tuple[Table, Table]]] = {}
    for arc in cell.arcs:
        if arc.kind not in ("combinational", "edge"):
            continue  # an asynchronous reset is no path of a clock cycle
        for before, after in _edges(arc):
            delay, slew = ((arc.delay_rise, arc.slew_rise), (arc.delay_fall, arc.slew_fall))[after]
            if delay is not None and slew is not None:
                key = (place[arc.source], before, place[arc.target], after)
                found.setdefault(key, []).append((delay, slew))
    rows = []
    for key, pairs in found.items():
        for k, pair in enumerate(pairs):
            if not any(_slower(other, pair, tie=j < k) for j, other in enumerate(pairs) if j != k):
                rows.append((*key, tables.add(pair[0]), tables.add(pair[1])))
    return rows


def _slower(one: tuple[Table, Table], other: tuple[Table, Table], *, tie: bool) -> bool:
    """Whether ``one`` is nowhere faster than ``other`` (and, unless ``tie``, differs)."""
    same = all(a.slews is b.slews and a.loads is b.loads for a, b in zip(one, other, strict=True))
    if not same or not all((a.values >= b.values).all() for a, b in zip(one, other, strict=True)):
        return False
    return tie or any((a.values > b.values).any() for a, b in zip(one, other, strict=True))
