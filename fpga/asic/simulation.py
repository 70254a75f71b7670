# SPDX-License-Identifier: Apache-2.0
"""Gate-level simulation of a clocked netlist, with the delays of its library or without any."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .circuit import CONSTANTS, WIRE, Circuit, net_loads
from .library import Library
from .netlist import Netlist
from .simulation_kernels import Counts, timed, zero_delay
from .transitions import Transitions

__all__ = ["Simulator", "Trace"]

STEPS = 1 << 14
"""Units of time of the longest path: a gate's delay is a hundred or more."""


@dataclass(frozen=True, eq=False)
class Trace:
    """What happened in the ``cycles`` that were counted, each of which begins with an edge.

    ``outputs``: of every output port a bit matrix uint8 [all cycles, width], as cycles end.
    ``rises``, ``falls``: of every net. ``clocked``: edges that reached each flop of
    ``Circuit.flops``; ``opens``: changes of each entry of ``State.nets``, the flops' inputs, that
    their master latches saw, which are closed while the clock is high. ``settling``: ps from the
    edge to the last event of any cycle; 0 without delays.
    """

    cycles: int
    outputs: Mapping[str, np.ndarray]
    rises: np.ndarray
    falls: np.ndarray
    clocked: np.ndarray
    opens: np.ndarray
    settling: float

    @property
    def toggles(self) -> np.ndarray:
        """Changes of every net."""
        return self.rises + self.falls


class Simulator:
    """Simulates ``netlist`` of cells of ``library``.

    ``wire``: fF of wire a sink, in energies and, unless ``delay_wire`` states another, in delays;
    0 there makes delays those of timing without wires.

    All clock edges arrive at once, whatever clock gates and buffers lie between. Clock gates let
    an edge through if one of their enables is 1 when the cycle before ends. Delays are static:
    each arc's own for the output's rise and fall, at the instance's load and the slew that arrives
    at that pin (``Transitions``). They are inertial: a gate swallows pulses shorter than its
    delay. Inputs change when the mean flop of the netlist does. Flops start as data of 0 leaves
    them, whatever the library calls that state.

    Raises ValueError as ``Circuit``.
    """

    def __init__(self, netlist: Netlist, library: Library, *, wire: float = WIRE,
                 delay_wire: float | None = None):
        self.circuit = Circuit(netlist, library)
        self.loads = net_loads(self.circuit, wire)
        self.transitions = Transitions(self.circuit, self.loads if delay_wire is None else
                                       net_loads(self.circuit, delay_wire))
        self._quantised = None

    def run(self, stimulus: Mapping[str, np.ndarray], *, timed: bool = False,
            period: float | None = None, first: int = 1, last: int | None = None,
            initial: np.ndarray | None = None) -> Trace:
        """Simulate as many cycles as ``stimulus`` has rows.

        ``stimulus``: of input ports bit matrices uint8 [cycles, width], LSB first, or vectors
        [cycles] of one bit; row t is there from the edge on that begins cycle t. Ports that it
        does not name are 0. Cycle 0 has no edge: it starts settled. ``first``, ``last``: the
        cycles that are counted, all but cycle 0 unless stated. ``initial``: what flops hold, in
        the order of ``Circuit.flops``. ``period`` in ps, with delays: when the next edge comes;
        ValueError where events come later than the longest setup of a cell before it.
        """
        values, nets = self._inputs(stimulus)
        last = len(values) if last is None else last
        if not 1 <= first < last <= len(values):
            raise ValueError(f"Counted cycles must be among 1 ... {len(values) - 1}, not {first} "
                             f"... {last - 1}")
        circuit = self.circuit
        size = circuit.netlist.nets
        stored = circuit.state.truth[circuit.state.table]
        if initial is not None:
            stored[:] = initial
        counts = Counts(np.zeros(size, np.int64), np.zeros(size, np.int64),
                        np.zeros(len(circuit.flops), np.int64),
                        np.zeros(len(circuit.clock_gates), np.int64),
                        np.zeros(len(circuit.state.nets), np.int64),
                        np.zeros(len(values), np.int64))
        ports = circuit.netlist.outputs
        wanted = np.array([net for bits in ports.values() for net in bits], np.int64)
        common = (circuit.gates, circuit.state, values, nets, wanted, stored, counts,
                  (first, last))
        settling = 0.0
        if timed:
            sampled, settling = self._timed(common, counts, period)
        else:
            sampled = zero_delay(*common)
        for net, gate in circuit.clock_nets.items():
            edges = last - first if gate < 0 else counts.passed[gate]
            counts.rises[net] = counts.falls[net] = edges
        widths = np.cumsum([len(bits) for bits in ports.values()])[:-1]
        outputs = dict(zip(ports, np.split(sampled, widths, axis=1), strict=True))
        return Trace(last - first, outputs, counts.rises, counts.falls, counts.clocked,
                     counts.opens, settling)

    def _timed(self, common: tuple, counts: Counts,
               period: float | None) -> tuple[np.ndarray, float]:
        if self._quantised is None:
            self._quantised = self.transitions.quantised(STEPS)
        delays, unit, horizon = self._quantised
        half = horizon // 2 if period is None else round(period / 2 / unit)
        sampled = timed(*common, delays, horizon, half)
        settling = float(counts.settled.max()) * unit
        if period is not None:
            limit = period - self.transitions.setup()
            if settling > limit:
                raise ValueError(f"Netlist must settle within {limit:.0f} ps, not "
                                 f"{settling:.0f}")
        return sampled, settling

    def _inputs(self, stimulus: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Bits of all inputs [cycles, bits] and their nets."""
        ports = self.circuit.netlist.inputs
        if not stimulus:
            raise ValueError("Stimulus must name a port")
        lengths = {len(values) for values in stimulus.values()}
        if len(lengths) != 1 or min(lengths) < 2:
            raise ValueError(f"Stimulus must have 2 cycles or more, the same for all ports, not "
                             f"{sorted(lengths)}")
        cycles = lengths.pop()
        parts, nets = [], []
        for name, values in stimulus.items():
            if name not in ports or self.circuit.netlist.clock in ports[name]:
                raise ValueError(f"Stimulus must name inputs of {self.circuit.netlist.name}, not "
                                 f"{name!r}")
            bits = np.asarray(values, np.uint8).reshape(cycles, -1)
            if bits.shape[1] != len(ports[name]):
                raise ValueError(f"Stimulus of {name!r} must have {len(ports[name])} bits, not "
                                 f"{bits.shape[1]}")
            if bits.max(initial=0) > 1:
                raise ValueError(f"Stimulus of {name!r} must be bits, not {bits.max()}")
            live = [k for k, net in enumerate(ports[name]) if net >= CONSTANTS]
            parts.append(bits[:, live])
            nets += [ports[name][k] for k in live]
        return np.ascontiguousarray(np.concatenate(parts, axis=1)), np.array(nets, np.int64)
