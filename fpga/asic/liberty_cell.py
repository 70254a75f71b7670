# SPDX-License-Identifier: Apache-2.0
"""A cell out of its Liberty group."""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import numpy as np

from .boolean import unateness, variables
from .liberty_syntax import Group, LibertyFault, fault_at
from .library import Arc, Cell, ClockGate, Constraint, FlipFlop, Pin, Power, Table

__all__ = ["CellReader", "Units"]

MAX_POINTS = 4096
MAX_BITS = 1024
_CLEAN = str.maketrans('",\\\n\t\r', "      ")
_KINDS = {"combinational": "combinational", "combinational_rise": "combinational",
          "combinational_fall": "combinational", "rising_edge": "edge", "falling_edge": "edge",
          "clear": "clear", "preset": "preset"}
_SENSES = {"positive_unate": "positive", "negative_unate": "negative", "non_unate": "either"}
_CHECK = re.compile(r"(setup|hold)_(rising|falling)")
_LOAD = ("total_output_net_capacitance", "output_net_capacitance")
_SLEW = ("input_net_transition", "input_transition_time", "constrained_pin_transition")


@dataclass(frozen=True)
class Units:
    """Factors from a file's units to ps, fF, fJ and nW."""

    time: float
    load: float
    energy: float
    leakage: float


