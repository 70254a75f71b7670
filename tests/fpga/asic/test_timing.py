# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.fpga.asic.delay_model import model_of
from systolith.fpga.asic.gates import gate_library
from systolith.fpga.asic.netlist import Instance, Netlist, NetlistFault
from systolith.fpga.asic.opensta import OpenStaFault, installed, report
from systolith.fpga.asic.synthesis import synthesise
from systolith.fpga.asic.technology import load_technology
from systolith.fpga.asic.timing import Boundary, Graph, analyse

from .designs import tpe
from .test_synthesis import target

GATES = load_technology("gates")
LIBRARY = gate_library(GATES)
STILL = Boundary(input_delay=0, input_slew=0, output_load=0)


def pipe(*cells, taps=()):
    """clk, one register, a chain of one-input cells, one register; ``taps``: further inverters."""
    instances = [Instance("launch", "DFF", {"CLK": 2, "D": 3, "Q": 4})]
    for k, cell in enumerate(cells):
        instances.append(Instance(f"u{k}", cell, {"A": 4 + k, "Y": 5 + k}))
    last = 4 + len(cells)
    instances.append(Instance("capture", "DFF", {"CLK": 2, "D": last, "Q": last + 1}))
    nets = last + 2
    for net in taps:
        instances.append(Instance(f"tap{nets}", "INV", {"A": net, "Y": nets}))
        nets += 1
    return Netlist("pipe", nets, instances, {"clk": [2], "d": [3]}, {"q": [last + 1]}, 2)


def test_a_path_from_register_to_register_by_hand():
    # clock to Q 6 + load 1; inverters: parasitic 1 + load 1; setup 3
    timing = analyse(pipe("INV", "INV"), LIBRARY, GATES, boundary=STILL)
    assert timing.period == 6 + 1 + 2 + 2 + 3
    assert (timing.end, timing.setup, timing.slack) == ("capture/D", 3, 0)
    assert [(step.instance, step.arrival, step.load) for step in timing.path] == [
        ("launch", 7, 1), ("u0", 9, 1), ("u1", 11, 1)]
    assert [step.rise for step in timing.path] in ([True, False, True], [False, True, False])


def test_load_and_wires_slow_a_net():
    plain = analyse(pipe("INV"), LIBRARY, GATES, boundary=STILL).period
    assert analyse(pipe("INV", taps=[5, 5]), LIBRARY, GATES, boundary=STILL).period == plain + 2
    wired = Boundary(input_delay=0, input_slew=0, output_load=0, wire_load=0.5)
    assert analyse(pipe("INV"), LIBRARY, GATES, boundary=wired).period == plain + 1


def test_slack_is_for_the_clock_that_was_asked_for():
    assert analyse(pipe("INV"), LIBRARY, GATES, clock_ps=20, boundary=STILL).slack == \
        pytest.approx(20 - 12)


def test_slack_of_every_net():
    graph = Graph(pipe("INV", "INV", taps=[5]), LIBRARY, GATES, STILL)
    graph.update(100)
    assert graph.slack[[4, 5, 6]].tolist() == [100 - 15] * 3
    assert graph.slack[8] > 1e9, "nobody reads the tap's output"


def test_inputs_come_from_an_equal_register_unless_told():
    def first(boundary):
        graph = Graph(pipe("INV"), LIBRARY, GATES, boundary)
        graph.update()
        return graph.arrival[3].tolist()
    assert first(Boundary()) == [7, 7]
    assert first(Boundary(input_delay=5)) == [5, 5]


def test_outputs_end_paths():
    netlist = pipe("INV")
    netlist.outputs["y"] = [5]
    assert analyse(netlist, LIBRARY, GATES, boundary=Boundary(
        input_delay=0, output_load=0, output_delay=50)).period == 59
    assert analyse(netlist, LIBRARY, GATES, boundary=Boundary(
        input_delay=0, output_load={"y": 30.0})).end == "capture/D"


def test_a_clock_gate_ends_a_path_and_its_clock_is_ideal():
    netlist = pipe("INV")
    netlist.nets = 9
    netlist.instances.append(Instance("gate", "CLOCK_GATE", {"CLK": 2, "EN": 5, "GCLK": 7}))
    netlist.instances.append(Instance("gated", "DFF", {"CLK": 7, "D": 4, "Q": 8}))
    timing = analyse(netlist, LIBRARY, GATES, boundary=STILL)
    assert timing.period == (6 + 2) + (1 + 2) + 3
    graph = Graph(netlist, LIBRARY, GATES, STILL)
    graph.update()
    assert graph.arrival[7].tolist() == [0, 0]


def test_constants_never_move():
    netlist = Netlist("still", 4, [Instance("u", "NAND2", {"A": 0, "B": 1, "Y": 3})],
                      {"clk": [2]}, {"y": [3]}, 2)
    timing = analyse(netlist, LIBRARY, GATES)
    assert (timing.period, timing.path) == (0, ())


def test_a_loop_is_refused():
    netlist = Netlist("loop", 4, [Instance("u", "INV", {"A": 2, "Y": 3}),
                                  Instance("v", "INV", {"A": 3, "Y": 2})])
    with pytest.raises(NetlistFault, match="loop: logic must be free of loops, but u is in one"):
        analyse(netlist, LIBRARY, GATES)


def test_an_unknown_cell_is_refused():
    with pytest.raises(NetlistFault, match="cell NONE must be in library gates"):
        analyse(pipe("NONE"), LIBRARY, GATES)


def test_slower_arcs_stand_for_faster_ones(request):
    """Conditions of an arc only matter where none is slowest everywhere."""
    library, _ = target("asap7", request)
    model = model_of(library)
    cell = library.cells["NAND2x1_ASAP7_75t_R"]
    c = model.number[cell.name]
    assert model.arc_of[c + 1] - model.arc_of[c] == 4
    adder = model.number["FAx1_ASAP7_75t_R"]
    kept = model.arc_of[adder + 1] - model.arc_of[adder]
    assert 18 <= kept < 2 * len(library.cells["FAx1_ASAP7_75t_R"].arcs)


@pytest.mark.skipif(not installed(), reason="needs OpenSTA")
@pytest.mark.parametrize("name, delay", [("asap7", 20.0), ("sg13g2", 300.0), ("osu018", 300.0)])
def test_opensta_agrees(name, delay, request):
    library, technology = target(name, request)
    netlist = synthesise(tpe(1, 2, 1, width=20), "tpe", library, technology)
    boundary = Boundary(input_delay=delay, input_slew=delay, output_load=2.0)
    theirs = report(netlist, library, technology, boundary)
    ours = analyse(netlist, library, technology, boundary=boundary)
    assert ours.period == pytest.approx(theirs.period, rel=0.003)
    assert len(ours.path) > 10


def test_opensta_needs_what_it_is_asked_for():
    with pytest.raises(OpenStaFault, match="must be read from files, not built in"):
        report(pipe("INV"), LIBRARY, GATES, STILL)
