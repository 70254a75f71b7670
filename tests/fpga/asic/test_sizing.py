# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys
from pathlib import Path

import pytest
from systolith.fpga.asic.delay_model import model_of
from systolith.fpga.asic.families import families_of
from systolith.fpga.asic.gates import gate_library
from systolith.fpga.asic.implementation import implement
from systolith.fpga.asic.netlist import Instance, Netlist
from systolith.fpga.asic.opensta import installed, report
from systolith.fpga.asic.sizing import size
from systolith.fpga.asic.synthesis import SCRIPTS, synthesise
from systolith.fpga.asic.technology import load_technology
from systolith.fpga.asic.timing import Boundary, Graph, analyse

from .designs import tpe
from .test_synthesis import check_dot_products, target

GATES = load_technology("gates")
LIBRARY = gate_library(GATES)
SHAPE = {"width": 20, "bits": 6}


@pytest.fixture(scope="module")
def asap7(request):
    """With no limits but the library's."""
    library, technology = target("asap7", request)
    return library, technology.model_copy(update={"max_slew": None})


@pytest.fixture(scope="module")
def mapped(asap7):
    """A small tensor PE as abc leaves it, without buffers."""
    return synthesise(tpe(2, 2, 2, **SHAPE), "tpe", *asap7)


def test_a_tighter_clock_is_met_at_little_area_and_function_stays(asap7, mapped):
    library, technology = asap7
    clock = 0.75 * analyse(mapped, library, technology).period
    netlist, result = size(mapped, library, technology, clock)
    netlist.check(library)
    assert result.met and result.after.period <= clock
    assert result.area_after < 1.04 * result.area_before
    assert result.area_after == pytest.approx(netlist.area(library))
    check_dot_products(netlist, library, 2, 2, 2, **SHAPE)


def test_ports_and_registers_stay(asap7, mapped):
    netlist, _ = size(mapped, *asap7, 800)
    assert (netlist.inputs, netlist.outputs, netlist.clock) == \
        (mapped.inputs, mapped.outputs, mapped.clock)
    library, _ = asap7
    def states(n):
        return {i.name for i in n.instances if library.cells[i.cell].flip_flop}
    assert states(netlist) == states(mapped)


def test_a_clock_out_of_reach_gives_the_fastest_and_says_so(asap7, mapped):
    library, technology = asap7
    netlist, result = size(mapped, library, technology, 100)
    assert not result.met and result.after.period < 0.75 * result.before.period
    check_dot_products(netlist, library, 2, 2, 2, **SHAPE)


def test_without_a_clock_area_does_not_grow_and_limits_are_kept(asap7, mapped):
    library, technology = asap7
    netlist, result = size(mapped, library, technology, None)
    assert result.met and result.area_after <= result.area_before * 1.01
    graph = Graph(netlist, library, technology)
    graph.update()
    assert graph.slew.max() <= families_of(library, technology).max_slew
    check_dot_products(netlist, library, 2, 2, 2, **SHAPE)


def test_a_technology_has_a_slew_limit_of_its_own(asap7, mapped):
    library, technology = asap7
    limited = technology.model_copy(update={"max_slew": 80.0})
    slews = []
    for each in (technology, limited):
        netlist, result = size(mapped, library, each, None)
        assert result.met and result.area_after < 1.05 * result.area_before
        graph = Graph(netlist, library, each)
        graph.update()
        slews.append(graph.slew.max())
    assert slews[1] <= 80 < slews[0]
    check_dot_products(netlist, library, 2, 2, 2, **SHAPE)


def fan(sinks):
    """A register that drives ``sinks`` inverters, each before a register."""
    instances = [Instance("from", "DFFHQNx1_ASAP7_75t_R", {"CLK": 2, "D": 3, "QN": 4})]
    for k in range(sinks):
        instances += [Instance(f"u{k}", "INVx1_ASAP7_75t_R", {"A": 4, "Y": 5 + 2 * k}),
                      Instance(f"to{k}", "DFFHQNx1_ASAP7_75t_R",
                               {"CLK": 2, "D": 5 + 2 * k, "QN": 6 + 2 * k})]
    return Netlist("fan", 5 + 2 * sinks, instances, {"clk": [2], "d": [3]},
                   {"q": [6 + 2 * k for k in range(sinks)]}, 2)


def test_an_illegal_fan_out_is_buffered_even_without_a_clock(asap7):
    library, technology = asap7
    wide = fan(300)
    netlist, result = size(wide, library, technology, None)
    assert result.buffers >= 1
    graph = Graph(netlist, library, technology)
    graph.update()
    limits = library.cells["DFFHQNx1_ASAP7_75t_R"].pins["QN"].max_capacitance
    assert graph.load[4].max() <= limits
    assert graph.slew.max() <= 320


