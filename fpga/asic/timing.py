# SPDX-License-Identifier: Apache-2.0
"""Static timing of a netlist: the library's delay and slew tables, from registers to registers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from . import timing_kernels as kernels
from .delay_model import RISE, Model, model_of
from .library import FlipFlop, Library
from .netlist import Netlist, NetlistFault
from .technology import Technology
from .timing_kernels import NEVER

__all__ = ["Boundary", "Graph", "Step", "Timing", "analyse"]


@dataclass(frozen=True)
class Boundary:
    """What lies around a netlist.

    ``input_delay`` and ``input_slew`` in ps: when and how steeply inputs arrive; None: as the
    outputs of the technology's flip-flop that drives the input's load, which is what an equal PE
    beside this one does. ``output_delay`` in ps: how long before the clock edge outputs must be
    there. ``output_load`` in fF: of each output, or by port; None: one data input of a
    flip-flop. ``clock_slew`` in ps at every clock pin: the clock is ideal, through clock gates
    too. ``wire_load`` in fF for each sink of a net.
    """

    input_delay: float | None = None
    input_slew: float | None = None
    output_delay: float = 0.0
    output_load: float | Mapping[str, float] | None = None
    clock_slew: float = 0.0
    wire_load: float = 0.0


@dataclass(frozen=True)
class Step:
    """One step of a path: ``net`` is driven by ``instance`` of ``cell`` (of an input: the port,
    and no cell) and moves at ``arrival`` ps, within ``slew`` ps, upwards if ``rise``, with
    ``load`` fF to charge."""

    instance: str
    cell: str
    net: int
    rise: bool
    arrival: float
    slew: float
    load: float


@dataclass(frozen=True)
class Timing:
    """Times of a netlist: ``period`` is the shortest clock period in ps that it meets. ``slack``
    in ps for the period that was asked for (of the shortest: 0). ``path`` is the critical one,
    ``end`` where it ends, ``setup`` how long before the clock edge that must be, in ps."""

    period: float
    slack: float
    path: tuple[Step, ...]
    end: str
    setup: float


class Graph:
    """A netlist as arrays with its times; cells may be exchanged in place by ``kind``.

    ``arrival``, ``slew``, ``load``, ``required``, ``deadline``: [nets, 2] per edge (rise, fall),
    in ps and fF; a deadline is what a net's own ends require, not what lies behind it.
    ``by_load``, ``slew_by_load`` [nets, 2]: ps per fF by which an input that a flip-flop drives
    comes later, and less steeply.
    """

    def __init__(self, netlist: Netlist, library: Library, technology: Technology,
                 boundary: Boundary | None = None):
        self.netlist, self.library, self.technology = netlist, library, technology
        self.boundary = boundary or Boundary()
        self.model: Model = model_of(library)
        model = self.model
        try:
            self.kind = np.array([model.number[i.cell] for i in netlist.instances], np.int64)
        except KeyError as missing:
            raise NetlistFault(f"cell {missing.args[0]} must be in library "
                               f"{library.name}") from None
        self.pin_first = np.zeros(len(self.kind) + 1, np.int64)
        nets: list[int] = []
        for n, instance in enumerate(netlist.instances):
            pins = instance.pins
            nets += [pins.get(pin, -1) for pin in model.pins[self.kind[n]]]
            self.pin_first[n + 1] = len(nets)
        self.pin_net = np.array(nets, np.int64)
        shape = (netlist.nets, 2)
        self.load = np.zeros(shape)
        self.required, self.deadline = np.full(shape, NEVER), np.full(shape, NEVER)
        self.arrival, self.slew = np.full(shape, -NEVER), np.zeros(shape)
        self.steepest = np.full(shape, -1, np.int64)
        self.drivers = self._drivers()
        self._order()
        self._ports()
        self.period = 0.0

    def _drivers(self) -> np.ndarray:
        drivers = np.full(self.netlist.nets, -1, np.int64)
        for g, c in enumerate(self.kind):
            for k in range(self.pin_first[g] + self.model.inputs[c], self.pin_first[g + 1]):
                if self.pin_net[k] >= 0:
                    drivers[self.pin_net[k]] = g
        return drivers

    def _order(self) -> None:
        """Registers first, then logic; clock gates and ties move nothing in a cycle."""
        cells = [self.library.cells[name] for name in self.model.cells]
        register = np.array([cell.flip_flop is not None for cell in cells])
        still = np.array([cell.clock_gate is not None or not cell.inputs for cell in cells])
        self.registers = register[self.kind]
        starts = self.registers | still[self.kind]
        order, placed = kernels.levelise(self.kind, self.pin_first, self.pin_net,
                                         self.model.inputs, starts, self.drivers)
        if placed < len(order):
            missing = np.setdiff1d(np.arange(len(order)), order[:placed])[0]
            raise NetlistFault(f"{self.netlist.name}: logic must be free of loops, but "
                               f"{self.netlist.instances[missing].name} is in one")
        self.order = order[~still[self.kind[order]]]
        self.clocked = [g for g in range(len(self.kind)) if still[self.kind[g]]
                        and cells[self.kind[g]].clock_gate is not None]
        self.delay_first = np.concatenate([[0], np.cumsum(self.model.room[self.kind])])
        self.delay = np.zeros(self.delay_first[-1])

    def _ports(self) -> None:
        """Arrivals that stay: of the clock everywhere, and loads of outputs."""
        netlist, edge = self.netlist, self.boundary
        flop = self.library.cells[self.technology.flip_flop.cell]
        state = flop.flip_flop
        assert isinstance(state, FlipFlop)
        data = [pin for pin in flop.inputs if pin != state.clock]
        usual = flop.pins[data[0]].capacitance
        self.extra = np.zeros((netlist.nets, 2))
        for name, nets in netlist.outputs.items():
            load = edge.output_load
            if isinstance(load, Mapping):
                load = load.get(name)
            self.extra[nets] += (usual if load is None else load) + edge.wire_load
        clocks = [] if netlist.clock is None else [netlist.clock]
        for g in self.clocked:
            c = self.kind[g]
            clocks += [net for net in self.pin_net[
                self.pin_first[g] + self.model.inputs[c]:self.pin_first[g + 1]] if net >= 0]
        self.clocks = np.array(clocks, np.int64)
        self.arrival[self.clocks] = 0.0
        self.slew[self.clocks] = edge.clock_slew
        self.inputs = np.array([net for nets in netlist.inputs.values() for net in nets
                                if net not in set(clocks)], np.int64)
        self.outputs = np.array(sorted({net for nets in netlist.outputs.values()
                                        for net in nets}), np.int64)
        c = self.model.number[flop.name]
        rows = self.model.arcs[self.model.arc_of[c]:self.model.arc_of[c + 1]]
        self._launch = rows[rows[:, 2] == self.model.pins[c].index(state.output)]
        self.by_load, self.slew_by_load = np.zeros((2, netlist.nets, 2))

    def update_loads(self) -> None:
        """Loads after cells were exchanged."""
        model = self.model
        kernels.net_loads(self.kind, self.pin_first, self.pin_net, model.inputs, model.pin_of,
                          model.loads, self.boundary.wire_load, self.extra, self.load)

    def _arrive(self) -> None:
        edge = self.boundary
        if edge.input_delay is not None:
            self.arrival[self.inputs] = edge.input_delay
            self.slew[self.inputs] = edge.input_slew or 0.0
            return
        m = self.model
        kernels.launch(self.inputs, self._launch, m.tables, m.data, edge.clock_slew, self.load,
                       self.arrival, self.slew, self.by_load, self.slew_by_load)

    def update(self, period: float | None = None) -> float:
        """All times anew; slacks are for ``period`` in ps, or for the shortest possible, which
        is returned."""
        self.update_loads()
        self._arrive()
        m = self.model
        kernels.forwards(self.order, self.kind, self.pin_first, self.pin_net, m.arc_of, m.arcs,
                         m.tables, m.data, self.load, self.arrival, self.slew, self.steepest,
                         self.delay_first, self.delay)
        shortest = self._ends(0.0)
        self.period = shortest if period is None else period
        self._ends(self.period)
        self.deadline[:] = self.required
        kernels.backwards(self.order, self.kind, self.pin_first, self.pin_net, m.arc_of, m.arcs,
                          self.arrival, self.delay_first, self.delay, self.required)
        return shortest

    def _ends(self, period: float) -> float:
        m, edge = self.model, self.boundary
        self.required[:] = NEVER
        shortest = kernels.ends(self.kind, self.pin_first, self.pin_net, m.check_of, m.checks,
                                m.tables, m.data, edge.clock_slew, self.arrival, self.slew,
                                period, self.required)
        if len(self.outputs):
            at = self.outputs
            self.required[at] = np.minimum(self.required[at], period - edge.output_delay)
            shortest = max(shortest, float(self.arrival[at].max()) + edge.output_delay)
        return shortest

    @property
    def slack(self) -> np.ndarray:
        """Slack in ps of each net [nets], of its worse edge; huge where nobody waits."""
        moving = self.arrival > -NEVER
        return np.where(moving, self.required - self.arrival, NEVER).min(axis=1)

    def path(self) -> Timing:
        """The critical path of the last ``update``."""
        slack = np.where(self.arrival > -NEVER, self.deadline - self.arrival, NEVER)
        if slack.size == 0 or slack.min() >= NEVER / 2:
            return Timing(0.0, 0.0, (), "nothing", 0.0)
        net, way = map(int, np.unravel_index(np.argmin(slack), slack.shape))
        last, required = net, float(self.deadline[net, way])
        steps = []
        while True:
            g = self.drivers[net]
            steps.append(self._step(net, way))
            cause = None if g < 0 else self._cause(g, net, way)
            if cause is None:
                break
            net, way = cause
        worst = float(slack.min())
        return Timing(self.period - worst, worst, tuple(reversed(steps)),
                      self._end_name(last, required), self.period - required)

    def _cause(self, g: int, net: int, way: int) -> tuple[int, int] | None:
        """(net, edge) whose arrival makes that of ``net``; None at a register's clock."""
        if self.registers[g]:
            return None
        m, c = self.model, self.kind[g]
        best, cause = -NEVER, None
        for k, a in enumerate(range(m.arc_of[c], m.arc_of[c + 1])):
            before, edge, _, after = m.arcs[a, :4]
            if self.pin_net[self.pin_first[g] + m.arcs[a, 2]] == net and after == way:
                source = self.pin_net[self.pin_first[g] + before]
                at = self.arrival[source, edge] + self.delay[self.delay_first[g] + k]
                if self.arrival[source, edge] > -NEVER and at > best:
                    best, cause = at, (int(source), int(edge))
        return cause

    def _step(self, net: int, way: int) -> Step:
        g = self.drivers[net]
        name = self._port(net, self.netlist.inputs) if g < 0 else \
            self.netlist.instances[g].name
        return Step(name, "" if g < 0 else self.model.cells[self.kind[g]], net, way == RISE,
                    float(self.arrival[net, way]), float(self.slew[net, way]),
                    float(self.load[net, way]))

    def _port(self, net: int, ports: Mapping[str, Sequence[int]]) -> str:
        for name, nets in ports.items():
            if net in nets:
                return name if len(nets) == 1 else f"{name}[{list(nets).index(net)}]"
        return f"net {net}"

    def _end_name(self, net: int, required: float) -> str:
        if net in self.outputs and required >= self.period - self.boundary.output_delay:
            return self._port(net, self.netlist.outputs)
        for g, instance in enumerate(self.netlist.instances):
            c = self.kind[g]
            for k in range(self.model.check_of[c], self.model.check_of[c + 1]):
                pin = self.model.checks[k, 0]
                if self.pin_net[self.pin_first[g] + pin] == net:
                    return f"{instance.name}/{self.model.pins[c][pin]}"
        return f"net {net}"


def analyse(netlist: Netlist, library: Library, technology: Technology, *,
            clock_ps: float | None = None, boundary: Boundary | None = None) -> Timing:
    """The critical path of ``netlist``, and its slack at ``clock_ps``.

    Delays and slews are interpolated in the library's tables and extrapolated beyond them, rise
    and fall apart; the latest arrival and the worst slew of a net go on, as in OpenSTA. Setup
    checks of flip-flops and clock gates end paths, and so do outputs. There are no wires unless
    ``boundary`` has some: figures are pre-layout.
    """
    graph = Graph(netlist, library, technology, boundary)
    graph.update(clock_ps)
    return graph.path()
