# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from systolith.fpga.asic.library import Arc, Library, Table
from systolith.fpga.asic.simulation import STEPS, Simulator

from .cells import LIBRARY, arc, cell, netlist, scalar

BOTH = pytest.mark.parametrize("timed", [False, True])


def wave(text):
    return np.array([int(bit) for bit in text], np.uint8)


def simulator(inputs, outputs, instances):
    made, nets = netlist(inputs, outputs, instances)
    return Simulator(made, LIBRARY, wire=0.0), nets


def read(trace, name):
    return "".join(map(str, trace.outputs[name][:, 0]))


@BOTH
def test_functions(timed):
    """Every output of every gate, the full adder's inverted ones and nine inputs among them."""
    rng = np.random.default_rng(1)
    names = "abcdefghi"
    stimulus = {name: rng.integers(0, 2, 200).astype(np.uint8) for name in names}
    s, _ = simulator([*names], ["n", "x", "con", "sn", "big", "one"], {
        "u1": ("NAND2", {"A": "a", "B": "b", "Y": "n"}),
        "u2": ("XOR2", {"A": "n", "B": "c", "Y": "x"}),
        "u3": ("FA", {"A": "a", "B": "x", "C": "c", "CON": "con", "SN": "sn"}),
        "u4": ("AO333", dict(zip("ABCDEFGHI", names, strict=True)) | {"Y": "big"}),
        "u5": ("TIE1", {"Y": "one"})})
    trace = s.run(stimulus, timed=timed)
    a, b, c, d, e, f, g, h, i = (stimulus[name] for name in names)
    n = 1 - (a & b)
    x = n ^ c
    expected = {"n": n, "x": x, "con": 1 - ((a & x) | (x & c) | (a & c)), "sn": 1 - (a ^ x ^ c),
                "big": (a & b & c) | (d & e & f) | (g & h & i), "one": np.ones(200)}
    for name, values in expected.items():
        assert trace.outputs[name][:, 0].tolist() == values.tolist()


@BOTH
def test_an_output_may_be_left_open(timed):
    s, _ = simulator("abc", ["sn"], {
        "u1": ("FA", {"A": "a", "B": "b", "C": "c", "SN": "sn"})})
    trace = s.run({"a": wave("0101"), "b": wave("0011"), "c": wave("0000")}, timed=timed)
    assert read(trace, "sn") == "1001"


@BOTH
def test_flops(timed):
    """Plain, inverted, with a choice in front, and one behind the other."""
    s, nets = simulator(["clk", "d", "e", "f"], ["q", "qn", "qm", "x", "q2"], {
        "f1": ("DFF", {"D": "d", "CK": "clk", "Q": "q"}),
        "f2": ("DFFN", {"D": "d", "CK": "clk", "Q": "qn"}),
        "f3": ("DFFX", {"D": "d", "E": "e", "F": "f", "CK": "clk", "Q": "x"}),
        "f4": ("DFF", {"D": "q", "CK": "clk", "Q": "q2"}),
        "f5": ("DFFM", {"D": "d", "CK": "clk", "Q": "qm"})})
    stimulus = {"d": wave("01101001"), "e": wave("00110011"), "f": wave("11000110")}
    trace = s.run(stimulus, timed=timed)
    assert read(trace, "q") == "00110100"
    assert read(trace, "qn") == read(trace, "qm") == "11001011"
    assert read(trace, "x") == "00100101"
    assert read(trace, "q2") == "00011010"
    assert trace.clocked.tolist() == [7] * 5 and trace.toggles[nets["clk"]] == 14
    assert (trace.rises[nets["q"]], trace.falls[nets["q"]]) == (2, 2)
    held = s.run(stimulus, timed=timed, initial=np.array([1, 1, 0, 1, 0]))
    assert read(held, "q")[0] + read(held, "qn")[0] + read(held, "q2")[:3] == "10" + "110"


