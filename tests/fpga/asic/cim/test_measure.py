# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest
from systolith.fpga.asic.cim.measure import Mismatch, measure_macro
from systolith.fpga.asic.cim.operands import conversions

from .elements import cells, macro, matrices


def work(**options):
    bits = {name: options.pop(name) for name in ("activation_bits", "weight_bits")
            if name in options}
    return conversions(matrices(**options), rows=24, code_bits=20, pixels=4, channels=3, **bits)


@pytest.mark.parametrize("options", [
    {}, {"signed": True}, {"activation_bits": 4, "weight_bits": 4},
    {"signed": True, "activation_bits": 3, "weight_bits": 1},
], ids=str)
def test_netlists_are_golden_s_equals(options):
    found = measure_macro(macro(), work(**options), cells())
    assert found.compared == 2 * 12
    bits = options.get("activation_bits", 8) * options.get("weight_bits", 8)
    assert found.cycles == bits + 2
    assert 0 < found.glitches < found.column.total
    assert found.total(2.0) - found.total() == pytest.approx(found.storage)


def test_storage():
    """Eight reads of a plane a conversion of 20 rows."""
    found = measure_macro(macro(), work(), cells())
    assert found.storage == pytest.approx(1e3 * 8 * macro().storage.read_pj / 20)


def test_early_stop_takes_golden_s_cycles():
    found = measure_macro(macro(early_stop=True), work(top=19), cells())
    assert found.cycles == 5 * 8 + 2
    expects_it = replace(macro(), p=macro(early_stop=True).p)
    with pytest.raises(Mismatch, match=r"^done in cycle \d+ must be 1, not 0$"):
        measure_macro(expects_it, work(top=19), cells())


def broken(block, place):
    netlist = block.netlist.copy()
    netlist.instances[place] = replace(netlist.instances[place], cell="NOR2")
    return replace(block, netlist=netlist)


def test_wrong_row_drivers_are_found():
    blocks = macro()
    netlist = blocks.drivers.netlist.copy()
    netlist.outputs["o"] = netlist.outputs["o"][8:] + netlist.outputs["o"][:8]
    crossed = replace(blocks, drivers=replace(blocks.drivers, netlist=netlist))
    with pytest.raises(Mismatch, match=r"^Rows of conversion 0 must be driven with \["):
        measure_macro(crossed, work(), cells())


def test_wrong_products_are_found():
    blocks = macro()
    planes = set(blocks.column.netlist.inputs["cells.o"])
    places = [place for place, each in enumerate(blocks.column.netlist.instances)
              if each.cell == "NAND2" and planes & set(each.pins.values())]
    assert len(places) > 10
    for place in places[::6]:
        with pytest.raises(Mismatch, match=r"^Code of conversion \d+ must be -?\d+, not -?\d+$"):
            measure_macro(replace(blocks, column=broken(blocks.column, place)), work(), cells())