class CellReader:
    """Reads the cells of one file; axes that many tables share are kept once."""

    def __init__(self, path: Path, text: str, units: Units, head: Group):
        self.path, self.text, self.units, self.head = path, text, units, head
        self.templates = {group.arguments.strip(' "'): group for group in head.groups
                          if group.name in ("lu_table_template", "power_lut_template")}
        self.types = {g.arguments.strip(' "'): g for g in head.named("type")}
        self._axes: dict[tuple[str, float], np.ndarray] = {}

    def refuse(self, group: Group, sentence: str) -> NoReturn:
        raise fault_at(self.path, self.text, group.at, sentence)

    def number(self, group: Group, name: str, default: float | None = None) -> float | None:
        """A simple attribute as a finite number."""
        written = group.attributes.get(name)
        if written is None:
            return default
        try:
            value = float(written)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self.refuse(group, f"{name} must be a number, not {written[:30]!r}")
        return value

    def scaled(self, group: Group, name: str, factor: float) -> float | None:
        value = self.number(group, name)
        return None if value is None else value * factor

    # Tables

    def axis(self, group: Group, written: str, factor: float) -> np.ndarray:
        key = (written, factor)
        if key not in self._axes:
            axis = self.numbers(group, written) * factor
            if len(axis) > 1 and not np.all(np.diff(axis) > 0):
                self.refuse(group, "an index must ascend, not "
                                   f"{' '.join(written.split())[:40]!r}")
            self._axes[key] = axis
        return self._axes[key]

    def numbers(self, group: Group, written: str) -> np.ndarray:
        try:
            values = np.array([float(x) for x in written.translate(_CLEAN).split()])
        except ValueError:
            values = np.array([math.nan])
        if not 0 < len(values) <= MAX_POINTS or not np.isfinite(values).all():
            self.refuse(group, f"{group.name} must hold 1 to {MAX_POINTS} numbers, not "
                               f"{' '.join(written.split())[:40]!r}")
        return values

    def table(self, group: Group, unit: float, columns: tuple[str, ...] = _LOAD,
              column_unit: float | None = None) -> Table:
        """A table with slews in rows; ``columns`` are the variables that are its other axis."""
        written = group.argument("values")
        if written is None:
            self.refuse(group, f"{group.name} must have values")
        values = self.numbers(group, written) * unit
        template = self.templates.get(group.arguments.strip(' "'))
        axes: list[tuple[bool, np.ndarray]] = []
        if template is not None and not (len(values) == 1 and "scalar" in group.arguments):
            for k in (1, 2):
                variable = template.attributes.get(f"variable_{k}")
                if variable is None:
                    break
                if variable not in columns and variable not in _SLEW:
                    self.refuse(group, f"variable_{k} must be a slew or a load, not {variable!r}")
                index = group.argument(f"index_{k}") or template.argument(f"index_{k}")
                if index is None:
                    self.refuse(group, f"{group.name} must have index_{k}")
                column = variable in columns
                factor = (column_unit or self.units.load) if column else self.units.time
                axes.append((column, self.axis(group, index, factor)))
        elif len(values) > 1:
            self.refuse(group, f"table template {group.arguments.strip()!r} must be defined")
        shape = [len(axis) for _, axis in axes]
        if math.prod(shape) != len(values):
            self.refuse(group, f"{group.name} must have {math.prod(shape)} values, "
                               f"not {len(values)}")
        if len(axes) == 2 and axes[0][0] == axes[1][0]:
            self.refuse(group, f"{group.name} must vary over two different variables")
        slews = next((axis for column, axis in axes if not column), _NOTHING)
        loads = next((axis for column, axis in axes if column), _NOTHING)
        if len(axes) == 2 and axes[0][0]:
            values = values.reshape(shape).T
        return Table(slews, loads, np.ascontiguousarray(values.reshape(len(slews), len(loads))))

    def find(self, group: Group, name: str, unit: float, **axes) -> Table | None:
        found = next(group.named(name), None)
        return None if found is None else self.table(found, unit, **axes)

    # Cells

    def read(self, group: Group) -> Cell:
        """The cell of a ``cell`` group."""
        try:
            return self._read(group)
        except LibertyFault:
            raise
        except ValueError as fault:
            self.refuse(group, str(fault))

    def _read(self, group: Group) -> Cell:
        pins: dict[str, Pin] = {}
        arcs: list[Arc] = []
        powers: list[Power] = []
        constraints: list[Constraint] = []
        flags: dict[str, set[str]] = {"clock": set(), "enable": set(), "test": set()}
        parts = list(self._pin_groups(group))
        for names, sources in parts:
            for name in names:
                pin = self._pin(name, sources, pins.get(name))
                if pin is not None:
                    pins[name] = pin
            for source in sources[-1:]:
                for flag, found in flags.items():
                    if source.attributes.get(f"clock_gate_{flag}_pin") == "true":
                        found.update(names)
        for names, sources in parts:
            source = sources[-1]
            known = [name for name in names if name in pins]
            for timing in source.named("timing"):
                self._timing(timing, known, pins, arcs, constraints)
            powers += self._powers(source, known, group)
        name = group.arguments.strip(' "')
        return Cell(name, self.number(group, "area", 0.0) or 0.0, self._leakage(group), pins,
                    tuple(arcs), tuple(powers), tuple(constraints), self._flip_flop(group, pins),
                    self._clock_gate(group, pins, flags),
                    group.attributes.get("dont_use") == "true")

    def _pin_groups(self, cell: Group) -> Iterator[tuple[list[str], list[Group]]]:
        """(names of the bits, groups that describe them from the outermost on)."""
        for group in cell.groups:
            if group.name == "pin":
                yield [n.strip(' "') for n in group.arguments.split(",")], [group]
            elif group.name == "bus":
                name = group.arguments.strip(' "')
                kind = group.attributes.get("bus_type", "")
                types = {g.arguments.strip(' "'): g for g in cell.named("type")} | self.types
                if kind not in types:
                    self.refuse(group, f"bus_type must be defined, not {kind!r}")
                low, high = sorted(int(self.number(types[kind], key, 0) or 0)
                                   for key in ("bit_from", "bit_to"))
                if not 0 <= low <= high < MAX_BITS:
                    self.refuse(group, f"a bus must have at most {MAX_BITS} bits")
                yield [f"{name}[{bit}]" for bit in range(low, high + 1)], [group]
                for pin in group.named("pin"):
                    yield self._bits(pin), [group, pin]

    def _bits(self, group: Group) -> list[str]:
        name = group.arguments.strip(' "')
        match = re.fullmatch(r"(.+)\[(\d{1,4}):(\d{1,4})\]", name)
        if match is None:
            return [name]
        low, high = sorted((int(match[2]), int(match[3])))
        if high >= MAX_BITS:
            self.refuse(group, f"a bus must have at most {MAX_BITS} bits")
        return [f"{match[1]}[{bit}]" for bit in range(low, high + 1)]

    def _pin(self, name: str, groups: list[Group], earlier: Pin | None) -> Pin | None:
        """A pin; of a bit that was seen before, only the innermost group says anything new."""
        def of(read: Callable[[Group], float | str | None]):
            found = [value for group in groups if (value := read(group)) is not None]
            return found[-1] if found else None

        if earlier is not None:
            groups = groups[-1:]
        load = self.units.load
        direction = of(lambda g: g.attributes.get("direction"))
        if earlier is None and direction not in ("input", "output", "inout"):
            return None  # internal nodes have no place in a netlist
        found = {
            "capacitance": of(lambda g: self.scaled(g, "capacitance", load)),
            "rise_capacitance": of(lambda g: self.scaled(g, "rise_capacitance", load)),
            "fall_capacitance": of(lambda g: self.scaled(g, "fall_capacitance", load)),
            "max_capacitance": of(lambda g: self.scaled(g, "max_capacitance", load)),
            "max_slew": of(lambda g: self.scaled(g, "max_transition", self.units.time)),
            "function": of(lambda g: g.attributes.get("function")),
        }
        edges = [found[f"{edge}_capacitance"] for edge in ("rise", "fall")]
        if found["capacitance"] is None and edges != [None, None]:
            found["capacitance"] = max(edge for edge in edges if edge is not None)
        if found["capacitance"] is not None:
            for edge in ("rise", "fall"):
                if found[f"{edge}_capacitance"] is None:
                    found[f"{edge}_capacitance"] = found["capacitance"]
        if earlier is not None:
            return replace(earlier, **{k: v for k, v in found.items() if v is not None})
        zero = {f"{edge}capacitance": 0.0 for edge in ("", "rise_", "fall_")}
        return Pin(name=name, output=direction == "output",
                   clock=of(lambda g: g.attributes.get("clock")) == "true",
                   **(found | {k: v for k, v in zero.items() if found[k] is None}))

    def _related(self, timing: Group, pins: dict[str, Pin]) -> list[list[str]]:
        """Names that a related_pin stands for: one pin, or a bus bit by bit."""
        found = []
        for name in timing.attributes.get("related_pin", "").split():
            name = name.strip(' "')
            found.append([name] if name in pins else
                         [pin for pin in pins if pin.startswith(name + "[")])
        return found

    def _timing(self, timing: Group, names: list[str], pins: dict[str, Pin], arcs: list[Arc],
                constraints: list[Constraint]) -> None:
        kind = timing.attributes.get("timing_type", "combinational")
        time = self.units.time
        check = _CHECK.fullmatch(kind)
        if check is not None:
            axes = {"columns": ("related_pin_transition",), "column_unit": time}
            rise = self.find(timing, "rise_constraint", time, **axes)
            fall = self.find(timing, "fall_constraint", time, **axes)
        elif kind in _KINDS:
            tables = [self.find(timing, name, time) for name in
                      ("cell_rise", "cell_fall", "rise_transition", "fall_transition")]
        else:
            return
        when = timing.attributes.get("when")
        for related in self._related(timing, pins):
            for k, name in enumerate(names):
                for source in related[k:k + 1] if len(related) == len(names) else related:
                    if check is not None:
                        constraints.append(Constraint(name, source, check[1], rise, fall,
                                                      check[2] == "falling"))
                    else:
                        arcs.append(Arc(source, name, _KINDS[kind],
                                        self._sense(timing, pins, source, name), when, *tables,
                                        falling_edge=kind == "falling_edge"))

    def _sense(self, timing: Group, pins: dict[str, Pin], source: str, target: str) -> str:
        written = timing.attributes.get("timing_sense")
        if written is not None:
            return _SENSES.get(written, "either")
        function = pins[target].function
        inputs = [name for name in variables(function)] if function else []
        if source in inputs and all(name in pins for name in inputs):
            return unateness(function, inputs, source)
        return "either"

    # Power

    def _powers(self, pin: Group, names: list[str], cell: Group) -> Iterator[Power]:
        ground = {g.arguments.strip(' "') for g in cell.named("pg_pin")
                  if "ground" in g.attributes.get("pg_type", "")}
        found: dict[tuple, dict[bool, list[tuple[Table | None, Table | None]]]] = {}
        for power in pin.named("internal_power"):
            energy = self.units.energy
            tables = (self.find(power, "rise_power", energy),
                      self.find(power, "fall_power", energy))
            if tables == (None, None):
                both = self.find(power, "power", energy)
                tables = (both, both)
            for related in power.attributes.get("related_pin", "").split() or [None]:
                key = (related, power.attributes.get("when"))
                rail = power.attributes.get("related_pg_pin") in ground
                found.setdefault(key, {}).setdefault(rail, []).append(tables)
        for (related, when), rails in found.items():
            rise, fall = (_combine([[pair[k] for pair in pairs if pair[k] is not None]
                                    for pairs in rails.values()]) for k in (0, 1))
            for name in names:
                yield Power(name, related, when, rise, fall)

    def _leakage(self, cell: Group) -> float:
        """Unconditional leakage summed over rails, or the mean over conditions."""
        whole = self.number(cell, "cell_leakage_power")
        if whole is not None:
            return whole * self.units.leakage
        rails: dict[str, dict[bool, list[float]]] = {}
        for group in cell.named("leakage_power"):
            value = self.number(group, "value", 0.0) or 0.0
            rail = rails.setdefault(group.attributes.get("related_pg_pin", ""), {})
            rail.setdefault("when" in group.attributes, []).append(value)
        return self.units.leakage * sum(
            sum(values) / len(values)
            for values in (rail.get(False) or rail[True] for rail in rails.values()))

    # State

    def _flip_flop(self, cell: Group, pins: dict[str, Pin]) -> FlipFlop | None:
        state = next(cell.named("ff"), None)
        if state is None:
            return None
        names = [name.strip(' "') for name in state.arguments.split(",")]
        clock = state.attributes.get("clocked_on", "")
        next_state = state.attributes.get("next_state")
        clocks = variables(clock)
        if len(names) != 2 or len(clocks) != 1 or next_state is None:
            self.refuse(state, "an ff must have two states, one clocked_on and a next_state")
        outputs = {}
        for pin in pins.values():
            if pin.output and pin.function is not None:
                plain = pin.function.strip(" ()")
                inverted = plain.startswith(("!", "~")) or plain.endswith("'")
                name = plain.strip("!~' ")
                if name in names:
                    outputs.setdefault((name == names[1]) != inverted, pin.name)
        if not outputs:
            return None
        inverted = False not in outputs
        return FlipFlop(clocks[0], any(c in clock for c in "!~'"), next_state, outputs[inverted],
                        inverted, state.attributes.get("clear"), state.attributes.get("preset"),
                        None if inverted else outputs.get(True))

    def _clock_gate(self, cell: Group, pins: dict[str, Pin],
                    flags: dict[str, set[str]]) -> ClockGate | None:
        kind = cell.attributes.get("clock_gating_integrated_cell")
        outputs = [pin.name for pin in pins.values() if pin.output]
        if kind is None or len(flags["clock"]) != 1 or len(outputs) != 1 or not flags["enable"]:
            return None
        return ClockGate(min(flags["clock"]), (*sorted(flags["enable"]), *sorted(flags["test"])),
                         outputs[0], "negedge" in kind)


_NOTHING = np.zeros(1)


def _combine(rails: list[list[Table]]) -> Table | None:
    """Mean over kinds of rail (power, ground) of the sums over rails of a kind."""
    kinds = [tables for tables in rails if tables]
    tables = [table for kind in kinds for table in kind]
    if not tables:
        return None
    grid = max(tables, key=lambda table: table.values.size)
    total = np.zeros(grid.values.shape)
    for table in tables:
        if table.slews is grid.slews and table.loads is grid.loads:
            total += table.values
        else:
            total += [[table.at(slew, load) for load in grid.loads] for slew in grid.slews]
    return grid if len(tables) == 1 else Table(grid.slews, grid.loads, total / len(kinds))
