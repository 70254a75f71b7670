# SPDX-License-Identifier: Apache-2.0
"""Cells that may stand for each other, and pins that may change places."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .boolean import truth_table, variables
from .delay_model import Model, model_of
from .library import Cell, Library
from .technology import Technology

__all__ = ["Families", "families_of"]


@dataclass(frozen=True, eq=False)
class Families:
    """``members`` of the family of cell c, smallest first: rows ``first[c]`` to
    ``first[c] + size[c]``; a cell that may not be exchanged has no members. ``swaps`` [k, 2]:
    pairs of inputs of cell c that may change places, rows ``swap_of[c]`` to ``swap_of[c + 1]``.
    ``buffers``: numbers of the buffers, smallest first, all with the pins of the technology's.
    ``max_slew``: the least of the inputs' limits in ps, or infinite."""

    first: np.ndarray
    size: np.ndarray
    members: np.ndarray
    swap_of: np.ndarray
    swaps: np.ndarray
    buffers: np.ndarray
    max_slew: float


def families_of(library: Library, technology: Technology) -> Families:
    """Families among the cells of ``library`` that ``technology`` allows."""
    return _families(library, tuple(name for name, cell in library.cells.items()
                                    if technology.usable(cell)), technology.buffer.cell)


@lru_cache(maxsize=8)
def _families(library: Library, usable: tuple[str, ...], buffer: str) -> Families:
    model = model_of(library)
    allowed = set(usable)
    groups: dict[tuple, list[int]] = {}
    keys: list[tuple | None] = []
    for c, name in enumerate(model.cells):
        key = _footprint(library.cells[name], model.pins[c], int(model.inputs[c])) \
            if name in allowed else None
        keys.append(key)
        if key is not None:
            groups.setdefault(key, []).append(c)
    first, size, members = np.zeros(len(keys), int), np.zeros(len(keys), int), []
    for group in groups.values():
        group.sort(key=lambda c: (model.area[c], model.cells[c]))
        first[group], size[group] = len(members), len(group)
        members += group
    swaps: list[tuple[int, int]] = []
    swap_of = [0]
    for c, name in enumerate(model.cells):
        swaps += _swaps(library.cells[name], model, c)
        swap_of.append(len(swaps))
    b = model.number[buffer]
    slews = [pin.max_slew for name in usable for pin in library.cells[name].pins.values()
             if pin.max_slew and not pin.output]
    return Families(first, size, np.array(members, np.int64), np.array(swap_of),
                    np.array(swaps, np.int64).reshape(-1, 2),
                    np.array(groups[keys[b]] if keys[b] is not None else [b], np.int64),
                    min(slews, default=np.inf))


def _tables(cell: Cell, pins: tuple[str, ...], inputs: int) -> tuple[int, ...] | None:
    """Truth tables of all outputs, or None where one is no function of the inputs."""
    found = []
    for pin in pins[inputs:]:
        function = cell.pins[pin].function
        if not function or not set(variables(function)) <= set(pins[:inputs]) or inputs > 8:
            return None
        found.append(truth_table(function, pins[:inputs]))
    return tuple(found)


def _footprint(cell: Cell, pins: tuple[str, ...], inputs: int) -> tuple | None:
    """What cells must agree in to stand for each other; None: nothing does."""
    if not inputs or cell.clock_gate is not None:
        return None
    flop = cell.flip_flop
    if flop is None:
        tables = _tables(cell, pins, inputs)
        return None if tables is None else (pins, inputs, tables)
    names = [pin for pin in pins[:inputs] if pin != flop.clock]
    if set(variables(flop.next_state)) <= set(names) and len(names) <= 8:
        return (pins, inputs, flop.clock, flop.clock_inverted,
                truth_table(flop.next_state, names), flop.output, flop.output_inverted,
                flop.clear, flop.preset, flop.complement)
    return None


def _swaps(cell: Cell, model: Model, c: int) -> list[tuple[int, int]]:
    """Pairs of inputs that every output treats alike."""
    inputs = int(model.inputs[c])
    if cell.flip_flop is not None or cell.clock_gate is not None or not 2 <= inputs <= 8:
        return []
    tables = _tables(cell, model.pins[c], inputs)
    if not tables:
        return []
    found = []
    for one in range(inputs):
        for two in range(one + 1, inputs):
            rows = [row for row in range(1 << inputs) if (row >> one & 1) and not row >> two & 1]
            turn = 1 << one | 1 << two
            if all((t >> row & 1) == (t >> (row ^ turn) & 1) for t in tables for row in rows):
                found.append((one, two))
    return found
