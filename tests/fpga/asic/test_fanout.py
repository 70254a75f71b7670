# SPDX-License-Identifier: Apache-2.0
from collections import Counter
from dataclasses import replace

import pytest
from systolith.fpga.asic.fanout import MOST, limit_fanout
from systolith.fpga.asic.gates import gate_library
from systolith.fpga.asic.netlist import Instance, Netlist
from systolith.fpga.asic.technology import load_technology

GATES = load_technology("gates")
LIBRARY = gate_library(GATES)


def wide(readers):
    """An input that ``readers`` inverters and a flip-flop's clock read."""
    cells = [Instance(f"i{k}", "INV", {"A": 2, "Y": 4 + k}) for k in range(readers)]
    cells.append(Instance("flop", "DFF", {"CLK": 3, "D": 2, "Q": 4 + readers}))
    return Netlist("wide", 5 + readers, cells, {"a": [2], "clk": [3]},
                   {"y": list(range(4, 5 + readers))}, 3)


@pytest.mark.parametrize("readers", [3, MOST - 1, MOST, 100, 2000])
def test_no_net_has_too_many_readers(readers):
    before = wide(readers)
    after = limit_fanout(before, LIBRARY, GATES)
    after.check(LIBRARY)
    reads = Counter(net for instance in after.instances for pin, net in instance.pins.items()
                    if not LIBRARY.cells[instance.cell].pins[pin].output)
    assert max(reads.values()) <= MOST
    assert after.outputs == before.outputs
    drives = {i.pins["Y"]: i.pins["A"] for i in after.instances if "Y" in i.pins}
    for instance in after.instances[:readers + 1]:
        net = instance.pins.get("A", instance.pins.get("D"))
        while net != 2:
            net = drives[net]
    assert (len(after.instances) == len(before.instances)) == (readers < MOST)


def test_clocks_have_no_tree():
    cells = [Instance(f"f{k}", "DFF", {"CLK": 2, "D": 3, "Q": 4 + k}) for k in range(50)]
    netlist = Netlist("clocked", 54, cells, {"clk": [2], "d": [3]}, {"q": list(range(4, 54))}, 2)
    after = limit_fanout(netlist, LIBRARY, GATES)
    assert all(instance.pins["CLK"] == 2 for instance in after.instances if instance.cell == "DFF")


def test_ties_have_no_tree():
    library = replace(LIBRARY, cells={**LIBRARY.cells, "TIE": replace(
        LIBRARY.cells["INV"], name="TIE", arcs=(),
        pins={"Y": replace(LIBRARY.cells["INV"].pins["Y"], function="1")})})
    cells = [Instance("tie", "TIE", {"Y": 2}),
             *(Instance(f"i{k}", "INV", {"A": 2, "Y": 3 + k}) for k in range(50))]
    netlist = Netlist("tied", 53, cells, {}, {"y": list(range(3, 53))})
    assert limit_fanout(netlist, library, GATES).instances == cells
