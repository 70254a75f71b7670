# SPDX-License-Identifier: Apache-2.0
"""A small library with round numbers, and netlists of its cells."""

import numpy as np
from systolith.fpga.asic.library import (
    Arc,
    Cell,
    ClockGate,
    Constraint,
    FlipFlop,
    Library,
    Pin,
    Power,
    Table,
)
from systolith.fpga.asic.netlist import Instance, Netlist

__all__ = ["LIBRARY", "arc", "cell", "netlist", "scalar"]


def scalar(value):
    return Table(np.zeros(1), np.zeros(1), np.full((1, 1), float(value)))


def pin(name, output=False, function=None, capacitance=1.0, clock=False):
    return Pin(name, output, clock, 0.0 if output else capacitance, function, None,
               capacitance, capacitance, None)


def arc(source, target, rise, fall, kind="combinational", sense="either", when=None):
    return Arc(source, target, kind, sense, when, scalar(rise), scalar(fall), scalar(10),
               scalar(10))


def power(name, rise, fall, related=None, when=None):
    return Power(name, related, when, scalar(rise), scalar(fall))


def cell(name, inputs, functions, *, delays=(10, 10), powers=(), arcs=(), constraints=(),
         flip_flop=None, clock_gate=None, leakage=1.0):
    pins = {each: pin(each, clock=each == "CK") for each in inputs}
    pins |= {each: pin(each, True, function) for each, function in functions.items()}
    if not arcs:
        arcs = [arc(source, target, *delays) for target in functions for source in inputs]
    return Cell(name, 1.0, leakage, pins, tuple(arcs), tuple(powers), tuple(constraints),
                flip_flop, clock_gate)


def gate(name, inputs, function, delays=(10, 10), powers=()):
    return cell(name, inputs, {"Y": function}, delays=delays, powers=powers)


def flop(name, inverted=False, *, next_state="D", data=("D",), clear=None, **options):
    state = FlipFlop("CK", options.pop("falling", False), next_state, "Q", inverted, clear)
    return cell(name, (*data, "CK"), {"Q": "IQ"}, arcs=[arc("CK", "Q", 20, 30, "edge")],
                flip_flop=state, **options)


CELLS = [
    gate("INV", "A", "!A", powers=[power("Y", 1, 3, "A")]),
    gate("BUF", "A", "A"),
    gate("SLOW", "A", "A", delays=(100, 60)),
    gate("NAND2", "AB", "!(A B)"),
    gate("AND2", "AB", "A*B"),
    gate("XOR2", "AB", "A^B", powers=[
        power("Y", 2, 2, "A", "B"), power("Y", 6, 6, "A", "!B"), power("Y", 100, 100, "A"),
        power("Y", 4, 4, "B"), power("A", 1, 3, when="B*Y")]),
    gate("AO333", "ABCDEFGHI", "(A*B*C)+(D*E*F)+(G*H*I)"),
    gate("TIE1", "", "1"),
    cell("FA", "ABC", {"CON": "!(A*B+B*C+A*C)", "SN": "!(A^B^C)"}, powers=[
        power(out, 8, 8, source) for out in ("CON", "SN") for source in "ABC"]),
    flop("DFF", powers=[
        power("CK", 5, 2, when="D*Q"), power("CK", 5, 2, when="!D*!Q"),
        power("CK", 0, 9, when="D*!Q"), power("CK", 0, 9, when="!D*Q"),
        power("Q", 11, 13, "CK"), power("D", 1, 1, when="CK"), power("D", 4, 6, when="!CK")],
        constraints=[Constraint("D", "CK", "setup", scalar(15), scalar(12))]),
    flop("DFFN", inverted=True),
    flop("DFFM", next_state="!D"),
    flop("DFFX", next_state="!E*D+E*F", data="DEF"),
    flop("DFFR", data=("D", "R"), clear="!R"),
    flop("DFFF", falling=True),
    cell("ICG", ("E", "T", "CK"), {"GCK": None}, arcs=[arc("CK", "GCK", 25, 25)],
         clock_gate=ClockGate("CK", ("E", "T"), "GCK"), powers=[
             power("CK", 0, 0, when="E*!GCK"), power("CK", 1, 2, when="!E*!T*!GCK"),
             power("GCK", 3, 4, "CK"), power("E", 5, 5, when="CK"),
             power("E", 7, 9, when="!CK")]),
    cell("ICGN", ("E", "CK"), {"GCK": None}, clock_gate=ClockGate("CK", ("E",), "GCK", True)),
    cell("LATCH", ("D", "G"), {"Q": None}),
]
LIBRARY = Library("small", 2.0, {each.name: each for each in CELLS})
"""Gates take 10 ps (SLOW 100 up, 60 down), flops 20 ps to rise and 30 ps to fall, slews are 10 ps,
every input pin has 1 fF, and a cell leaks 1 nW."""


def netlist(inputs, outputs, instances):
    """``inputs``: names of one-bit inputs, of which ``clk`` is the clock; ``outputs``: names of
    nets; ``instances``: (cell, {pin: net name}) by name. Nets "0" and "1" are the constants."""
    nets = {"0": 0, "1": 1}

    def net(name):
        return nets.setdefault(name, len(nets))

    ports = {name: [net(name)] for name in inputs}
    placed = [Instance(name, kind, {pin: net(wire) for pin, wire in pins.items()})
              for name, (kind, pins) in instances.items()]
    made = Netlist("small", 0, placed, ports, {name: [net(name)] for name in outputs},
                   nets.get("clk") if "clk" in inputs else None)
    made.nets = len(nets)
    return made, nets
