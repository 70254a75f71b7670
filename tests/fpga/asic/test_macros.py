# SPDX-License-Identifier: Apache-2.0
"""The shipped macro map says of SG13G2's macros what their Liberty files do."""

import pytest
from systolith.fpga.asic.liberty import read_libraries
from systolith.fpga.asic.macros import macro_of
from systolith.gen.emit.sram import macro_pins
from systolith.gen.memory import load_map
from systolith.gen.memory.macros import Ports

PORTS = Ports(clock="CK", enable="CS", write="WE", address="A", write_data="D", read_data="Q",
              active_low=["enable"], holds=True)
LIBRARY = """
library (ram) {
  time_unit : "1ns"; capacitive_load_unit (1, pf); voltage_unit : "1V"; leakage_power_unit : "1nW";
  nom_voltage : 1.0;
  type (bus3) { base_type : array; data_type : bit; bit_width : 3; bit_from : 2; bit_to : 0; }
  type (bus8) { base_type : array; data_type : bit; bit_width : 8; bit_from : 7; bit_to : 0; }
  cell (ram_8x8) {
    area : 200.5; cell_leakage_power : 3.5;
    pin (CK) { direction : input; clock : true; capacitance : 0.01;
      internal_power () { when : "!CS & !WE"; rise_power (scalar) { values (1.5); }
                          fall_power (scalar) { values (0.25); } }
      internal_power () { when : "!CS & WE"; rise_power (scalar) { values (2.5); }
                          fall_power (scalar) { values (0); } }
      internal_power () { when : "CS"; rise_power (scalar) { values (0.1); }
                          fall_power (scalar) { values (0.1); } } }
    pin (CS) { direction : input; capacitance : 0.01; }
    pin (WE) { direction : input; capacitance : 0.01; }
    bus (A) { bus_type : bus3; direction : input; capacitance : 0.01; }
    bus (D) { bus_type : bus8; direction : input; capacitance : 0.01; }
    bus (Q) { bus_type : bus8; direction : output; }
  }
}
"""


def _cell(tmp_path, text=LIBRARY):
    (tmp_path / "ram.lib").write_text(text)
    return read_libraries([tmp_path / "ram.lib"], cache=False).cells["ram_8x8"]


def test_a_macro_is_what_its_cell_says(tmp_path):
    macro = macro_of(_cell(tmp_path), PORTS)
    assert (macro.cell, macro.words, macro.bits) == ("ram_8x8", 8, 8)
    assert (macro.area_um2, macro.leakage_nw) == (200.5, 3.5)
    assert (macro.read_pj, macro.write_pj) == (1.75, 2.5)


def test_what_no_table_is_for_is_not_known(tmp_path):
    macro = macro_of(_cell(tmp_path, LIBRARY.replace("!CS & WE", "!CS & WE & CK")), PORTS)
    assert (macro.read_pj, macro.write_pj) == (1.75, None)


def test_a_cell_without_such_a_bus_is_refused(tmp_path):
    with pytest.raises(ValueError, match="^ram_8x8: macro must have the bus ADDR$"):
        macro_of(_cell(tmp_path), PORTS.model_copy(update={"address": "ADDR"}))


def test_sg13g2_is_as_its_liberty_files_say(pdk):
    library = read_libraries(sorted((pdk / "sg13g2").glob("RM_IHPSG13_1P_*.lib.gz")))
    shipped = load_map("sg13g2")
    assert {macro.cell for macro in shipped.macro} == set(library.cells)
    for macro in shipped.macro:
        cell = library.cells[macro.cell]
        assert macro_of(cell, shipped.ports) == macro
        expected = {f"{name}[{bit}]" if width > 1 else name
                    for name, width, _ in macro_pins(shipped, macro.words, macro.bits)
                    for bit in range(width)}
        assert {name for name in cell.pins} == expected
        assert {name for name, pin in cell.pins.items() if pin.output} == {
            f"A_DOUT[{bit}]" for bit in range(macro.bits)}


def test_a_resting_macro_takes_nothing(pdk):
    """So that wrappers need not gate the clock."""
    library = read_libraries(sorted((pdk / "sg13g2").glob("RM_IHPSG13_1P_*.lib.gz")))
    for cell in library.cells.values():
        [power] = [power for power in cell.powers if power.pin == "A_CLK"
                   and power.when.replace(" ", "") == "!A_MEN&!A_WEN&!A_REN"]
        assert not power.rise.values.any() and not power.fall.values.any()