@BOTH
def test_a_gated_clock_toggles_only_when_enabled(timed):
    s, nets = simulator(["clk", "e", "t", "i", "d"], ["q", "r"], {
        "g1": ("ICG", {"E": "e", "T": "0", "CK": "clk", "GCK": "c1"}),
        "g2": ("ICG", {"E": "i", "T": "t", "CK": "c2", "GCK": "c3"}),
        "b1": ("BUF", {"A": "c1", "Y": "c2"}),
        "f1": ("DFF", {"D": "d", "CK": "c2", "Q": "q"}),
        "f2": ("DFF", {"D": "d", "CK": "c3", "Q": "r"})})
    stimulus = {"e": wave("0110110"), "i": wave("1010010"), "t": wave("0000100"),
                "d": wave("1101010")}
    trace = s.run(stimulus, timed=timed)
    assert read(trace, "q") == "0010001"  # of edges 2, 3, 5 and 6
    assert read(trace, "r") == "0000001"  # of edges 3, 5 and 6
    assert trace.clocked.tolist() == [4, 3]
    assert [trace.toggles[nets[name]] for name in ("clk", "c1", "c2", "c3")] == [12, 8, 8, 6]


def test_glitches_are_counted_and_short_pulses_swallowed():
    """A rising input meets its own inverse 20 ps later: a pulse longer than the gate's delay, of
    which nothing is seen behind a slow gate."""
    s, nets = simulator("a", ["y", "z"], {
        "u1": ("INV", {"A": "a", "Y": "n"}),
        "u2": ("BUF", {"A": "n", "Y": "m"}),
        "u3": ("AND2", {"A": "a", "B": "m", "Y": "y"}),
        "u4": ("SLOW", {"A": "y", "Y": "z"})})
    stimulus = {"a": wave("0101")}
    timed, plain = s.run(stimulus, timed=True), s.run(stimulus)
    assert read(timed, "y") == read(plain, "y") == "0000"
    assert (timed.rises[nets["y"]], timed.falls[nets["y"]]) == (2, 2)
    assert timed.toggles[nets["z"]] == plain.toggles[nets["y"]] == 0
    assert timed.toggles[nets["a"]] == plain.toggles[nets["a"]] == 3


def test_a_pulse_as_short_as_a_hair_does_not_pass():
    s, nets = simulator("ab", ["y"], {
        "u1": ("INV", {"A": "a", "Y": "n"}),
        "u2": ("SLOW", {"A": "n", "Y": "m"}),   # 60 ps down: a pulse of 70 ps
        "u3": ("AND2", {"A": "a", "B": "m", "Y": "p"}),
        "u4": ("SLOW", {"A": "p", "Y": "y"})})  # which takes 100 ps up
    trace = s.run({"a": wave("0101"), "b": wave("0000")}, timed=True)
    assert trace.toggles[nets["p"]] == 4 and trace.toggles[nets["y"]] == 0


def test_a_quicker_cause_brings_a_change_forward():
    """Y would rise 100 ps after A, but B comes 10 ps later and takes 10 ps."""
    kinds = dict(LIBRARY.cells)
    kinds["OR2"] = cell("OR2", "AB", {"Y": "A+B"}, arcs=[
        arc("A", "Y", 100, 100), arc("B", "Y", 10, 10)])
    made, nets = netlist("a", ["y"], {"u1": ("BUF", {"A": "a", "Y": "b"}),
                                      "u2": ("OR2", {"A": "a", "B": "b", "Y": "y"})})
    trace = Simulator(made, Library("small", 1.0, kinds)).run({"a": wave("01")}, timed=True)
    assert trace.settling == pytest.approx(20, abs=0.1)
    assert trace.toggles[nets["y"]] == 1


