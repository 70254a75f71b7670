# SPDX-License-Identifier: Apache-2.0
"""Internal energy of cells: which of a library's tables stands for which event.

How libraries state it, and what is made of that:

- ASAP7 has a table for each rail, VDD and VSS, of each event. Either tells the whole energy of a
  rise and a fall together, so their sum would be twice the truth; ``Power`` holds their mean.
  SG13G2 and OSU018 have one table. All are per transition, of the cell without its load.
- Of a cell with several outputs (full adders) each output's table tells the energy of the whole
  event: CON rising and SN falling are stated with the same 0.25 fJ. An event is shared among the
  outputs that change in it, by the cell's functions. Adding them up counts a full adder twice.
- A table with a condition (``when``) is weighted by the input states in which it holds and the
  output changes; the table without one is for the other states alone (SG13G2 repeats one there).
- A flop's output table holds the energy of the clock edge that changed it, where the clock pin's
  table says 0 for such an edge (ASAP7, SG13G2); OSU018's has no conditions and is added. So an
  edge costs the clock what an idle edge costs, and the output the rest.
- Changes of a flop's data cost next to nothing while the clock is high, and the master latch
  catches up when it falls: only what the open latch sees is counted in full.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

from .boolean import truth_table
from .library import Cell, Power, Table

__all__ = ["CLOCK", "LOGIC", "REGISTERS", "Term", "terms"]

CLOCK, REGISTERS, LOGIC = "clock", "registers", "logic"
Assignment = dict[str, int]


@dataclass(frozen=True, eq=False)
class Term:
    """``weight`` times ``table``, at the slew of pin ``related`` and the load of pin ``load``
    (None: none), for every event: ``rise`` or ``fall`` of ``pin``; a flop's ``clocked`` edge,
    ``open`` or ``shut`` change of ``pin`` at its master latch; an edge that a clock gate has
    ``passed`` or ``blocked``."""

    part: str
    event: str
    pin: str
    table: Table
    related: str
    load: str | None
    weight: float


def terms(cell: Cell) -> list[Term]:
    """Internal energy of a cell."""
    if cell.flip_flop is not None:
        return list(_flop(cell))
    if cell.clock_gate is not None:
        return list(_clock_gate(cell))
    return list(_gate(cell))


@cache
def _holds(when: str, names: tuple[str, ...]) -> int | None:
    try:
        return truth_table(when, names)
    except ValueError:
        return None  # it names an inner node of the cell


def _at(powers: Sequence[Power], state: Assignment) -> Power | None:
    """The table that holds in a state: one whose condition does, else the one without."""
    names = tuple(state)
    index = sum(value << k for k, value in enumerate(state.values()))
    default = None
    for power in powers:
        if power.when is None:
            default = power
        else:
            table = _holds(power.when, names)
            if table is not None and table >> index & 1:
                return power
    return default


def _of(cell: Cell, pin: str, related: str | None) -> list[Power]:
    return [power for power in cell.powers if power.pin == pin and power.related == related]


def _mean(found: Sequence[tuple[Power | None, float]], edge: str,
          make: Callable[[Table, float], Term]) -> Iterator[Term]:
    """Terms whose sum is the mean energy over states, each with its share; none adds nothing."""
    weights: dict[int, float] = {}
    tables: dict[int, Table] = {}
    for power, share in found:
        table = None if power is None else getattr(power, edge)
        if table is not None:
            tables[id(table)] = table
            weights[id(table)] = weights.get(id(table), 0.0) + share
    for key, weight in weights.items():
        yield make(tables[key], weight / len(found))


# Combinational cells

def _gate(cell: Cell) -> Iterator[Term]:
    functions = {pin: truth_table(cell.pins[pin].function or "0", cell.inputs)
                 for pin in cell.outputs}
    powered = {(power.pin, power.related) for power in cell.powers}
    rows = range(1 << len(cell.inputs))
    for output in cell.outputs:
        found: list[tuple[Power | None, float, str]] = []
        for k, source in enumerate(cell.inputs):
            powers = _of(cell, output, source)
            if not powers:
                continue
            for row in rows:
                flips = [pin for pin in cell.outputs if (pin, source) in powered
                         and (functions[pin] >> row ^ functions[pin] >> (row ^ 1 << k)) & 1]
                if output in flips:
                    power = _at(powers, _state(cell, functions, row))
                    if power is not None:
                        found.append((power, 1 / len(flips), source))
        for source in dict.fromkeys(name for *_, name in found):
            # All states of all inputs count alike in the mean of an output's event.
            mine = [(power if name == source else None, share) for power, share, name in found]
            for edge in ("rise", "fall"):
                yield from _mean(mine, edge, lambda table, weight, s=source, e=edge, o=output:
                                 Term(LOGIC, e, o, table, s, o, weight))
    for pin in cell.inputs:
        powers = _of(cell, pin, None)
        if powers:
            found_in = [(_at(powers, _state(cell, functions, row)), 1.0) for row in rows]
            for edge in ("rise", "fall"):
                yield from _mean(found_in, edge, lambda table, weight, p=pin, e=edge:
                                 Term(LOGIC, e, p, table, p, None, weight))


def _state(cell: Cell, functions: dict[str, int], row: int) -> Assignment:
    """Inputs and outputs for a row of the truth tables."""
    state = {name: row >> k & 1 for k, name in enumerate(cell.inputs)}
    return state | {pin: table >> row & 1 for pin, table in functions.items()}


# Flip-flops

def _flop(cell: Cell) -> Iterator[Term]:
    flop = cell.flip_flop
    assert flop is not None
    clock = flop.clock
    names = tuple(pin for pin in cell.inputs if pin != clock)
    idle, changing = [], []
    for row, stored in product(range(1 << len(names)), (0, 1)):
        if any(truth_table(condition, names) >> row & 1
               for condition in (flop.clear, flop.preset) if condition is not None):
            continue
        state = {name: row >> k & 1 for k, name in enumerate(names)}
        state[flop.output] = stored ^ flop.output_inverted
        if flop.complement is not None:
            state[flop.complement] = 1 - state[flop.output]
        following = truth_table(flop.next_state, names) >> row & 1
        (idle if following == stored else changing).append(state)
    powers = _of(cell, clock, None)

    def edge_terms(part: str, states: list[Assignment], edge: str, event: str, pin: str,
                   sign: float) -> Iterator[Term]:
        found = [(_at(powers, state), sign) for state in states]
        return _mean(found, edge, lambda table, weight: Term(
            part, event, pin, table, clock, None, weight))

    for edge in ("rise", "fall"):
        yield from edge_terms(CLOCK, idle, edge, "clocked", clock, 1)
    outputs = [pin for pin in (flop.output, flop.complement) if pin is not None]
    for output in outputs:
        of_output = _of(cell, output, clock)
        # Of two outputs that both are connected each tells the whole of what both do.
        for event in ("rise", "fall"):
            share = 1 / len(outputs)
            yield from _mean([(power, share) for power in of_output], event,
                             lambda table, weight, o=output, e=event: Term(
                                 REGISTERS, e, o, table, clock, o, weight))
            yield from edge_terms(REGISTERS, changing, "rise", event, output, share)
            yield from edge_terms(REGISTERS, idle, "rise", event, output, -share)
    for pin in names:
        for level, event in ((0, "open"), (1, "shut")):
            found = [(_at(_of(cell, pin, None), {**state, clock: level}), 0.5)
                     for state in idle + changing]
            for edge in ("rise", "fall"):
                yield from _mean(found, edge, lambda table, weight, p=pin, e=event: Term(
                    REGISTERS, e, p, table, p, None, weight))


# Clock gates

def _clock_gate(cell: Cell) -> Iterator[Term]:
    gate = cell.clock_gate
    assert gate is not None
    clock, output = gate.clock, gate.output
    enable, off = gate.enables[0], dict.fromkeys(gate.enables[1:], 0)  # test pins rest
    powers = _of(cell, clock, None)
    for edge in ("rise", "fall"):
        related = _of(cell, output, clock)
        yield from _mean([(power, 1.0) for power in related], edge, lambda table, weight: Term(
            CLOCK, "passed", clock, table, clock, output, weight))
        for event, on in (("passed", 1), ("blocked", 0)):
            state = {enable: on, **off, output: on if edge == "fall" else 0}
            yield from _mean([(_at(powers, state), 1.0)], edge, lambda table, weight, e=event:
                             Term(CLOCK, e, clock, table, clock, None, weight))
        found = [(_at(_of(cell, enable, None), {clock: level, **off, output: 0}), 1.0)
                 for level in (0, 1)]
        yield from _mean(found, edge, lambda table, weight, e=edge: Term(
            CLOCK, e, enable, table, enable, None, weight))
