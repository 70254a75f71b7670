# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from systolith.fpga.asic.circuit import Circuit, net_loads
from systolith.fpga.asic.library import Arc, Library, Table
from systolith.fpga.asic.transitions import Transitions, at, clock_slew

from .cells import LIBRARY, arc, cell, netlist, scalar

SLEWS, LOADS = np.array([0.0, 10.0, 40.0]), np.array([0.0, 1.0, 4.0])
TABLE = Table(SLEWS, LOADS, SLEWS[:, np.newaxis] / 2 + 3 * LOADS + SLEWS[:, np.newaxis] * LOADS)


def transitions(kinds, instances, inputs=("a",), outputs=("y",)):
    made, nets = netlist([*inputs], [*outputs], instances)
    library = Library("small", 1.0, LIBRARY.cells | {each.name: each for each in kinds})
    circuit = Circuit(made, library)
    return Transitions(circuit, net_loads(circuit, 0.0)), nets


def sloped(name, sense, *, rise, fall):
    """Output slews are ``rise`` and ``fall`` plus half of the input's."""
    def slew(base):
        return Table(np.array([0.0, 100.0]), np.zeros(1), np.array([[base], [base + 50.0]]))

    def delay(base):
        return Table(np.array([0.0, 100.0]), np.zeros(1), np.array([[base], [base + 100.0]]))

    function = "!A" if sense == "negative" else "A"
    return cell(name, "A", {"Y": function}, arcs=[Arc(
        "A", "Y", "combinational", sense, None, delay(10.0), delay(20.0), slew(rise),
        slew(fall))])


@pytest.mark.parametrize("slew", [-5.0, 0.0, 7.0, 10.0, 25.0, 60.0])
@pytest.mark.parametrize("load", [0.0, 0.5, 2.0, 9.0])
def test_tables_are_read_as_the_library_s_own(slew, load):
    assert at(TABLE, np.array([slew]), np.array([load]))[0] == pytest.approx(TABLE.at(slew, load))


@pytest.mark.parametrize("table", [
    scalar(3), Table(SLEWS, np.zeros(1), SLEWS[:, np.newaxis]),
    Table(np.zeros(1), LOADS, LOADS[np.newaxis])])
def test_tables_of_one_axis_or_none(table):
    assert at(table, np.array([6.0]), np.array([2.5]))[0] == pytest.approx(table.at(6.0, 2.5))


def test_slews_go_through_gates_edge_by_edge():
    """Four inverting stages: what rises comes from what fell."""
    inverter = sloped("SLOPED", "negative", rise=8.0, fall=40.0)
    t, nets = transitions([inverter], {
        f"u{k}": ("SLOPED", {"A": f"n{k}" if k else "a", "Y": f"n{k + 1}" if k < 3 else "y"})
        for k in range(4)})
    rise = fall = clock_slew(t.circuit)
    for k in range(1, 5):
        rise, fall = 8 + fall / 2, 40 + rise / 2
        net = nets[f"n{k}" if k < 4 else "y"]
        assert (t.slews.rise[net], t.slews.fall[net]) == pytest.approx((rise, fall))
    delays = t.gate_delays()
    last = next(g for g, (i, *_) in enumerate(t.circuit.gate_pins) if i == 3)
    entry = t.circuit.gates.first[last]
    assert delays.rise[entry] == pytest.approx(10 + t.slews.fall[nets["n3"]])
    assert delays.fall[entry] == pytest.approx(20 + t.slews.rise[nets["n3"]])


def test_delays_are_means_over_conditions_without_the_one_for_all_others():
    kinds = [cell("XOR", "AB", {"Y": "A^B"}, arcs=[
        arc("A", "Y", 10, 20, when="B"), arc("A", "Y", 30, 60, when="!B"),
        arc("A", "Y", 500, 500), arc("B", "Y", 7, 9)])]
    t, _ = transitions(kinds, {"u1": ("XOR", {"A": "a", "B": "b", "Y": "y"})}, "ab")
    delays = t.gate_delays()
    assert delays.rise.tolist() == [20, 7] and delays.fall.tolist() == [40, 9]


def test_inputs_are_as_steep_as_flops():
    """The flop's outputs have slews of 10 ps, the library's axis would say 50."""
    kinds = [sloped("SLOPED", "positive", rise=0.0, fall=0.0)]
    t, nets = transitions(kinds, {
        "f1": ("DFF", {"D": "n", "CK": "clk", "Q": "q"}),
        "u1": ("SLOPED", {"A": "a", "Y": "n"})}, ["clk", "a"], ["q"])
    assert t.slews.rise[nets["a"]] == t.slews.rise[nets["q"]] == 10
    assert t.slews.rise[nets["n"]] == 5
    assert t.setup() == 15