def test_buffers_stand_before_what_can_wait(asap7):
    """One sink leads a long way, forty lead nowhere: the one stays at the driver."""
    library, technology = asap7
    netlist = fan(40)
    net = netlist.nets
    for k in range(8):
        netlist.instances.append(Instance(
            f"long{k}", "XOR2xp5_ASAP7_75t_R", {"A": 4 if k == 0 else net + k - 1, "B": 3,
                                               "Y": net + k}))
    netlist.instances.append(Instance("end", "DFFHQNx1_ASAP7_75t_R",
                                      {"CLK": 2, "D": net + 7, "QN": net + 8}))
    netlist.nets += 9
    clock = 0.8 * analyse(netlist, library, technology).period
    sized, result = size(netlist, library, technology, clock)
    assert result.met
    first, = (i for i in sized.instances if i.name == "long0")
    driver, = (i for i in sized.instances if i.name == "from")
    assert driver.pins["QN"] in first.pins.values()
    graph = Graph(sized, library, technology)
    graph.update()
    assert graph.load[driver.pins["QN"]].max() < graph.load[4].max() + 1 < 25


def test_a_loaded_input_is_buffered_where_it_hurts():
    instances = [Instance(f"u{k}", "INV", {"A": 3, "Y": 4 + 2 * k}) for k in range(64)]
    instances += [Instance(f"r{k}", "DFF", {"CLK": 2, "D": 4 + 2 * k, "Q": 5 + 2 * k})
                  for k in range(64)]
    netlist = Netlist("wide", 4 + 128, instances, {"clk": [2], "a": [3]}, {"q": [5]}, 2)
    before = analyse(netlist, LIBRARY, GATES).period
    _, result = size(netlist, LIBRARY, GATES, 0.6 * before)
    assert result.met and result.buffers > 0


def test_pins_change_places_by_arrival(asap7):
    """A chain through the slower pin of each gate: sizing puts it through the faster one."""
    library, technology = asap7
    slow, fast = sorted("AB", key=lambda pin: -max(
        arc.delay_fall.at(20, 1) for arc in library.cells["NAND2xp5_ASAP7_75t_R"].arcs
        if arc.source == pin))
    instances = [Instance("from", "DFFHQNx1_ASAP7_75t_R", {"CLK": 2, "D": 3, "QN": 4})]
    instances += [Instance(f"u{k}", "NAND2xp5_ASAP7_75t_R",
                           {slow: 4 + k, fast: 3, "Y": 5 + k}) for k in range(10)]
    instances.append(Instance("to", "DFFHQNx1_ASAP7_75t_R", {"CLK": 2, "D": 14, "QN": 15}))
    netlist = Netlist("chain", 16, instances, {"clk": [2], "b": [3]}, {"q": [15]}, 2)
    still = Boundary(input_delay=0.0, input_slew=5.0)
    before = analyse(netlist, library, technology, boundary=still).period
    sized, result = size(netlist, library, technology, before - 1, boundary=still)
    assert result.met
    assert any(i.name.startswith("u") and i.pins[fast] != 3 for i in sized.instances)


def test_a_sized_netlist_can_be_sized_again(asap7, mapped):
    library, technology = asap7
    once, first = size(mapped, library, technology, 1000)
    twice, second = size(once, library, technology, 900)
    twice.check(library)
    assert len({i.name for i in twice.instances}) == len(twice.instances)
    assert first.met and second.met and second.buffers > 0


def test_families_hold_equal_functions_only(asap7):
    library, technology = asap7
    model, families = model_of(library), families_of(library, technology)
    def family(name):
        c = model.number[name]
        members = families.members[families.first[c]:families.first[c] + families.size[c]]
        return [model.cells[m].removesuffix("_ASAP7_75t_R") for m in members]
    assert set(family("NAND2xp5_ASAP7_75t_R")) == {
        "NAND2xp33", "NAND2xp5", "NAND2xp67", "NAND2x1", "NAND2x2"}, "but not x1p5: dont_use"
    assert all(name.startswith("DFFHQNx") for name in family("DFFHQNx1_ASAP7_75t_R"))
    assert family("ICGx1_ASAP7_75t_R") == [], "clock gates stay as they are"


