# SPDX-License-Identifier: Apache-2.0
"""Energy of a netlist's cycles: what toggled, times what a library says a toggle costs."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass

import numpy as np

from .internal_energy import CLOCK, LOGIC, REGISTERS, Term, terms
from .simulation import Simulator, Trace
from .transitions import at

__all__ = ["Energy", "Measurement", "energy", "measure"]


@dataclass(frozen=True)
class Energy:
    """fJ a cycle. ``clock``: the clock's nets, clock pins and clock gates, and what an edge costs
    inside flops that stay as they are; a clock tree's buffers are not there. ``registers``: nets
    that flops and the netlist's inputs (which are registers elsewhere) drive, and the rest of what
    happens in flops. ``logic``: all else that switches."""

    clock: float
    registers: float
    logic: float
    leakage: float

    @property
    def total(self) -> float:
        """fJ a cycle, leakage included."""
        return sum(astuple(self))

    def per(self, count: float) -> "Energy":
        """For each of ``count`` things that a cycle does."""
        return Energy(*(value / count for value in astuple(self)))


@dataclass(frozen=True)
class Measurement:
    """Energy with the library's delays and without any; the difference is glitches, which only
    the logic has and what it feeds. ``settling`` in ps."""

    timed: Energy
    zero_delay: Energy
    settling: float

    @property
    def glitches(self) -> float:
        """fJ a cycle."""
        return self.timed.total - self.zero_delay.total

    def per(self, count: float) -> "Measurement":
        """For each of ``count`` things that a cycle does."""
        return Measurement(self.timed.per(count), self.zero_delay.per(count), self.settling)


def energy(simulator: Simulator, trace: Trace, *, period: float = 1000.0) -> Energy:
    """Energy of the counted cycles of ``trace``, which ``simulator`` made; ``period`` in ps, over
    which cells leak.

    A net costs ``C * V**2 / 2`` a toggle, with the capacitances of the pins on it and the
    simulator's wire for each; an output of the netlist costs nothing beyond that: the netlist
    that it feeds counts it. What a cell costs beyond its net: ``internal``, at the instance's load
    and slews.
    """
    circuit = simulator.circuit
    parts = _switching(simulator, trace)
    for name, members in circuit.groups.items():
        for term in terms(circuit.library.cells[name]):
            parts[term.part] += _internal(simulator, trace, name, members, term)
    leakage = sum(cell.leakage for cell in circuit.cells) * period * 1e-6  # nW ps: 1e-21 J
    return Energy(*(parts[part] / trace.cycles for part in (CLOCK, REGISTERS, LOGIC)), leakage)


def measure(simulator: Simulator, stimulus: Mapping[str, np.ndarray], *, first: int = 1,
            last: int | None = None, period: float = 1000.0,
            timing: float | None = None) -> tuple[Measurement, Trace, Trace]:
    """Energy with and without delays, and both traces (timed first), to be checked against what
    the netlist should do. ``timing``: period in ps in which it must settle, if any."""
    timed = simulator.run(stimulus, timed=True, period=timing, first=first, last=last)
    plain = simulator.run(stimulus, first=first, last=last)
    return Measurement(energy(simulator, timed, period=period),
                       energy(simulator, plain, period=period), timed.settling), timed, plain


def _switching(simulator: Simulator, trace: Trace) -> dict[str, float]:
    circuit = simulator.circuit
    each = trace.toggles * simulator.loads * circuit.library.voltage**2 / 2
    registers = np.zeros(len(each), bool)
    for nets in (*circuit.netlist.inputs.values(), circuit.state.q, circuit.state.qn):
        registers[[net for net in nets if net >= 0]] = True
    clock = np.zeros(len(each), bool)
    clock[list(circuit.clock_nets)] = True
    return {CLOCK: float(each[clock].sum()),
            REGISTERS: float(each[registers & ~clock].sum()),
            LOGIC: float(each[~registers & ~clock].sum())}


def _internal(simulator: Simulator, trace: Trace, name: str, members: np.ndarray,
              term: Term) -> float:
    """fJ in all counted cycles, of all instances of a cell."""
    circuit = simulator.circuit
    counts = _counts(simulator, trace, name, members, term)
    slews, related = simulator.transitions.slews, circuit.nets_at(name, term.related)
    slew = (slews.rise[related] + slews.fall[related]) / 2
    load = np.zeros(len(members))
    if term.load is not None:
        load = simulator.loads[circuit.nets_at(name, term.load)]
    return term.weight * float(counts @ at(term.table, slew, load))


def _counts(simulator: Simulator, trace: Trace, name: str, members: np.ndarray,
            term: Term) -> np.ndarray:
    """How often a term's event happened at each instance."""
    circuit = simulator.circuit
    nets = circuit.nets_at(name, term.pin)
    if term.event in ("rise", "fall"):
        counts = trace.rises if term.event == "rise" else trace.falls
        return np.where(nets >= 0, counts[nets], 0)
    if term.event in ("passed", "blocked"):
        gate = circuit.library.cells[name].clock_gate
        assert gate is not None
        passed = np.where((outputs := circuit.nets_at(name, gate.output)) >= 0,
                          trace.rises[outputs], 0)
        return passed if term.event == "passed" else trace.rises[nets] - passed
    flops = np.searchsorted(circuit.flops, members)
    if term.event == "clocked":
        return trace.clocked[flops]
    cell = circuit.library.cells[name]
    assert cell.flip_flop is not None
    place = [pin for pin in cell.inputs if pin != cell.flip_flop.clock].index(term.pin)
    opens = trace.opens[circuit.state.first[flops] + place]
    return opens if term.event == "open" else np.maximum(trace.toggles[nets] - opens, 0)
