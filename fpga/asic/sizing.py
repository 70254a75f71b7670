# SPDX-License-Identifier: Apache-2.0
"""Sizing: a netlist meets a clock at little area by other cells, pins and buffers."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import sizing_kernels as kernels
from .families import families_of
from .library import Library
from .netlist import Instance, Netlist
from .technology import Technology
from .timing import Boundary, Graph, Timing
from .timing_kernels import NEVER

__all__ = ["SizingReport", "size"]

ROUNDS, STEPS, PATIENCE = 20, 6, 4
"""Rounds of buffering, steps of sizing in each, and rounds without a gain before the end."""
HOLD = 0.02
"""What an exchange must gain, as a part of the cell's area: fewer changes that undo each other."""


@dataclass(frozen=True)
class SizingReport:
    """Areas in um² and critical paths before and after; ``met``: whether the clock is met."""

    area_before: float
    area_after: float
    before: Timing
    after: Timing
    clock_ps: float | None
    buffers: int

    @property
    def met(self) -> bool:
        return self.clock_ps is None or self.after.period <= self.clock_ps


def size(netlist: Netlist, library: Library, technology: Technology, clock_ps: float | None, *,
         boundary: Boundary | None = None,
         tell: Callable[[str], None] = lambda text: None) -> tuple[Netlist, SizingReport]:
    """``netlist`` with cells exchanged for others of equal function, equal inputs swapped and
    buffers set or taken, so that it meets ``clock_ps`` at little area, or comes close to it.

    ``clock_ps`` None: least area at which every load and slew is within the library's limits.
    Method: Lagrangian relaxation. A price in um² per ps flows from the ends of paths back through
    the logic; every cell, pair of pins and buffer is then chosen for the least of area and priced
    delay, again and again, while the overall price follows what the clock still lacks. What is
    returned is the smallest netlist seen that met the clock, or the fastest. ``tell`` hears of
    progress.
    """
    sizer = _Sizer(netlist, library, technology, clock_ps, boundary)
    before, area = sizer.graph.path(), netlist.area(library)
    result = netlist
    if netlist.instances:  # not mere wires
        sizer.run(tell)
        sizer.recall()
        result = sizer.present()
    graph = Graph(result, library, technology, boundary)
    graph.update(clock_ps)
    return result, SizingReport(area, result.area(library), before, graph.path(), clock_ps,
                                len(result.instances) - len(netlist.instances))


_Kept = tuple[tuple[int, bool, float], Netlist, np.ndarray, np.ndarray, float]
"""(rank, netlist with names and ports, cells' numbers, nets at pins, price)."""