def test_inputs_change_when_flops_do_and_settling_is_stated():
    instances = {"f1": ("DFF", {"D": "d", "CK": "clk", "Q": "q"}),
                 "u1": ("INV", {"A": "d", "Y": "n"}),
                 "u2": ("SLOW", {"A": "n", "Y": "y"})}
    s, _ = simulator(["clk", "d"], ["y", "q"], instances)
    trace = s.run({"d": wave("1010")}, timed=True)
    assert trace.settling == pytest.approx(25 + 10 + 100, rel=0.01)
    s.run({"d": wave("1010")}, timed=True, period=151)
    with pytest.raises(ValueError, match="^Netlist must settle within 134 ps, not 135$"):
        s.run({"d": wave("1010")}, timed=True, period=149)  # setup is 15 ps


@pytest.mark.parametrize(("kind", "data", "settling"), [
    ("DFF", "0111", 20 + 100), ("DFF", "1000", 30 + 60), ("DFFN", "0111", 30 + 60),
    ("DFFN", "1000", 20 + 100), ("DFFM", "0111", 30 + 60)])
def test_flops_take_as_long_as_their_output_s_edge(kind, data, settling):
    s, _ = simulator(["clk", "d"], ["y"], {
        "f1": (kind, {"D": "d", "CK": "clk", "Q": "q"}), "u1": ("SLOW", {"A": "q", "Y": "y"})})
    initial = np.array([int(data[0]) ^ (kind == "DFFM")])
    trace = s.run({"d": wave(data)}, timed=True, initial=initial)
    assert trace.settling == pytest.approx(settling, rel=0.01)


@pytest.mark.parametrize(("options", "settling"), [
    ({"wire": 0.0}, 4), ({"wire": 2.0}, 12), ({"wire": 2.0, "delay_wire": 0.0}, 4)])
def test_delays_grow_with_loads(options, settling):
    """A gate of 2 ps a fF, before two pins of 1 fF."""
    table = Table(np.array([0.0, 100.0]), np.array([0.0, 10.0]), np.array([[0.0, 20.0]] * 2))
    kinds = dict(LIBRARY.cells)
    kinds["LOAD"] = cell("LOAD", "A", {"Y": "A"}, arcs=[
        Arc("A", "Y", "combinational", "positive", None, table, table, scalar(1), scalar(1))])
    made, _ = netlist("a", ["w"], {
        "u1": ("LOAD", {"A": "a", "Y": "w"}), "u2": ("LOAD", {"A": "w", "Y": "x"}),
        "u3": ("LOAD", {"A": "w", "Y": "y"})})
    simulator = Simulator(made, Library("small", 1.0, kinds), **options)
    settled = simulator.run({"a": wave("01")}, timed=True).settling
    assert settled == pytest.approx(settling, abs=0.05)


def test_master_latches_are_closed_while_the_clock_is_high():
    """Of a glitch early in the cycle the flop sees nothing; of a late one it sees all."""
    instances = {"u1": ("INV", {"A": "d", "Y": "n"}),
                 "u2": ("BUF", {"A": "n", "Y": "m"}),
                 "u3": ("AND2", {"A": "d", "B": "m", "Y": "y"}),
                 "f1": ("DFF", {"D": "y", "CK": "clk", "Q": "q"}),
                 "u4": ("SLOW", {"A": "q", "Y": "z"})}
    s, nets = simulator(["clk", "d"], ["z"], instances)
    stimulus = {"d": wave("01010")}
    for period, opens in ((200, 0), (140, 0), (80, 4)):
        s.transitions.setup = lambda: -1000.0
        trace = s.run(stimulus, timed=True, period=period)
        assert (trace.toggles[nets["y"]], trace.opens.tolist()) == (4, [opens])
    assert s.run(stimulus).opens.tolist() == [0]


def test_a_resting_clock_leaves_master_latches_open():
    instances = {"g1": ("ICG", {"E": "e", "T": "0", "CK": "clk", "GCK": "c1"}),
                 "u1": ("INV", {"A": "d", "Y": "n"}),
                 "u2": ("BUF", {"A": "n", "Y": "m"}),
                 "u3": ("AND2", {"A": "d", "B": "m", "Y": "y"}),
                 "f1": ("DFF", {"D": "y", "CK": "c1", "Q": "q"})}
    s, _ = simulator(["clk", "d", "e"], ["q"], instances)
    for enable, opens in (("1111", 0), ("0000", 4), ("1100", 2)):
        trace = s.run({"d": wave("0101"), "e": wave(enable)}, timed=True, period=1000)
        assert trace.opens.tolist() == [opens]


