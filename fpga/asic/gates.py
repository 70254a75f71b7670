# SPDX-License-Identifier: Apache-2.0
"""A library of gate equivalents, made from a technology's own gates."""

import numpy as np

from .boolean import unateness, variables
from .library import Arc, Cell, ClockGate, Constraint, FlipFlop, Library, Pin, Table
from .technology import Technology

__all__ = ["gate_library"]

_FULL_ADDER_AREA, _FLIP_FLOP_AREA, _CLOCK_GATE_AREA = 6.0, 6.0, 5.0
"""Transistors / 4: mirror adder without output inverters, transmission-gate master and slave,
latch and AND."""
_LOADS = np.array([0.0, 100.0])
_SLEWS = np.array([0.0, 100.0])
_CLK_TO_Q, _SETUP = 6.0, 3.0
"""tau: three stages of a slave latch; two of a master latch."""


def gate_library(technology: Technology) -> Library:
    """Cells of ``technology.gates`` with the full adder, flip-flop and clock gate it names.

    Areas are gate equivalents (NAND2 = 1), not um²; loads are in inverter inputs, times in tau,
    which stand in the places of fF and ps. A delay is parasitic + load, whatever the slew; there
    is no power. Good for ratios of area and, roughly, of delay.
    """
    cells = [_gate(name, gate.area, {"Y": (gate.function, gate.parasitic)}, gate.effort)
             for name, gate in technology.gates.items()]
    if (adder := technology.full_adder) is not None:
        a, b, c = adder.inputs
        bar = "!" if adder.inverted else ""
        cells.append(_gate(adder.cell, _FULL_ADDER_AREA, {
            adder.carry: (f"{bar}({a} {b} + {b} {c} + {a} {c})", 6.0),
            adder.sum: (f"{bar}({a}^{b}^{c})", 9.0)}, 5.0))
    cells.append(_flip_flop(technology.flip_flop.cell))
    if (gate := technology.clock_gate) is not None:
        pins = {gate.clock: _pin(gate.clock, clock=True), gate.enable: _pin(gate.enable),
                gate.output: _pin(gate.output, output=True)}
        setup = Constraint(gate.enable, gate.clock, "setup", _flat(_SETUP), _flat(_SETUP))
        cells.append(Cell(gate.cell, _CLOCK_GATE_AREA, 0.0, pins, (), (), (setup,), None,
                          ClockGate(gate.clock, (gate.enable,), gate.output)))
    return Library(technology.name, 1.0, {cell.name: cell for cell in cells})


def _pin(name: str, effort: float = 1.0, *, output: bool = False, clock: bool = False,
         function: str | None = None) -> Pin:
    load = 0.0 if output else effort
    return Pin(name, output, clock, load, function, None, load, load, None)


def _flat(value: float) -> Table:
    return Table(np.zeros(1), np.zeros(1), np.full((1, 1), value))


def _delay(parasitic: float) -> Table:
    return Table(_SLEWS, _LOADS, np.tile(parasitic + _LOADS, (2, 1)))


def _gate(name: str, area: float, outputs: dict[str, tuple[str, float]], effort: float) -> Cell:
    inputs = sorted({name for function, _ in outputs.values() for name in variables(function)})
    pins = {name: _pin(name, effort) for name in inputs}
    arcs = []
    for output, (function, parasitic) in outputs.items():
        pins[output] = _pin(output, output=True, function=function)
        delay, slew = _delay(parasitic), _delay(0.0)
        for source in inputs:
            arcs.append(Arc(source, output, "combinational",
                            unateness(function, inputs, source), None, delay, delay, slew, slew))
    return Cell(name, area, 0.0, pins, tuple(arcs), (), (), None, None)


def _flip_flop(name: str) -> Cell:
    pins = {"CLK": _pin("CLK", clock=True), "D": _pin("D"),
            "Q": _pin("Q", output=True, function="IQ")}
    delay, slew = _delay(_CLK_TO_Q), _delay(0.0)
    arc = Arc("CLK", "Q", "edge", "either", None, delay, delay, slew, slew)
    setup = Constraint("D", "CLK", "setup", _flat(_SETUP), _flat(_SETUP))
    return Cell(name, _FLIP_FLOP_AREA, 0.0, pins, (arc,), (), (setup,),
                FlipFlop("CLK", False, "D", "Q", False), None)