class _Sizer:
    def __init__(self, netlist: Netlist, library: Library, technology: Technology,
                 clock: float | None, boundary: Boundary | None):
        self.library, self.technology, self.boundary = library, technology, boundary
        self.families = families_of(library, technology)
        self.clock = clock
        self.names = {instance.name for instance in netlist.instances}
        self.kept: _Kept | None = None
        self.adopt(netlist)
        period = self.graph.update(clock)
        self.tau = 0.015 * (clock or period)
        self.price = 0.0 if clock is None else 0.03 * netlist.area(library) / clock

    def adopt(self, netlist: Netlist) -> None:
        """Arrays of ``netlist``."""
        self.netlist = netlist
        self.graph = graph = Graph(netlist, self.library, self.technology, self.boundary)
        self.pin_flow = np.zeros((len(graph.pin_net), 2))
        self.pin_slope = np.zeros((len(graph.pin_net), 2))
        self.arc_flow = np.zeros(len(graph.delay))
        self.flow, self.per_slew, self.per_load = (np.zeros((netlist.nets, 2)) for _ in range(3))

    # Prices

    def weigh(self) -> None:
        graph, m = self.graph, self.graph.model
        slack = graph.deadline - graph.arrival
        ends = (graph.arrival > -NEVER) & (graph.deadline < NEVER / 2)
        self.flow[:] = 0.0
        self.flow[ends] = self.price * np.exp(np.clip(-slack[ends] / self.tau, -20.0, 2.0))
        kernels.weigh(graph.order, graph.kind, graph.pin_first, graph.pin_net, m.inputs, m.arc_of,
                      m.arcs, m.tables, m.data, graph.arrival, graph.slew, graph.load,
                      graph.steepest, graph.delay_first, graph.delay, self.tau, self.flow,
                      self.arc_flow, self.pin_flow, self.pin_slope, self.per_slew, self.per_load)
        at = graph.inputs  # an input's load slows the flip-flop that drives it
        self.per_load[at] = (self.flow[at] * graph.by_load[at]
                             + self.per_slew[at] * graph.slew_by_load[at])

    # Moves

    def resize(self) -> int:
        g, m, f = self.graph, self.graph.model, self.families
        return kernels.resize(
            g.order, g.kind, g.pin_first, g.pin_net, m.inputs, m.area, m.pin_of, m.loads,
            m.limits, m.arc_of, m.arcs, m.tables, m.data, g.arrival, g.slew, g.load, f.max_slew,
            g.delay_first, self.arc_flow, self.per_slew, self.per_load, f.first, f.size,
            f.members, HOLD)

    def swap(self) -> int:
        g, m, f = self.graph, self.graph.model, self.families
        return kernels.swap_pins(
            g.order, g.kind, g.pin_first, g.pin_net, m.pin_of, m.loads, m.arc_of, m.arcs,
            m.tables, m.data, g.arrival, g.slew, g.load, g.delay_first, self.arc_flow,
            self.per_load, f.swap_of, f.swaps, 0.02 * self.price)

    def buffer(self, eager: float) -> None:
        """Set buffers that gain, take away those that cost: this part of them, the best first."""
        g, m, f = self.graph, self.graph.model, self.families
        clocked = np.zeros(self.netlist.nets, bool)
        clocked[g.clocks] = True
        inputs = np.concatenate([np.arange(a, a + n) for a, n in zip(
            g.pin_first[:-1], m.inputs[g.kind], strict=True)]) if len(g.kind) else g.kind
        pins = inputs[~clocked[g.pin_net[inputs]] & (g.arrival[g.pin_net[inputs]] > -NEVER).any(1)]
        pins = pins[np.argsort(g.pin_net[pins], kind="stable")]
        count = np.bincount(g.pin_net[pins], minlength=self.netlist.nets)
        first = np.concatenate([[0], np.cumsum(count)])
        owner = np.repeat(np.arange(len(g.kind)), np.diff(g.pin_first))
        caps = m.loads[m.pin_of[g.kind[owner]] + np.arange(len(owner)) - g.pin_first[owner]]
        most = self.limits()
        nets = np.flatnonzero((count > 0) & (
            (self.per_load.sum(1) > 0) | (g.load.max(1) > most) | (g.slew.max(1) > f.max_slew)))
        gains, which, counts, ways = kernels.buffer_moves(
            nets, first, pins, caps, g.slew, g.load, most, f.max_slew, self.pin_flow,
            self.pin_slope, self.per_load, f.buffers, m.pin_of, m.loads, m.limits, m.area,
            m.arc_of, m.arcs, m.tables, m.data, HOLD)
        taken = self._removable(clocked, most)
        good = np.argsort(-gains)[:int(np.ceil(eager * (gains > 0).sum()))]
        touched = set(nets[good].tolist())
        remove = [n for n in taken if g.pin_net[g.pin_first[n]] not in touched
                  and g.pin_net[g.pin_first[n] + 1] not in touched]
        remove = remove[:int(np.ceil(eager * len(remove)))]
        moves = [(int(nets[k]), int(which[k]), part) for k in good for part in np.array_split(
            pins[first[nets[k]]:first[nets[k]] + counts[k]], ways[k])]
        self._rebuild(moves, remove)

    def limits(self) -> np.ndarray:
        """Largest load in fF of each net's driver [nets]."""
        g, m = self.graph, self.graph.model
        most = np.full(self.netlist.nets, np.inf)
        owner = np.repeat(np.arange(len(g.kind)), np.diff(g.pin_first))
        place = np.arange(len(owner)) - g.pin_first[owner]
        outs = (place >= m.inputs[g.kind[owner]]) & (g.pin_net >= 0)
        most[g.pin_net[outs]] = m.limits[m.pin_of[g.kind[owner[outs]]] + place[outs]]
        return most

    def _removable(self, clocked: np.ndarray, most: np.ndarray) -> list[int]:
        g, m, f = self.graph, self.graph.model, self.families
        found = np.flatnonzero(np.isin(g.kind, f.buffers))
        ports = {net for nets in self.netlist.outputs.values() for net in nets}
        found = np.array([n for n in found if int(g.pin_net[g.pin_first[n] + 1]) not in ports
                          and not clocked[g.pin_net[g.pin_first[n]]]
                          and g.arrival[g.pin_net[g.pin_first[n]], 0] > -NEVER], np.int64)
        gains = kernels.removals(
            found, g.kind, g.pin_first, g.pin_net, m.pin_of, m.loads, g.slew, g.load, most,
            f.max_slew, self.flow, self.per_slew, self.per_load, m.area, m.arc_of, m.arcs,
            m.tables, m.data, 0.1)
        gone: list[int] = []
        nets: set[int] = set()
        for k in np.argsort(-gains):
            before, after = g.pin_net[g.pin_first[found[k]]:g.pin_first[found[k]] + 2].tolist()
            if gains[k] > 0 and before not in nets and after not in nets:
                gone.append(int(found[k]))
                nets |= {before, after}
        return gone

    def _rebuild(self, moves: list[tuple[int, int, np.ndarray]], gone: list[int]) -> None:
        g, m = self.graph, self.graph.model
        nets, made = self.netlist.nets, []
        buffer = self.technology.buffer
        for net, b, pins in moves:
            g.pin_net[pins] = nets
            name = f"fanout_{nets}_"
            while name in self.names:
                name += "_"
            self.names.add(name)
            made.append(Instance(name, m.cells[b], {buffer.input: net, buffer.output: nets}))
            nets += 1
        for n in gone:
            before, after = g.pin_net[g.pin_first[n]:g.pin_first[n] + 2]
            g.pin_net[g.pin_net == after] = before
        netlist = self.present(set(gone))
        netlist.nets = nets
        netlist.instances += made
        self.adopt(netlist)

    def present(self, gone: set[int] = frozenset()) -> Netlist:
        """The netlist as its arrays are now."""
        g, m = self.graph, self.graph.model
        nets, first = g.pin_net.tolist(), g.pin_first.tolist()
        netlist = self.netlist.copy()
        netlist.instances = []
        for n, c in enumerate(g.kind.tolist()):
            if n not in gone:
                pins = {pin: net for pin, net in zip(m.pins[c], nets[first[n]:first[n + 1]],
                                                     strict=True) if net >= 0}
                netlist.instances.append(Instance(self.netlist.instances[n].name, m.cells[c],
                                                  pins))
        return netlist

    # The search

    def illegal(self) -> int:
        """Nets whose load or slew is beyond the library's limits."""
        g = self.graph
        moving = (g.arrival > -NEVER).any(1)
        return int((moving & ((g.load.max(1) > self.limits()) |
                              (g.slew.max(1) > self.families.max_slew))).sum())

    def note(self, period: float) -> None:
        """Keep the present netlist if it is the best so far."""
        area = float(self.graph.model.area[self.graph.kind].sum())
        met = self.clock is None or period <= self.clock
        rank = (self.illegal(), not met, area if met else period)
        if self.kept is None or rank < self.kept[0]:
            self.kept = (rank, self.netlist, self.graph.kind.copy(), self.graph.pin_net.copy(),
                         self.price)

    def update(self) -> float:
        period = self.graph.update(self.clock)
        self.note(period)
        return period

    def step(self, swap: bool) -> None:
        period = self.update()
        if self.clock is not None:
            self.price *= min(max((period / self.clock) ** 3, 0.9), 1.06)
        self.weigh()
        if swap:
            self.swap()
        else:
            self.resize()

    def run(self, tell: Callable[[str], None]) -> None:
        self.update()
        eager, stale, best = 0.3, 0, self.rank
        for turn in range(ROUNDS):
            for k in range(STEPS):
                self.step(k % 3 == 2)
            period = self.update()
            tell(f"sizing, round {turn + 1}: {period:.0f} ps, "
                 f"{float(self.graph.model.area[self.graph.kind].sum()):.1f} um²")
            if self.better(best):
                best, stale = self.rank, 0
            else:
                stale += 1
                eager /= 2
                if stale == PATIENCE:
                    break
                if stale % 2 == 0:
                    self.recall()
            self.weigh()
            self.buffer(eager)
        self.recall()
        for k in range(4 * STEPS):
            self.step(k % 6 == 5)
        self.recall()
        self.trim()

    @property
    def rank(self) -> tuple[int, bool, float]:
        assert self.kept is not None
        return self.kept[0]

    def better(self, than: tuple[int, bool, float]) -> bool:
        return self.rank[:2] < than[:2] or self.rank[2] < than[2] * 0.9995

    def recall(self) -> None:
        """Back to the best netlist, and to its price."""
        assert self.kept is not None
        _, netlist, kind, pin_net, self.price = self.kept
        if netlist is not self.netlist:
            self.adopt(netlist)
        self.graph.kind[:], self.graph.pin_net[:] = kind, pin_net
        self.graph.update(self.clock)

    def trim(self) -> None:
        """Smaller cells wherever the clock truly allows them: batches, halved where they fail."""
        graph, f, m = self.graph, self.families, self.graph.model
        if self.rank[0] or self.rank[1]:
            return
        for _ in range(2):
            graph.update(self.clock)
            moves = []
            slack = graph.slack
            for n, c in enumerate(graph.kind.tolist()):
                smaller = [int(k) for k in f.members[f.first[c]:f.first[c] + f.size[c]]
                           if m.area[k] < m.area[c]]
                if smaller:
                    outs = graph.pin_net[graph.pin_first[n] + m.inputs[c]:graph.pin_first[n + 1]]
                    moves.append((-min(slack[net] for net in outs if net >= 0), n, smaller[-1]))
            moves.sort()
            batches = [moves[k:k + 64] for k in range(0, len(moves), 64)]
            while batches:
                batch = batches.pop()
                before = graph.kind.copy()
                for _, n, c in batch:
                    graph.kind[n] = c
                if graph.update(self.clock) > (self.clock or np.inf) or self.illegal():
                    graph.kind[:] = before
                    if len(batch) > 4:
                        half = len(batch) // 2
                        batches += [batch[:half], batch[half:]]
        self.update()
