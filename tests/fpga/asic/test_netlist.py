# SPDX-License-Identifier: Apache-2.0
import json

import pytest
from systolith.fpga.asic.gates import gate_library
from systolith.fpga.asic.netlist import Instance, Netlist, NetlistFault, from_json
from systolith.fpga.asic.technology import load_technology

LIBRARY = gate_library(load_technology("gates"))


def wired(*instances, nets=6):
    return Netlist("top", nets, list(instances), {"a": [2, 3]}, {"y": [4]})


NAND = Instance("u", "NAND2", {"A": 2, "B": 3, "Y": 4})


def test_area_and_count():
    netlist = wired(NAND, Instance("v", "INV", {"A": 4, "Y": 5}))
    assert netlist.area(LIBRARY) == 1.5
    assert netlist.count() == {"NAND2": 1, "INV": 1}
    netlist.check(LIBRARY)


@pytest.mark.parametrize("instances, sentence", [
    ([Instance("u", "NOTHING", {})], "cell NOTHING of u must be in library gates"),
    ([Instance("u", "INV", {"A": 2, "Z": 4})], "pin Z of u must be one of INV's: A, Y"),
    ([Instance("u", "INV", {"Y": 4})], "input A of u must be connected"),
    ([NAND, Instance("v", "INV", {"A": 2, "Y": 4})], "net 4 must have one driver, not 2"),
    ([NAND, Instance("v", "INV", {"A": 2, "Y": 1})], "net 1 must have one driver, not 2"),
    ([Instance("v", "INV", {"A": 2, "Y": 5})], "net 4, which y reads, must be driven"),
])
def test_a_broken_netlist_is_refused(instances, sentence):
    with pytest.raises(NetlistFault, match=sentence):
        wired(*instances).check(LIBRARY)


def test_yosys_json_becomes_nets():
    module = {
        "ports": {"clk": {"direction": "input", "bits": [2]},
                  "a": {"direction": "input", "bits": [3, 4]},
                  "y": {"direction": "output", "bits": [5, "1", "x"]}},
        "cells": {
            "$abc$1": {"type": "NAND2", "port_directions": {"A": "input", "Y": "output"},
                       "connections": {"A": [3], "B": ["0"], "Y": [5]}},
            "named": {"type": "INV", "port_directions": {}, "connections": {"A": [4], "Y": [6]}}},
        "netnames": {"y": {"hide_name": 0, "bits": [5, "1", "x"]}}}
    netlist = from_json(json.dumps({"modules": {"top": module}}), "top")
    a, y = netlist.inputs["a"], netlist.outputs["y"]
    assert (netlist.inputs["clk"], netlist.clock) == ([2], 2)
    assert (a, y) == ([3, 4], [5, 1, 0])
    assert [instance.name for instance in netlist.instances] == ["y[0]", "named"]
    assert netlist.instances[0].pins == {"A": 3, "B": 0, "Y": 5}
    assert netlist.nets == 7


@pytest.mark.parametrize("text", ["", "[]", '{"modules": {}}', "[" * 100_000])
def test_what_is_no_netlist_is_refused(text):
    with pytest.raises(NetlistFault, match="must be yosys' JSON with module top"):
        from_json(text, "top")


def test_verilog_of_a_netlist():
    text = wired(NAND).verilog()
    assert "NAND2 u (.A(n2), .B(n3), .Y(n4));" in text
    assert "assign n3 = a[1];" in text and "assign y = n4;" in text
