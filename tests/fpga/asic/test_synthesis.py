# SPDX-License-Identifier: Apache-2.0
import random
import subprocess
from pathlib import Path

import pytest
from systolith.fpga.asic.gates import gate_library
from systolith.fpga.asic.liberty import read_libraries
from systolith.fpga.asic.synthesis import SynthesisFault, synthesise
from systolith.fpga.asic.technology import load_technology

from .clocked import Clocked, transpose
from .designs import MODULES, reference, tpe

GATES = load_technology("gates")
LIBRARY = gate_library(GATES)
OSU018 = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")


def target(name, request):
    technology = load_technology(name)
    if name == "gates":
        return LIBRARY, technology
    if name == "osu018":
        if not OSU018.exists():
            pytest.skip("needs Debian's qflow-tech-osu018")
        return read_libraries([OSU018]), technology
    pdk = request.getfixturevalue("pdk")
    files = {"asap7": "*.lib.gz", "sg13g2": "sg13g2_stdcell*.lib.gz"}[name]
    return read_libraries(sorted((pdk / name).glob(files))), technology


def check_dot_products(netlist, library, a, b, c, *, width, bits, steps=12, streams=16, seed=1):
    """Against plain arithmetic: random operands, stalls, restarts and read-outs."""
    source = random.Random(seed)
    model = Clocked(netlist, library, streams)
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    expected = None
    regs = [([0] * a * b, [0] * c * b, 0, 0) for _ in range(streams)]
    accs = [[0] * a * c for _ in range(streams)]
    for step in range(steps):
        xs = [[source.randint(low, high) for _ in range(a * b)] for _ in range(streams)]
        ws = [[source.randint(low, high) for _ in range(c * b)] for _ in range(streams)]
        valid = [int(step == 0 or source.random() < 0.7) for _ in range(streams)]
        first = [int(step == 0 or source.random() < 0.2) for _ in range(streams)]
        got = model.step({
            "valid": [sum(v << s for s, v in enumerate(valid))],
            "first": [sum(f << s for s, f in enumerate(first))],
            "i_a": transpose([pack(x, bits) for x in xs], a * b * bits),
            "i_w": transpose([pack(w, bits) for w in ws], c * b * bits)})
        outputs = transpose(got["o_acc"], streams)
        if expected is not None:
            assert outputs == expected, f"step {step}"
        for s in range(streams):
            x, w, was_valid, was_first = regs[s]
            if was_valid:
                accs[s] = [reference(accs[s][i * c + j], was_first, x[i * b:(i + 1) * b],
                                     w[j * b:(j + 1) * b], width)
                           for i in range(a) for j in range(c)]
            regs[s] = (xs[s], ws[s], 1, first[s]) if valid[s] else (x, w, 0, first[s])
        expected = [pack(acc, width) for acc in accs] if step > 1 else None


def pack(values, bits):
    return sum((value % (1 << bits)) << k * bits for k, value in enumerate(values))


@pytest.mark.parametrize("name", ["gates", "asap7", "sg13g2", "osu018"])
def test_a_dot_product_is_computed_by_the_cells(name, request):
    library, technology = target(name, request)
    netlist = synthesise(tpe(1, 2, 1, width=14, bits=4), "tpe", library, technology)
    cells = netlist.count()
    if technology.full_adder:
        assert cells[technology.full_adder.cell] >= 20
    if technology.clock_gate:
        assert cells[technology.clock_gate.cell] == 2
    check_dot_products(netlist, library, 1, 2, 1, width=14, bits=4)


def test_the_check_sees_a_wrong_netlist():
    netlist = synthesise(tpe(1, 1, 1, width=10, bits=4), "tpe", LIBRARY, GATES)
    k = next(k for k, i in enumerate(netlist.instances) if i.cell == "NAND2")
    wrong = netlist.instances[k]
    netlist.instances[k] = type(wrong)(wrong.name, "AND2", wrong.pins)
    with pytest.raises(AssertionError):
        check_dot_products(netlist, LIBRARY, 1, 1, 1, width=10, bits=4)


def test_the_best_array_of_single_macs_on_asap7(request):
    library, technology = target("asap7", request)
    netlist = synthesise(tpe(1, 1, 1), "tpe", library, technology)
    assert netlist.area(library) == pytest.approx(50.4, rel=0.03)


ADDERS = MODULES + """
module full_adder (input a, b, c, output carry, sum);
  assign carry = (a & b) | (b & c) | (a & c);
  assign sum = a ^ b ^ c;
endmodule
"""


def adder(kind, inputs="x, y, z", outputs=("p", "q")):
    a, b, c = inputs.split(", ")
    return ADDERS + (f"module top (input x, y, z, output p, q);"
                     f" {kind} f (.a({a}), .b({b}), .c({c}), .carry({outputs[0]}),"
                     f" .sum({outputs[1]}));"
                     " endmodule")


