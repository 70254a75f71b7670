# SPDX-License-Identifier: Apache-2.0
"""What a cell library says, in one set of units: ps, fF, fJ, um², nW, V."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

__all__ = ["Arc", "Cell", "ClockGate", "Constraint", "FlipFlop", "Library", "Pin", "Power",
           "Table"]


@dataclass(frozen=True, eq=False)
class Table:
    """Values [n, m] over ``slews`` [n] in ps and ``loads`` [m] in fF; an axis that a library does
    not give has one entry. In a Constraint, ``slews`` are the constrained pin's and ``loads``
    hold the related pin's slews, both in ps."""

    slews: np.ndarray
    loads: np.ndarray
    values: np.ndarray

    def at(self, slew: float, load: float) -> float:
        """The value by bilinear interpolation; beyond the table, its outermost slope goes on."""
        i, x = _place(self.slews, slew)
        j, y = _place(self.loads, load)
        v = self.values
        if len(self.slews) == 1:
            low = high = v[0]
        else:
            low, high = v[i], v[i + 1]
        if len(self.loads) == 1:
            a, b = low[0], high[0]
        else:
            a = low[j] + (low[j + 1] - low[j]) * y
            b = high[j] + (high[j + 1] - high[j]) * y
        return float(a + (b - a) * x)


def _place(axis: np.ndarray, at: float) -> tuple[int, float]:
    if len(axis) == 1:
        return 0, 0.0
    i = min(max(int(np.searchsorted(axis, at)) - 1, 0), len(axis) - 2)
    return i, float((at - axis[i]) / (axis[i + 1] - axis[i]))


@dataclass(frozen=True, eq=False)
class Arc:
    """How a transition at pin ``source`` reaches pin ``target``.

    ``kind``: ``combinational``, ``edge`` (from a clock edge to a flop's or memory's output),
    ``clear`` or ``preset``. ``sense``: ``positive``, ``negative`` or ``either``. ``when``: the
    condition on the other pins, or None. Tables are None where the arc has no such transition of
    ``target``: ``delay_rise`` is the delay until ``target`` rises.
    """

    source: str
    target: str
    kind: str
    sense: str
    when: str | None
    delay_rise: Table | None
    delay_fall: Table | None
    slew_rise: Table | None
    slew_fall: Table | None
    falling_edge: bool = False


@dataclass(frozen=True, eq=False)
class Power:
    """Internal energy in fJ of one transition of ``pin``, beyond that of charging its load.

    ``related``: for an output, the input whose transition causes it, or None. Over a pair of a
    rise and a fall each supply rail's tables account for the whole energy, since the charge taken
    from the power rail is the charge given to the ground rail; so where a library has tables by
    rail, these are the mean of (sum over power rails, sum over ground rails): one Power stands
    for both. Single values may be negative. None means that the library gives no such table.
    """

    pin: str
    related: str | None
    when: str | None
    rise: Table | None
    fall: Table | None


@dataclass(frozen=True)
class Pin:
    """A pin: capacitances in fF, ``function`` as the library writes it (of a flop's output: its
    state variable), ``max_slew`` in ps."""

    name: str
    output: bool
    clock: bool
    capacitance: float
    function: str | None
    max_capacitance: float | None
    rise_capacitance: float
    fall_capacitance: float
    max_slew: float | None


@dataclass(frozen=True, eq=False)
class Constraint:
    """How long ``pin`` must be stable before (``setup``) or after (``hold``) the edge of
    ``related``; tables over (slew of pin, slew of related)."""

    pin: str
    related: str
    kind: str
    rise: Table | None
    fall: Table | None
    falling_edge: bool = False


@dataclass(frozen=True)
class FlipFlop:
    """After the active edge of ``clock``, ``output`` is ``next_state``, inverted if
    ``output_inverted``. ``clear`` and ``preset`` are active-high conditions or None;
    ``complement`` is the pin of the opposite value where the cell has one."""

    clock: str
    clock_inverted: bool
    next_state: str
    output: str
    output_inverted: bool
    clear: str | None = None
    preset: str | None = None
    complement: str | None = None


@dataclass(frozen=True)
class ClockGate:
    """``output`` = ``clock`` AND the OR of ``enables`` held from the clock's inactive phase; the
    last of several enables is a test pin."""

    clock: str
    enables: tuple[str, ...]
    output: str
    inverted: bool = False


@dataclass(frozen=True, eq=False)
class Cell:
    """One cell: area in um², leakage in nW."""

    name: str
    area: float
    leakage: float
    pins: Mapping[str, Pin]
    arcs: tuple[Arc, ...]
    powers: tuple[Power, ...]
    constraints: tuple[Constraint, ...]
    flip_flop: FlipFlop | None
    clock_gate: ClockGate | None
    dont_use: bool = False

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the input pins, in the library's order."""
        return tuple(name for name, pin in self.pins.items() if not pin.output)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the output pins, in the library's order."""
        return tuple(name for name, pin in self.pins.items() if pin.output)


@dataclass(frozen=True, eq=False)
class Library:
    """Cells by name at one supply voltage; ``paths`` are the files they were read from."""

    name: str
    voltage: float
    cells: Mapping[str, Cell]
    paths: tuple[str, ...] = ()
