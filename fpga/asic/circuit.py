# SPDX-License-Identifier: Apache-2.0
"""A gate-level netlist and its cells as flat arrays: what simulation and power calculation use."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from .boolean import truth_table, variables
from .library import Cell, Library
from .netlist import Instance, Netlist

__all__ = ["CONSTANTS", "WIRE", "Circuit", "Gates", "State", "net_loads"]

CONSTANTS = 2
"""Nets 0 and 1 are the constants."""
WIRE = 0.35
"""Wire capacitance in fF of every sink of a net, where a user says nothing else."""
MAX_INPUTS = 12


class Gates(NamedTuple):
    """Outputs of combinational cells in topological order. Gate g computes net ``output[g]``; its
    inputs are entries ``first[g]`` ... ``first[g + 1]`` of ``nets``, and its value for input bits
    i (entry k is bit k) is ``truth[table[g] + i]``. Net n feeds ``entries[fan_first[n]]`` ...,
    which are such entries, of gate ``owner`` and bit ``mask``."""

    output: np.ndarray
    first: np.ndarray
    nets: np.ndarray
    table: np.ndarray
    truth: np.ndarray
    owner: np.ndarray
    mask: np.ndarray
    fan_first: np.ndarray
    entries: np.ndarray


class State(NamedTuple):
    """Flip-flops and clock gates. Flop f takes ``truth[table[f] + bits of its inputs]`` at an
    edge that its clock gate ``gate[f]`` (-1: none) lets through, and drives ``q`` (or ``qn``, the
    inverse; -1: none). Clock gate k, in order of their nesting, passes an edge where its
    ``parent`` does and any of its enables is 1."""

    first: np.ndarray
    nets: np.ndarray
    table: np.ndarray
    truth: np.ndarray
    q: np.ndarray
    qn: np.ndarray
    gate: np.ndarray
    enable_first: np.ndarray
    enables: np.ndarray
    parent: np.ndarray


@dataclass(eq=False)
class Circuit:
    """``netlist`` of cells of ``library``, checked and flattened.

    ``gate_pins``: (instance, output pin, input pins) of each gate; ``flops`` and ``clock_gates``:
    instances; ``clock_nets``: every net of the clock network with its clock gate, -1 for the
    root's; ``driver``: of each net the instance that drives it, -1 for an input.

    Raises ValueError, in one sentence, for an unknown cell or pin, a net without exactly one
    driver, a latch or any other cell that is neither combinational, nor a rising-edge flip-flop,
    nor a clock gate, and for a combinational loop.
    """

    netlist: Netlist
    library: Library
    gates: Gates = field(init=False)
    state: State = field(init=False)

    def __post_init__(self):
        self.cells = [self._cell(instance) for instance in self.netlist.instances]
        self.driver = np.full(self.netlist.nets, -2)
        self.driver[:CONSTANTS] = -1
        for net in self._inputs():
            self._drive(net, -1)
        for index, (instance, cell) in enumerate(zip(self.netlist.instances, self.cells,
                                                     strict=True)):
            for pin in cell.outputs:
                if pin in instance.pins:
                    self._drive(instance.pins[pin], index)
        self._check_driven()
        self.flops = [i for i, cell in enumerate(self.cells) if cell.flip_flop is not None]
        self.clock_gates: list[int] = []
        self.clock_nets: dict[int, int] = {}
        if self.netlist.clock is not None:
            self.clock_nets[self.netlist.clock] = -1
        flop_gates = [self._flop_clock(i) for i in self.flops]
        for instance, cell in zip(self.netlist.instances, self.cells, strict=True):
            if cell.clock_gate is not None and cell.clock_gate.output in instance.pins:
                self._clock_of(instance.pins[cell.clock_gate.output], instance.name)
        self.gates = self._gates()
        self.state = self._state(flop_gates)
        self.groups = self._groups()
        self._nets_at: dict[tuple[str, str], np.ndarray] = {}

    def _inputs(self) -> list[int]:
        return [net for name, nets in self.netlist.inputs.items() for net in nets]

    def _cell(self, instance: Instance) -> Cell:
        cell = self.library.cells.get(instance.cell)
        if cell is None:
            raise ValueError(f"Cell of {instance.name} must be one of library "
                             f"{self.library.name}, not {instance.cell!r}")
        if unknown := instance.pins.keys() - cell.pins.keys():
            raise ValueError(f"Pins of {instance.name} must be those of {cell.name}, "
                             f"not {min(unknown)!r}")
        if missing := [pin for pin in cell.inputs if pin not in instance.pins]:
            raise ValueError(f"Inputs of {instance.name} must all be connected, "
                             f"not lack {missing[0]!r}")
        return cell

    def _drive(self, net: int, instance: int) -> None:
        if self.driver[net] != -2:
            raise ValueError(f"Net {net} must have one driver, not several")
        self.driver[net] = instance

    def _check_driven(self) -> None:
        for instance, cell in zip(self.netlist.instances, self.cells, strict=True):
            for pin in cell.inputs:
                if self.driver[instance.pins[pin]] == -2:
                    raise ValueError(f"Net {instance.pins[pin]} at {instance.name}.{pin} must "
                                     f"have one driver, not none")
        for name, nets in self.netlist.outputs.items():
            for net in nets:
                if self.driver[net] == -2:
                    raise ValueError(f"Output {name!r} must be driven in all its bits")

    # Clock network

    def _flop_clock(self, index: int) -> int:
        instance, flop = self.netlist.instances[index], self.cells[index].flip_flop
        assert flop is not None
        if flop.clock_inverted:
            raise ValueError(f"Flip-flop {instance.name} must work at the rising edge, "
                             f"not as {instance.cell} at the falling")
        return self._clock_of(instance.pins[flop.clock], instance.name)

    def _clock_of(self, net: int, name: str) -> int:
        """The clock gate of a net that is the clock of ``name``, -1 for the root."""
        path: list[int] = []
        while net not in self.clock_nets:
            driver = int(self.driver[net])
            if driver < 0 or net in path:
                raise ValueError(f"Clock of {name} must come from the netlist's clock")
            path.append(net)
            source, cell = self.netlist.instances[driver], self.cells[driver]
            if cell.clock_gate is not None:
                if cell.clock_gate.inverted:
                    raise ValueError(f"Clock gate {source.name} must rest low, "
                                     f"not high as {source.cell}")
                self._clock_of(source.pins[cell.clock_gate.clock], source.name)
                self.clock_nets[net] = len(self.clock_gates)
                self.clock_gates.append(driver)
            elif _is_buffer(cell):
                net = source.pins[cell.inputs[0]]
            else:
                raise ValueError(f"Clock of {name} must come through clock gates and "
                                 f"buffers, not through {source.cell}")
        for passed in path:
            self.clock_nets.setdefault(passed, self.clock_nets[net])
        return self.clock_nets[net]

    # Combinational cells

    def _gates(self) -> Gates:
        outputs: list[int] = []
        self.gate_pins: list[tuple[int, str, tuple[str, ...]]] = []
        inputs: list[list[int]] = []
        for index, (instance, cell) in enumerate(zip(self.netlist.instances, self.cells,
                                                     strict=True)):
            if cell.flip_flop is not None or cell.clock_gate is not None:
                continue
            for pin in cell.outputs:
                net = instance.pins.get(pin)
                if net is None or net in self.clock_nets:
                    continue
                if cell.pins[pin].function is None:
                    raise ValueError(f"Cell {cell.name} of {instance.name} must be combinational, "
                                     "a flip-flop or a clock gate")
                outputs.append(net)
                self.gate_pins.append((index, pin, cell.inputs))
                inputs.append([instance.pins[name] for name in cell.inputs])
        for (index, *_), nets in zip(self.gate_pins, inputs, strict=True):
            if any(net in self.clock_nets for net in nets):
                raise ValueError(f"Clock must not be data, as at "
                                 f"{self.netlist.instances[index].name}")
        order = self._levelised(outputs, inputs)
        self.gate_pins = [self.gate_pins[g] for g in order]
        inputs = [inputs[g] for g in order]
        tables = _Tables()
        table = [tables.of(self.cells[i], self.cells[i].pins[pin].function or "", names)
                 for i, pin, names in self.gate_pins]
        first, nets = _packed(inputs)
        counts = np.diff(first)
        owner = np.repeat(np.arange(len(inputs)), counts)
        mask = 1 << (np.arange(len(nets)) - np.repeat(first[:-1], counts))
        entries = np.argsort(nets, kind="stable")
        fan_first = np.searchsorted(nets[entries], np.arange(self.netlist.nets + 1))
        return Gates(np.array([outputs[g] for g in order], np.int64), first, nets,
                     np.array(table, np.int64), tables.values(), owner, mask.astype(np.int64),
                     fan_first.astype(np.int64), entries)

    def _levelised(self, outputs: Sequence[int], inputs: Sequence[Sequence[int]]) -> list[int]:
        """Gates such that each follows those that it depends on."""
        made_by = {net: g for g, net in enumerate(outputs)}
        users: list[list[int]] = [[] for _ in outputs]
        waits = [0] * len(outputs)
        for g, nets in enumerate(inputs):
            for net in nets:
                if net in made_by:
                    users[made_by[net]].append(g)
                    waits[g] += 1
        order = [g for g, count in enumerate(waits) if count == 0]
        for g in order:
            for user in users[g]:
                waits[user] -= 1
                if waits[user] == 0:
                    order.append(user)
        if len(order) < len(outputs):
            stuck = next(g for g, count in enumerate(waits) if count)
            name = self.netlist.instances[self.gate_pins[stuck][0]].name
            raise ValueError(f"Netlist must have no combinational loop, as behind {name}")
        return order

    # State

    def _state(self, flop_gates: list[int]) -> State:
        tables = _Tables()
        inputs, table, q, qn = [], [], [], []
        for index in self.flops:
            instance, cell = self.netlist.instances[index], self.cells[index]
            flop = cell.flip_flop
            assert flop is not None
            names = tuple(pin for pin in cell.inputs if pin != flop.clock)
            inputs.append([instance.pins[name] for name in names])
            table.append(tables.of(cell, self._next_state(index, names), names))
            first, second = instance.pins.get(flop.output, -1), -1
            if flop.complement is not None:
                second = instance.pins.get(flop.complement, -1)
            q.append(second if flop.output_inverted else first)
            qn.append(first if flop.output_inverted else second)
        enables, parents = [], []
        for index in self.clock_gates:
            instance, gate = self.netlist.instances[index], self.cells[index].clock_gate
            assert gate is not None
            enables.append([instance.pins[pin] for pin in gate.enables])
            parents.append(self.clock_nets[instance.pins[gate.clock]])
        first, nets = _packed(inputs)
        enable_first, enable_nets = _packed(enables)
        return State(first, nets, np.array(table, np.int64), tables.values(),
                     np.array(q, np.int64), np.array(qn, np.int64),
                     np.array(flop_gates, np.int64), enable_first, enable_nets,
                     np.array(parents, np.int64))

    def _next_state(self, index: int, names: tuple[str, ...]) -> str:
        """The next state; asynchronous inputs must be tied to where they do nothing."""
        instance, flop = self.netlist.instances[index], self.cells[index].flip_flop
        assert flop is not None
        for condition in filter(None, (flop.clear, flop.preset)):
            bits = 0
            for k, name in enumerate(names):
                constant = self._constant(instance.pins[name])
                if constant is not None:
                    bits |= constant << k
                elif name in variables(condition):
                    bits = -1
                    break
            if bits < 0 or truth_table(condition, names) >> bits & 1:
                raise ValueError(f"Flip-flop {instance.name} must not be cleared or preset "
                                 f"asynchronously, as {condition!r} might")
        return flop.next_state

    def _constant(self, net: int) -> int | None:
        """The value of a net that is constant or comes from a tie cell."""
        if net < CONSTANTS:
            return net
        if (driver := int(self.driver[net])) < 0 or self.cells[driver].inputs:
            return None
        pins = self.netlist.instances[driver].pins
        return next(truth_table(self.cells[driver].pins[pin].function or "0", ())
                    for pin in self.cells[driver].outputs if pins.get(pin) == net)

    def _groups(self) -> dict[str, np.ndarray]:
        """Instances of each cell."""
        groups: dict[str, list[int]] = {}
        for index, instance in enumerate(self.netlist.instances):
            groups.setdefault(instance.cell, []).append(index)
        return {cell: np.array(indices) for cell, indices in groups.items()}

    def nets_at(self, cell: str, pin: str) -> np.ndarray:
        """Nets at a pin of all instances of ``cell``; -1 where it is not connected."""
        key = cell, pin
        if key not in self._nets_at:
            self._nets_at[key] = np.array([self.netlist.instances[i].pins.get(pin, -1)
                                           for i in self.groups[cell]])
        return self._nets_at[key]


def net_loads(circuit: Circuit, wire: float = WIRE) -> np.ndarray:
    """fF of every net: capacitances of the input pins on it and ``wire`` fF for each of them."""
    loads = np.zeros(circuit.netlist.nets)
    for name in circuit.groups:
        cell = circuit.library.cells[name]
        for pin in cell.inputs:
            np.add.at(loads, circuit.nets_at(name, pin), cell.pins[pin].capacitance + wire)
    return loads


class _Tables:
    """Truth tables one after another, each once."""

    def __init__(self):
        self.parts: list[np.ndarray] = []
        self.places: dict[tuple[str, tuple[str, ...]], int] = {}
        self.length = 0

    def of(self, cell: Cell, function: str, inputs: tuple[str, ...]) -> int:
        """Where the table of ``function`` starts."""
        key = (function, inputs)
        if key not in self.places:
            if len(inputs) > MAX_INPUTS:
                raise ValueError(f"Cell {cell.name} must have at most {MAX_INPUTS} inputs, "
                                 f"not {len(inputs)}")
            table = truth_table(function, inputs)
            size = 1 << len(inputs)
            packed = np.frombuffer(table.to_bytes(-(-size // 8), "little"), np.uint8)
            self.parts.append(np.unpackbits(packed, bitorder="little")[:size])
            self.places[key] = self.length
            self.length += size
        return self.places[key]

    def values(self) -> np.ndarray:
        return np.concatenate([*self.parts, np.zeros(1, np.uint8)])


def _packed(lists: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """(where each list starts and the last ends, all entries)."""
    first = np.concatenate([[0], np.cumsum([len(each) for each in lists])]).astype(np.int64)
    return first, np.array([net for each in lists for net in each], np.int64)


def _is_buffer(cell: Cell) -> bool:
    if len(cell.inputs) != 1 or len(cell.outputs) != 1 or cell.flip_flop is not None:
        return False
    function = cell.pins[cell.outputs[0]].function
    return function is not None and truth_table(function, cell.inputs) == 0b10