def of_one(netlist, library, name):
    values = {"x": [0b10101010], "y": [0b11001100], "z": [0b11110000]}
    netlist.clock = 0
    return Clocked(netlist, library, 8).step(values)[name][0]


@pytest.mark.parametrize("kind, inverters, table", [
    ("inverting_full_adder", 0, (0b00010111, 0b01101001)),
    ("full_adder", 2, (0b11101000, 0b10010110))])
def test_polarity_is_the_cells_or_costs_inverters(kind, inverters, table):
    netlist = synthesise(adder(kind), "top", LIBRARY, GATES)
    assert netlist.count() == {"FULL_ADDER": 1} | ({"INV": inverters} if inverters else {})
    assert (of_one(netlist, LIBRARY, "p"), of_one(netlist, LIBRARY, "q")) == table


@pytest.mark.parametrize("inputs, outputs", [
    ("x, y, 1'b0", ("p", "q")), ("1'b1, y, z", ("p", "q")), ("x, y, z", ("p", "")),
    ("x, y, z", ("", "q"))])
def test_an_adder_that_is_not_full_becomes_logic(inputs, outputs):
    text = adder("inverting_full_adder", inputs, outputs)
    for unread in {"p", "q"} - set(outputs):
        text = text.replace("output p, q", f"output {'q' if unread == 'p' else 'p'}")
    netlist = synthesise(text, "top", LIBRARY, GATES)
    assert "FULL_ADDER" not in netlist.count()


def test_a_fanout_buffer_stays():
    text = ADDERS + ("module top (input x, output p, q); wire w; fanout_buffer u (.i(x), .o(w));"
                     " assign p = w; assign q = ~w; endmodule")
    netlist = synthesise(text, "top", LIBRARY, GATES)
    assert netlist.count() == {"BUF": 1, "INV": 1}


def enabled(bits):
    return (f"module top (input clk, en, input [{bits - 1}:0] d, output reg [{bits - 1}:0] q);"
            " always @(posedge clk) if (en) q <= d; endmodule")


@pytest.mark.parametrize("bits, gates", [(3, 0), (4, 1), (40, 1)])
def test_small_registers_are_not_gated(bits, gates):
    netlist = synthesise(enabled(bits), "top", LIBRARY, GATES)
    assert netlist.count()["CLOCK_GATE"] == gates
    assert netlist.count()["DFF"] == bits


def test_the_threshold_of_gating_is_the_technology_s():
    gate = GATES.clock_gate.model_copy(update={"bits": 9})
    others = GATES.model_copy(update={"clock_gate": gate})
    assert synthesise(enabled(8), "top", LIBRARY, others).count()["CLOCK_GATE"] == 0


@pytest.mark.parametrize("text, sentence", [
    ("module top (input a; endmodule", "syntax error"),
    ("module other (input a, output b); assign b = a; endmodule", "top"),
    ("module top (input a, output b); missing u (.a(a), .b(b)); endmodule", "missing"),
])
def test_what_yosys_refuses_is_said_in_a_sentence(text, sentence):
    with pytest.raises(SynthesisFault) as fault:
        synthesise(text, "top", LIBRARY, GATES)
    assert sentence in str(fault.value)
    assert "\n" not in str(fault.value) and "Traceback" not in str(fault.value)


@pytest.mark.parametrize("text, top", [
    (ADDERS + "module top (input a, output b); assign b = a; endmodule", "top; !true"),
    (ADDERS + "module \\x;!full_adder (input a, output b); assign b = a; endmodule", "x")])
def test_names_are_no_commands(text, top):
    with pytest.raises(SynthesisFault, match="a module's name must be letters, digits"):
        synthesise(text, top, LIBRARY, GATES)


def test_names_with_a_path_are_found():
    text = ADDERS.replace("module inverting_full_adder", "module \\top.u.inverting_full_adder ")
    text += ("module top (input x, y, z, output p, q); \\top.u.inverting_full_adder f "
             "(.a(x), .b(y), .c(z), .carry(p), .sum(q)); endmodule")
    assert synthesise(text, "top", LIBRARY, GATES).count() == {"FULL_ADDER": 1}


def test_a_yosys_that_was_stopped_is_told_from_one_that_refuses(monkeypatch):
    def stopped(command, **options):
        return subprocess.CompletedProcess(command, -9, stdout="")

    monkeypatch.setattr(subprocess, "run", stopped)
    with pytest.raises(SynthesisFault, match="^yosys must be let run to its end, but was stopped "
                                             "by signal 9"):
        synthesise("module m(input a, output o); assign o = a; endmodule", "m", LIBRARY, GATES)