def test_only_counted_cycles_count():
    s, nets = simulator("a", ["y"], {"u1": ("INV", {"A": "a", "Y": "y"})})
    for timed in (False, True):
        trace = s.run({"a": wave("010110")}, timed=timed, first=2, last=5)
        assert (trace.cycles, trace.toggles[nets["y"]], read(trace, "y")) == (3, 2, "101001")


@pytest.mark.parametrize(("instances", "text"), [
    ({"u1": ("NAND3", {"A": "a", "Y": "y"})},
     "Cell of u1 must be one of library small, not 'NAND3'"),
    ({"u1": ("INV", {"A": "a", "Z": "y"})}, "Pins of u1 must be those of INV, not 'Z'"),
    ({"u1": ("NAND2", {"A": "a", "Y": "y"})}, "Inputs of u1 must all be connected, not lack 'B'"),
    ({"u1": ("INV", {"A": "a", "Y": "y"}), "u2": ("INV", {"A": "a", "Y": "y"})},
     "Net 4 must have one driver, not several"),
    ({"u1": ("INV", {"A": "w", "Y": "y"})}, "Net 4 at u1.A must have one driver, not none"),
    ({}, "Output 'y' must be driven in all its bits"),
    ({"u1": ("LATCH", {"D": "a", "G": "a", "Q": "y"})},
     "Cell LATCH of u1 must be combinational, a flip-flop or a clock gate"),
    ({"u1": ("NAND2", {"A": "a", "B": "w", "Y": "y"}), "u2": ("INV", {"A": "y", "Y": "w"})},
     "Netlist must have no combinational loop, as behind u1"),
    ({"u1": ("DFFF", {"D": "a", "CK": "clk", "Q": "y"})},
     "Flip-flop u1 must work at the rising edge, not as DFFF at the falling"),
    ({"u1": ("DFFR", {"D": "a", "R": "a", "CK": "clk", "Q": "y"})},
     "Flip-flop u1 must not be cleared or preset asynchronously, as '!R' might"),
    ({"u1": ("DFFR", {"D": "a", "R": "0", "CK": "clk", "Q": "y"})},
     "Flip-flop u1 must not be cleared or preset asynchronously, as '!R' might"),
    ({"u1": ("DFF", {"D": "a", "CK": "a", "Q": "y"})},
     "Clock of u1 must come from the netlist's clock"),
    ({"u1": ("INV", {"A": "clk", "Y": "w"}), "u2": ("DFF", {"D": "a", "CK": "w", "Q": "y"})},
     "Clock of u2 must come through clock gates and buffers, not through INV"),
    ({"u1": ("ICGN", {"E": "a", "CK": "clk", "GCK": "w"}),
      "u2": ("DFF", {"D": "a", "CK": "w", "Q": "y"})},
     "Clock gate u1 must rest low, not high as ICGN"),
    ({"u1": ("NAND2", {"A": "clk", "B": "a", "Y": "y"})}, "Clock must not be data, as at u1"),
])
def test_netlist_refusals(instances, text):
    with pytest.raises(ValueError) as fault:
        simulator(["a", "clk"], ["y"], instances)
    assert str(fault.value) == text


@pytest.mark.parametrize("reset", ["1", "tied"])
def test_a_reset_that_is_tied_does_no_harm(reset):
    s, _ = simulator(["clk", "d"], ["q"], {
        "u1": ("TIE1", {"Y": "tied"}),
        "f1": ("DFFR", {"D": "d", "R": reset, "CK": "clk", "Q": "q"})})
    assert read(s.run({"d": wave("0110")}), "q") == "0011"


