# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.fpga.asic.cim.netlists import tpe_block
from systolith.rtl.kinds import facts_of
from systolith.rtl.parameters import EngineParameters

from .elements import cells, macro


def test_cells_are_black_boxes_and_columns_are_counted_once():
    found = macro()
    assert found.column.netlist.children == {"cells": ("cim_weight_cells_24x2_planes8", "clk")}
    assert len(found.shared.netlist.children) == 8
    assert {module for module, _ in found.shared.netlist.children.values()} == {
        "cim_digital_column_24x2_code20"}
    kind = cells().technology.full_adder.cell
    assert found.column.netlist.count()[kind] >= 18


def test_areas():
    found = macro()
    assert (found.storage.words, found.storage.bits) == (16, 24)
    assert found.drivers_area == pytest.approx(3 * found.drivers.area)
    each = (found.shared.area + 3 * found.drivers.area) / 8
    assert found.logic == pytest.approx(found.column.area + each)
    assert found.area == pytest.approx(found.logic + found.storage.area_um2)
    assert found.macs_a_cycle() == pytest.approx(24 / 66)
    assert found.macs_a_cycle(4, 4) == pytest.approx(24 / 18)


def test_a_tpe():
    facts = facts_of(EngineParameters(kind="vdbb", a=1, b=8, c=2, m=1, n=1, nnz=4,
                                      accumulator_bits=20, zero_gating=False, overlapped=False))
    found = tpe_block(facts, cells())
    assert found.netlist.name == "top" and found.area > 0
