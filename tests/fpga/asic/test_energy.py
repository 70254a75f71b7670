# SPDX-License-Identifier: Apache-2.0
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from systolith.fpga.asic.energy import Energy, energy, measure
from systolith.fpga.asic.liberty import read_libraries
from systolith.fpga.asic.simulation import Simulator

from .cells import LIBRARY, netlist

OSU018 = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")
TOGGLE = 2.0  # fJ of a toggle of 1 fF at 2 V


def wave(text):
    return np.array([int(bit) for bit in text], np.uint8)


def run(inputs, outputs, instances, stimulus, *, wire=0.0, timed=False, period=None):
    simulator = Simulator(netlist(inputs, outputs, instances)[0], LIBRARY, wire=wire)
    trace = simulator.run(stimulus, timed=timed, period=period)
    return energy(simulator, trace), trace.cycles


def test_switching_and_internal_energy_of_logic():
    """Net a toggles twice and has one pin, net y once up and once down, with none."""
    found, cycles = run("a", ["y"], {"u1": ("INV", {"A": "a", "Y": "y"})}, {"a": wave("010")})
    assert found.registers * cycles == 2 * TOGGLE
    assert found.logic * cycles == 1 + 3
    assert (found.clock, found.leakage) == (0, 1e-3)
    assert found.total == found.registers + found.logic + found.leakage


def test_wire_is_counted_for_every_sink():
    instances = {f"u{k}": ("BUF", {"A": "a", "Y": f"y{k}"}) for k in range(3)}
    found, cycles = run("a", ["y0"], instances, {"a": wave("01")}, wire=0.5)
    assert found.registers * cycles == 3 * 1.5 * TOGGLE


def test_conditions_are_weighted_by_states_and_the_one_for_all_others_left_out():
    """A table of XOR2 for B=1 and one for B=0 of what A does (2 and 6), one of what B does (4):
    each of four states counts alike. Of A's own table, one state in four holds."""
    found, cycles = run("ab", ["y"], {"u1": ("XOR2", {"A": "a", "B": "b", "Y": "y"})},
                        {"a": wave("010"), "b": wave("000")})
    assert found.logic * cycles == pytest.approx(2 * (2 + 6 + 4 + 4) / 4 + (1 + 3) / 4)


def test_an_event_of_two_outputs_counts_once():
    """Both outputs' tables tell 8 fJ. CON always changes with SN, so half of it; SN in half of
    the states alone, so three quarters."""
    found, cycles = run("abc", ["con", "sn"],
                        {"u1": ("FA", {"A": "a", "B": "b", "C": "c", "CON": "con", "SN": "sn"})},
                        {"a": wave("010"), "b": wave("000"), "c": wave("000")})
    assert found.logic * cycles == 2 * 6
    found, cycles = run("abc", ["con", "sn"],
                        {"u1": ("FA", {"A": "a", "B": "b", "C": "c", "CON": "con", "SN": "sn"})},
                        {"a": wave("010"), "b": wave("111"), "c": wave("000")})
    assert found.logic * cycles == 2 * 6 + 2 * 4


def test_flops():
    """An edge costs the clock pin's net 2 toggles and 5 + 2 fJ inside, changed or not; a change
    11 or 13 fJ less the 5 of an idle edge, and the new data 4 or 6 fJ in the open latch."""
    instances = {"f1": ("DFF", {"D": "d", "CK": "clk", "Q": "q"})}
    idle, cycles = run(["clk", "d"], ["q"], instances, {"d": wave("0000")})
    assert (idle.clock * cycles, idle.registers) == (3 * (2 * TOGGLE + 7), 0)
    busy, cycles = run(["clk", "d"], ["q"], instances, {"d": wave("0100")})
    assert busy.clock == idle.clock
    # Rises and falls of what the latch sees are not told apart.
    assert busy.registers * cycles == 2 * TOGGLE + (11 - 5) + (13 - 5) + (4 + 6)


def test_what_a_closed_latch_sees_costs_little():
    """Two of three changes of data come while the clock is high."""
    instances = {"u1": ("INV", {"A": "d", "Y": "n"}), "u2": ("BUF", {"A": "n", "Y": "m"}),
                 "u3": ("AND2", {"A": "d", "B": "m", "Y": "y"}),
                 "f1": ("DFF", {"D": "y", "CK": "clk", "Q": "q"})}
    found, cycles = run(["clk", "d"], ["q"], instances, {"d": wave("0101")}, timed=True,
                        period=1000)
    assert found.registers * cycles == pytest.approx(3 * 2 * TOGGLE + 4 * 1)