def test_equal_inputs_are_found(asap7):
    library, technology = asap7
    model, families = model_of(library), families_of(library, technology)
    def pairs(name):
        c = model.number[name]
        return [tuple(model.pins[c][k] for k in pair)
                for pair in families.swaps[families.swap_of[c]:families.swap_of[c + 1]]]
    assert pairs("FAx1_ASAP7_75t_R") == [("A", "B"), ("A", "CI"), ("B", "CI")]
    assert pairs("AOI21xp33_ASAP7_75t_R") == [("A1", "A2")]
    assert pairs("INVx1_ASAP7_75t_R") == []


def test_the_best_way_through_abc_is_taken(asap7):
    library, technology = asap7
    text = tpe(1, 1, 1, width=16, bits=5)
    alone = {name: implement(text, "tpe", library, technology, 700, scripts=[name])[1]
             for name in SCRIPTS}
    netlist, best = implement(text, "tpe", library, technology, 700)
    assert best.met and best.area_after == min(r.area_after for r in alone.values() if r.met)
    check_dot_products(netlist, library, 1, 1, 1, width=16, bits=5)
    with pytest.raises(ValueError, match="at least one way through abc"):
        implement(text, "tpe", library, technology, 700, scripts=[])


@pytest.mark.skipif(not installed(), reason="needs OpenSTA")
def test_opensta_agrees_on_a_sized_netlist(asap7, mapped):
    library, technology = asap7
    boundary = Boundary(input_delay=20.0, input_slew=20.0, output_load=1.0)
    netlist, result = size(mapped, library, technology, 800, boundary=boundary)
    theirs = report(netlist, library, technology, boundary)
    assert result.after.period == pytest.approx(theirs.period, rel=0.003)


def test_yosys_proves_a_sized_netlist_equal(tmp_path, asap7):
    """Registers paired by name, next states and outputs compared."""
    library, technology = asap7
    before = synthesise(tpe(1, 1, 1, width=10, bits=4), "tpe", library, technology)
    after, result = size(before, library, technology,
                         0.8 * analyse(before, library, technology).period)
    assert result.met
    assert equivalent(tmp_path, library, before, after)
    k = next(k for k, i in enumerate(after.instances) if i.cell.startswith("NAND2"))
    wrong = after.instances[k]
    after.instances[k] = Instance(wrong.name, "AND2x2_ASAP7_75t_R", wrong.pins)
    assert not equivalent(tmp_path, library, before, after)


def equivalent(folder: Path, library, one, two) -> bool:
    """Combinational equivalence with the registers cut open into ports."""
    for name, netlist in (("gold", one), ("gate", two)):
        (folder / f"{name}.v").write_text(opened(netlist, library, name))
    cells = {i.cell for n in (one, two) for i in n.instances}
    models = []
    for cell in (library.cells[name] for name in sorted(cells)):
        if cell.flip_flop or cell.clock_gate:
            continue
        ports = ", ".join([*(f"input {p}" for p in cell.inputs),
                           *(f"output {p}" for p in cell.outputs)])
        written = {p: (cell.pins[p].function or "").translate(str.maketrans("!*+", "~&|"))
                   for p in cell.outputs}
        body = " ".join(f"assign {p} = {text};" for p, text in written.items())
        models.append(f"module {cell.name} ({ports}); {body} endmodule")
    (folder / "cells.v").write_text("\n".join(models))
    script = ("import sys; from pyosys import libyosys as y; d = y.Design()\n"
              "for c in sys.stdin.read().splitlines(): y.run_pass(c, d)\n")
    commands = ["read_verilog cells.v gold.v gate.v", "proc", "flatten",
                "miter -equiv -flatten gold gate miter", "hierarchy -top miter",
                "sat -verify -prove trigger 0 miter"]
    return subprocess.run([sys.executable, "-c", script], cwd=folder, text=True,
                          input="\n".join(commands), capture_output=True,
                          env=os.environ).returncode == 0


def opened(netlist, library, name) -> str:
    opened = netlist.copy()
    opened.name = name
    opened.instances = []
    for instance in netlist.instances:
        cell = library.cells[instance.cell]
        if cell.flip_flop is None and cell.clock_gate is None:
            opened.instances.append(instance)
            continue
        for pin, net in instance.pins.items():
            side = opened.outputs if not cell.pins[pin].output else opened.inputs
            side[f"{instance.name}_{pin}".replace("[", "_").replace("]", "_")] = [net]
    return opened.verilog()


def test_wires_alone_need_no_cells():
    wires = Netlist("wires", 4, [], {"clk": [2], "a": [3]}, {"o": [3]}, 2, {})
    after, report = size(wires, LIBRARY, GATES, 100.0)
    assert not after.instances and report.area_after == 0
    assert report.met and report.after.end == "o"
