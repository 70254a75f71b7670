# SPDX-License-Identifier: Apache-2.0
"""Static slews of nets and delays of cells at their loads, from a library's tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .circuit import CONSTANTS, Circuit
from .library import Arc, Cell, Table
from .simulation_kernels import Delays

__all__ = ["Edges", "Transitions", "at", "clock_slew"]

ROUNDS = 4
"""Of slews through the netlist. A gate passes on a small part of its input's slew, so that what is
left of the start after four gates is below a per cent."""


@dataclass
class Edges:
    """Something of every rise and of every fall."""

    rise: np.ndarray
    fall: np.ndarray


def at(table: Table, slews: np.ndarray, loads: np.ndarray) -> np.ndarray:
    """Values by bilinear interpolation; beyond the table its outermost slope goes on."""
    i, x = _place(table.slews, slews)
    j, y = _place(table.loads, loads)
    v = table.values
    i1, j1 = np.minimum(i + 1, v.shape[0] - 1), np.minimum(j + 1, v.shape[1] - 1)
    low = v[i, j] + (v[i, j1] - v[i, j]) * y
    high = v[i1, j] + (v[i1, j1] - v[i1, j]) * y
    return low + (high - low) * x


def _place(axis: np.ndarray, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if len(axis) == 1:
        return np.zeros(where.shape, np.int64), np.zeros(where.shape)
    i = np.clip(np.searchsorted(axis, where) - 1, 0, len(axis) - 2)
    return i, (where - axis[i]) / (axis[i + 1] - axis[i])


def clock_slew(circuit: Circuit) -> float:
    """ps: a third up the library's axis of slews, where clock trees are kept."""
    for cell in circuit.cells:
        for arc in cell.arcs:
            table = arc.slew_rise or arc.slew_fall
            if table is not None and len(table.slews) > 1:
                return float(table.slews[len(table.slews) // 3])
    return 0.0


class Transitions:
    """Slews in ps of every net, as ``slews``, and delays of every gate and flop.

    A delay is the mean over an arc's conditions (``when``): which of them holds is not looked at
    event by event, nor is the slew that an event really has. Slews of inputs of the netlist are
    the mean of the flops' outputs, since registers drive them.
    """

    def __init__(self, circuit: Circuit, loads: np.ndarray):
        self.circuit = circuit
        self.loads = loads
        self._arcs: dict[tuple[str, str, str], list[Arc]] = {}
        start = clock_slew(circuit)
        nets = circuit.netlist.nets
        self.slews = Edges(np.full(nets, start), np.full(nets, start))
        for _ in range(ROUNDS):
            self._round()

    def _round(self) -> None:
        """Slews of all outputs from those of the inputs."""
        rise, fall = self.slews.rise.copy(), self.slews.fall.copy()
        clocks = list(self.circuit.clock_nets)
        flop_slews = []
        for cell, output, nets in self._outputs():
            used = np.flatnonzero((nets >= CONSTANTS) & ~np.isin(nets, clocks))
            if not used.size:
                continue
            found = [self._tables(cell, source, output, used, "slew") for source in cell.inputs]
            for k, edges in enumerate((rise, fall)):
                values = [pair[k] for pair in found if pair[k] is not None]
                if values:
                    edges[nets[used]] = np.maximum(np.mean(values, axis=0), 0)
            if cell.flip_flop is not None:
                flop_slews += [rise[nets[used]], fall[nets[used]]]
        if flop_slews:
            typical = float(np.mean(np.concatenate(flop_slews)))
            for nets in self.circuit.netlist.inputs.values():
                for net in nets:
                    if net not in self.circuit.clock_nets:
                        rise[net] = fall[net] = typical
        self.slews = Edges(rise, fall)

    def _outputs(self) -> Iterator[tuple[Cell, str, np.ndarray]]:
        for name in self.circuit.groups:
            cell = self.circuit.library.cells[name]
            for output in cell.outputs:
                yield cell, output, self.circuit.nets_at(name, output)

    def _tables(self, cell: Cell, source: str, output: str, which: np.ndarray,
                what: str) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Mean delays or slews of ``output`` rising and falling because of ``source``, for the
        instances ``which`` of the cell."""
        key = (cell.name, source, output)
        if key not in self._arcs:
            self._arcs[key] = _main([arc for arc in cell.arcs if arc.source == source
                                     and arc.target == output
                                     and arc.kind in ("combinational", "edge")])
        inputs = self.circuit.nets_at(cell.name, source)[which]
        loads = self.loads[self.circuit.nets_at(cell.name, output)[which]]
        found = []
        for edge in ("rise", "fall"):
            values = []
            for arc in self._arcs[key]:
                table = getattr(arc, f"{what}_{edge}")
                if table is not None:
                    values.append(at(table, self._input_slews(inputs, arc, edge), loads))
            found.append(np.mean(values, axis=0) if values else None)
        return found[0], found[1]

    def _input_slews(self, nets: np.ndarray, arc: Arc, edge: str) -> np.ndarray:
        rise, fall = self.slews.rise[nets], self.slews.fall[nets]
        if arc.kind == "edge":
            return fall if arc.falling_edge else rise
        if arc.sense == "either":
            return (rise + fall) / 2
        return rise if (arc.sense == "positive") == (edge == "rise") else fall

    def gate_delays(self) -> Edges:
        """ps from each entry of ``Gates.nets`` to the gate's output."""
        gates = self.circuit.gates
        rise, fall = np.zeros(len(gates.nets)), np.zeros(len(gates.nets))
        place = {(i, pin): g for g, (i, pin, _) in enumerate(self.circuit.gate_pins)}
        for cell, output, _ in self._outputs():
            if cell.flip_flop is not None or cell.clock_gate is not None:
                continue
            members = self.circuit.groups[cell.name]
            which = [k for k, i in enumerate(members) if (i, output) in place]
            entries = np.array([gates.first[place[members[k], output]] for k in which], np.int64)
            for position, source in enumerate(cell.inputs):
                up, down = self._tables(cell, source, output, np.array(which, np.int64), "delay")
                if up is not None:
                    rise[entries + position] = up
                if down is not None:
                    fall[entries + position] = down
        return Edges(rise, fall)

    def flop_delays(self) -> tuple[Edges, Edges]:
        """ps from the edge to the flops' plain and to their inverted outputs."""
        size = len(self.circuit.flops)
        plain, inverse = (Edges(np.zeros(size), np.zeros(size)) for _ in range(2))
        place = {i: f for f, i in enumerate(self.circuit.flops)}
        for cell, output, nets in self._outputs():
            flop = cell.flip_flop
            if flop is None or output not in (flop.output, flop.complement):
                continue
            used = np.flatnonzero(nets >= 0)
            flops = np.array([place[i] for i in self.circuit.groups[cell.name][used]], np.int64)
            edges = inverse if flop.output_inverted == (output == flop.output) else plain
            up, down = self._tables(cell, flop.clock, output, used, "delay")
            if up is not None:
                edges.rise[flops] = up
            if down is not None:
                edges.fall[flops] = down
        return plain, inverse

    def setup(self) -> float:
        """ps that data must be there before the edge: the longest of all flops and clock gates."""
        slowest = 0.0
        for name in self.circuit.groups:
            for rule in self.circuit.library.cells[name].constraints:
                if rule.kind != "setup":
                    continue
                data = self.circuit.nets_at(name, rule.pin)
                clock = self.circuit.nets_at(name, rule.related)
                for table, slews in ((rule.rise, self.slews.rise), (rule.fall, self.slews.fall)):
                    if table is not None and np.any(data >= CONSTANTS):
                        live = data >= CONSTANTS
                        times = at(table, slews[data[live]], self.slews.rise[clock[live]])
                        slowest = max(slowest, float(times.max()))
        return slowest

    def quantised(self, steps: int) -> tuple[Delays, float, int]:
        """Delays in units such that the longest path takes ``steps``; ps of the unit; a time that
        no event reaches."""
        gate, (plain, inverse) = self.gate_delays(), self.flop_delays()
        outputs = [edges[nets >= 0] for edges, nets in (
            ((plain.rise + plain.fall) / 2, self.circuit.state.q),
            ((inverse.rise + inverse.fall) / 2, self.circuit.state.qn))]
        launched = np.concatenate(outputs)
        arrival = float(launched.mean()) if launched.size else 0.0
        every = (gate.rise, gate.fall, plain.rise, plain.fall, inverse.rise, inverse.fall)
        start = max(arrival, *(float(edges.max(initial=0)) for edges in every[2:]))
        unit = max(self._longest(np.maximum(gate.rise, gate.fall), start) / steps, 1e-3)

        def units(delay: np.ndarray) -> np.ndarray:
            return np.maximum(np.rint(delay / unit), 1).astype(np.int64)

        whole = Delays(*map(units, every), max(round(arrival / unit), 1))
        longest = self._longest(np.maximum(whole.rise, whole.fall), max(
            whole.arrival, *(int(edges.max(initial=1)) for edges in whole[2:6])))
        return whole, unit, int(longest) + 2

    def _longest(self, delays: np.ndarray, start: float) -> float:
        gates = self.circuit.gates
        arrival = np.full(self.circuit.netlist.nets, start)
        for g, output in enumerate(gates.output):
            own = slice(gates.first[g], gates.first[g + 1])
            arrival[output] = np.max(arrival[gates.nets[own]] + delays[own], initial=start)
        return float(arrival.max())


def _main(arcs: Sequence[Arc]) -> list[Arc]:
    """Without the arc for all other conditions, where others state theirs."""
    conditional = [arc for arc in arcs if arc.when is not None]
    return conditional or list(arcs)