def test_clock_gates():
    """A passed edge costs 3 + 4 fJ in the gate, a blocked one 1 + 2; each toggle of the enable
    the mean of the clock's two levels."""
    instances = {"g1": ("ICG", {"E": "e", "T": "0", "CK": "clk", "GCK": "c"}),
                 "f1": ("DFFN", {"D": "d", "CK": "c", "Q": "q"})}
    found, cycles = run(["clk", "d", "e"], ["q"], instances,
                        {"d": wave("0000"), "e": wave("1100")})
    expected = 3 * 2 * TOGGLE + 2 * 2 * TOGGLE + 2 * (3 + 4) + (1 + 2) + (5 + 9) / 2
    assert found.clock * cycles == pytest.approx(expected)


def test_glitches_are_the_difference():
    simulator = Simulator(netlist("a", ["y"], {
        "u1": ("INV", {"A": "a", "Y": "n"}), "u2": ("BUF", {"A": "n", "Y": "m"}),
        "u3": ("AND2", {"A": "a", "B": "m", "Y": "p"}), "u4": ("BUF", {"A": "p", "Y": "y"})})[0],
        LIBRARY, wire=0.0)
    found, timed, plain = measure(simulator, {"a": wave("01010")})
    assert timed.outputs["y"].tolist() == plain.outputs["y"].tolist()
    assert found.glitches * 4 == pytest.approx(4 * TOGGLE)
    assert found.timed.registers == found.zero_delay.registers
    assert found.per(2).glitches == found.glitches / 2


def test_energy_of_a_thing():
    assert Energy(1.0, 2.0, 3.0, 4.0).per(2) == Energy(0.5, 1.0, 1.5, 2.0)


VERILOG = """module small(clk, a, b, q);
  input clk, a, b;
  output q;
  wire n, d, s, c;
  NAND2X1 u1 (.A(a), .B(b), .Y(n));
  DFFPOSX1 f1 (.CLK(clk), .D(n), .Q(d));
  FAX1 u2 (.A(d), .B(n), .C(a), .YC(c), .YS(s));
  XOR2X1 u3 (.A(s), .B(c), .Y(x));
  INVX1 u4 (.A(x), .Y(y));
  DFFPOSX1 f2 (.CLK(clk), .D(y), .Q(q));
endmodule
"""
SCRIPT = """read_liberty {library}
read_verilog small.v
link_design small
create_clock -period 10 -name c [get_ports clk]
set_input_delay 0 -clock c [get_ports {{a b}}]
sta::set_power_global_activity 1.0 0.5
foreach i {{u1 u2 u3 u4 f1 f2}} {{ report_power -instances [get_cells $i] -digits 9 }}
exit
"""


@pytest.mark.skipif(not (shutil.which("sta") and OSU018.exists()),
                    reason="needs OpenSTA and OSU018")
def test_switching_power_is_opensta_s(tmp_path, monkeypatch):
    """With every net toggling once a cycle, net by net."""
    (tmp_path / "small.v").write_text(VERILOG)
    (tmp_path / "run.tcl").write_text(SCRIPT.format(library=OSU018))
    answer = subprocess.run(["sta", "-no_splash", "-exit", "run.tcl"], cwd=tmp_path, text=True,
                            capture_output=True, timeout=120, check=True).stdout
    watts = {name: float(value) for value, name in
             re.findall(r"^\s*\S+\s+(\S+)\s+\S+\s+\S+\s+([uf]\d)$", answer, re.M)}
    library = read_libraries([OSU018])
    instances = {}
    for kind, name, pins in re.findall(r"(\w+) ([uf]\d) \((.*)\);", VERILOG):
        instances[name] = kind, dict(re.findall(r"\.(\w+)\((\w+)\)", pins))
    made, nets = netlist(["clk", "a", "b"], ["q"], instances)
    simulator = Simulator(made, library, wire=0.0)
    trace = simulator.run({"a": wave("00"), "b": wave("00")})
    monkeypatch.setattr("systolith.fpga.asic.energy.terms", lambda cell: [])
    assert sorted(watts) == sorted(instances)
    for name, (kind, pins) in instances.items():
        once = np.zeros(made.nets, np.int64)
        once[[nets[pins[pin]] for pin in library.cells[kind].outputs]] = 1
        found = energy(simulator, replace(trace, rises=once, falls=0 * once))
        power = (found.total - found.leakage) * 1e-15 / 10e-9
        assert power == pytest.approx(watts[name], rel=1e-5)