@pytest.mark.parametrize(("stimulus", "options", "text"), [
    ({}, {}, "Stimulus must name a port"),
    ({"b": wave("01")}, {}, "Stimulus must name inputs of small, not 'b'"),
    ({"clk": wave("01")}, {}, "Stimulus must name inputs of small, not 'clk'"),
    ({"a": wave("0")}, {},
     "Stimulus must have 2 cycles or more, the same for all ports, not [1]"),
    ({"a": np.zeros((4, 2), np.uint8)}, {}, "Stimulus of 'a' must have 1 bits, not 2"),
    ({"a": wave("02")}, {}, "Stimulus of 'a' must be bits, not 2"),
    ({"a": wave("01")}, {"first": 2}, "Counted cycles must be among 1 ... 1, not 2 ... 1"),
])
def test_stimulus_refusals(stimulus, options, text):
    s, _ = simulator(["a", "clk"], ["y"], {"u1": ("INV", {"A": "a", "Y": "y"})})
    with pytest.raises(ValueError) as fault:
        s.run(stimulus, **options)
    assert str(fault.value) == text


def plain_toggles(simulator, stimulus):
    """Toggles of every net with delays, by a list of coming changes; None where two changes come
    at once, whose order would matter."""
    circuit = simulator.circuit
    delays, *_ = simulator.transitions.quantised(STEPS)
    gates = circuit.gates
    value = {net: 0 for net in range(circuit.netlist.nets)}
    value[1] = 1
    toggles = dict.fromkeys(value, 0)

    def output(g):
        entries = range(gates.first[g], gates.first[g + 1])
        bits = sum(value[int(gates.nets[e])] << k for k, e in enumerate(entries))
        return int(gates.truth[gates.table[g] + bits])

    ports = {name: nets[0] for name, nets in circuit.netlist.inputs.items()}
    for name, wave_ in stimulus.items():
        value[ports[name]] = int(wave_[0])
    for g in range(len(gates.output)):
        value[int(gates.output[g])] = output(g)
    for t in range(1, len(next(iter(stimulus.values())))):
        coming = {ports[name]: delays.arrival for name, wave_ in stimulus.items()
                  if value[ports[name]] != wave_[t]}
        while coming:
            now = min(coming.values())
            net, *others = [net for net, time in coming.items() if time == now]
            if others:
                return None
            del coming[net]
            value[net] ^= 1
            toggles[net] += 1
            for e in np.flatnonzero(gates.nets == net):
                g = int(gates.owner[e])
                target, new = int(gates.output[g]), output(g)
                if new == value[target]:
                    coming.pop(target, None)
                else:
                    time = now + int((delays.rise if new else delays.fall)[e])
                    coming[target] = min(time, coming.get(target, time))
    return [toggles[net] for net in range(circuit.netlist.nets)]


def test_random_netlists_against_a_plain_simulator():
    compared = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        functions = ["!(A B)", "A^B", "A+B", "!(A+B)", "A !B"]
        kinds = {}
        for k in range(25):
            arcs = [arc(source, "Y", *rng.uniform(5, 120, 2)) for source in "AB"]
            kinds[f"G{k}"] = cell(f"G{k}", "AB", {"Y": functions[k % 5]}, arcs=arcs)
        wires = ["1", "a"]  # one input, so that nothing comes at once
        instances = {}
        for k in range(25):
            first, second = rng.choice(wires[-6:], 2, replace=False)
            instances[f"u{k}"] = (f"G{k}", {"A": str(first), "B": str(second), "Y": f"w{k}"})
            wires.append(f"w{k}")
        made, nets = netlist("a", ["w24"], instances)
        simulator = Simulator(made, Library("random", 1.0, kinds), wire=0.0)
        stimulus = {"a": rng.integers(0, 2, 20).astype(np.uint8)}
        expected = plain_toggles(simulator, stimulus)
        if expected is not None:
            assert simulator.run(stimulus, timed=True).toggles.tolist() == expected
            compared += 1
    assert compared >= 10
