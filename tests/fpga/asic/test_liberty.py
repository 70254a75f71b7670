# SPDX-License-Identifier: Apache-2.0
import gzip
import time

import numpy as np
import pytest
from systolith.fpga.asic.liberty import LibertyFault, read_libraries

HEAD = """/* a comment with { and " in it
 over two lines */
library (small) {
  time_unit : "1ns"; voltage_unit : "1V"; leakage_power_unit : "1pW";
  capacitive_load_unit (1, pf);
  nom_voltage : 1.5;
  lu_table_template (delays) { variable_1 : total_output_net_capacitance;
    variable_2 : input_net_transition; index_1 ("0.001, 0.002"); index_2 ("0.1, 0.2, 0.4"); }
  power_lut_template (passive) { variable_1 : input_transition_time; index_1 ("0.1, 0.2"); }
  lu_table_template (checks) { variable_1 : related_pin_transition;
    variable_2 : constrained_pin_transition; index_1 ("0.1, 0.2"); index_2 ("0.1, 0.3, 0.5"); }
  type (word) { base_type : array; bit_width : 4; bit_from : 3; bit_to : 0; }
"""
GATE = """
  cell (NAND2) {
    area : 2.5
    cell_leakage_power : 2000;
    pin (A) { direction : input; capacitance : 0.002; }
    pin (B) { direction : "input"; rise_capacitance : 0.003; fall_capacitance : 0.002; }
    pin (Y) { direction : output; function : "!(A B)"; max_capacitance : 0.5;
      timing () { related_pin : "A B"; when : "C"
        sdf_cond : "x";
        cell_rise (delays) { values ( \\
          "1, 2, 3", \\
          "4, 5, 6"); }
        rise_transition (delays) { values ("1, 1, 1", "2, 2, 2"); }
      }
    }
  }
"""
FLOP = """
  cell ("DFFN") {
    dont_use : true;
    pg_pin (VDD) { pg_type : primary_power; } pg_pin (VSS) { pg_type : primary_ground; }
    leakage_power () { value : 8; when : "D"; related_pg_pin : VDD; }
    leakage_power () { value : 4; when : "!D"; related_pg_pin : VDD; }
    leakage_power () { value : 1; related_pg_pin : VSS; }
    ff (IQ, IQN) { next_state : "D"; clocked_on : "CLK'"; clear : "!R"; }
    pin (D) { direction : input; capacitance : 0.001;
      timing () { related_pin : "CLK"; timing_type : setup_falling;
        rise_constraint (checks) { values ("1, 2, 3", "4, 5, 6"); } }
    }
    pin (R) { direction : input; }
    pin (CLK) { direction : input; clock : true; capacitance : 0.001;
      internal_power () { related_pg_pin : VDD;
        rise_power (passive) { values ("0.01, 0.03"); } fall_power (scalar) { values ("0.02"); } }
      internal_power () { related_pg_pin : VSS;
        rise_power (scalar) { values ("0.05"); } fall_power (scalar) { values ("0.04"); } }
    }
    pin (Q) { direction : output; function : "IQN"; }
  }
"""
GATED = """
  cell (ICG) { clock_gating_integrated_cell : "latch_posedge_precontrol";
    statetable ("CLK E T", "G") { table : "L L L : - : L , \\
       H - - : - : N "; }
    pin (G) { direction : internal; internal_node : "G"; }
    pin (E) { direction : input; clock_gate_enable_pin : true; }
    pin (T) { direction : input; clock_gate_test_pin : true; }
    pin (CLK) { direction : input; clock : true; clock_gate_clock_pin : true; }
    pin (Z) { direction : output; state_function : "CLK * G"; clock_gate_out_pin : true; }
    test_cell () { pin (E) { direction : input; } }
  }
"""
MEMORY = """
  cell (RAM) { area : 100;
    pin (CLK) { direction : input; clock : "true"; }
    bus (D) { bus_type : word; direction : input; capacitance : 0.003;
      pin (D[0]) { capacitance : 0.004; }
      pin (D[3:0]) { internal_power () { when : "E"; rise_power ("scalar") { values (0.5); } } }
    }
    bus (Q) { bus_type : word; direction : output;
      timing () { related_pin : "CLK"; timing_type : rising_edge; timing_sense : non_unate;
        cell_rise (scalar) { values ("3"); } } }
  }
"""


def read(tmp_path, *bodies, head=HEAD, name="small.lib"):
    path = tmp_path / name
    path.write_text(head + "".join(bodies) + "\n}\n")
    return read_libraries([path], cache=False)


def test_a_gate_in_our_units(tmp_path):
    library = read(tmp_path, GATE)
    cell = library.cells["NAND2"]
    assert (library.name, library.voltage) == ("small", 1.5)
    assert (cell.area, cell.leakage, cell.inputs, cell.outputs) == (2.5, 2.0, ("A", "B"), ("Y",))
    assert cell.pins["A"].capacitance == 2.0
    assert (cell.pins["B"].rise_capacitance, cell.pins["B"].fall_capacitance) == (3.0, 2.0)
    assert (cell.pins["Y"].function, cell.pins["Y"].max_capacitance) == ("!(A B)", 500.0)


def test_a_table_has_slews_in_rows_whatever_the_order_of_its_variables(tmp_path):
    arc, other = read(tmp_path, GATE).cells["NAND2"].arcs
    assert (arc.source, other.source, arc.target, arc.when) == ("A", "B", "Y", "C")
    assert arc.sense == "negative", "from the function, where the file does not say"
    assert arc.delay_fall is None
    assert arc.delay_rise.slews.tolist() == [100, 200, 400]
    assert arc.delay_rise.loads.tolist() == [1, 2]
    assert arc.delay_rise.values.tolist() == [[1000, 4000], [2000, 5000], [3000, 6000]]


def test_tables_are_interpolated_and_extrapolated(tmp_path):
    table = read(tmp_path, GATE).cells["NAND2"].arcs[0].delay_rise
    assert table.at(100, 1) == 1000
    assert table.at(150, 1.5) == 3000
    assert table.at(600, 3) == 10000
    assert table.at(0, 0) == -3000


def test_a_flop_its_constraints_and_its_rails(tmp_path):
    cell = read(tmp_path, FLOP).cells["DFFN"]
    flop = cell.flip_flop
    assert (flop.clock, flop.clock_inverted, flop.next_state) == ("CLK", True, "D")
    assert (flop.output, flop.output_inverted, flop.clear) == ("Q", True, "!R")
    check, = cell.constraints
    assert (check.pin, check.related, check.kind) == ("D", "CLK", "setup")
    assert check.rise.at(500, 200) == 6000, "slew of the data 500 ps, of the clock 200 ps"
    power, = cell.powers
    # 0.01 pJ at 100 ps and 0.05 pJ: each rail accounts for all of it, so their mean counts
    assert power.rise.values.tolist() == [[30.0], [40.0]]
    assert power.fall.values.tolist() == [[30.0]]
    assert cell.leakage == pytest.approx(0.007), "mean over conditions, sum over rails"
    assert cell.dont_use


def test_a_clock_gate_with_a_test_pin(tmp_path):
    gate = read(tmp_path, GATED).cells["ICG"].clock_gate
    assert (gate.clock, gate.enables, gate.output) == ("CLK", ("E", "T"), "Z")


def test_buses_become_bits(tmp_path):
    cell = read(tmp_path, MEMORY).cells["RAM"]
    assert cell.pins["D[0]"].capacitance == 4.0
    assert cell.pins["D[3]"].capacitance == 3.0
    assert [power.pin for power in cell.powers] == ["D[0]", "D[1]", "D[2]", "D[3]"]
    assert cell.powers[0].rise.values.tolist() == [[500.0]], "of 1 pF (1 V)²"
    assert [(arc.source, arc.target) for arc in cell.arcs] == \
        [("CLK", f"Q[{bit}]") for bit in range(4)]


def test_several_files_become_one_library_and_are_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "kept"))
    one, two = tmp_path / "one.lib", tmp_path / "two.lib.gz"
    one.write_text(HEAD + GATE + "}")
    two.write_bytes(gzip.compress((HEAD + FLOP + "}").encode()))
    first = read_libraries([one, two])
    assert set(first.cells) == {"NAND2", "DFFN"}
    assert len(list((tmp_path / "kept").rglob("*.pickle"))) == 1
    again = read_libraries([one, two])
    np.testing.assert_array_equal(again.cells["NAND2"].arcs[0].delay_rise.values,
                                  first.cells["NAND2"].arcs[0].delay_rise.values)
    one.write_text(HEAD + GATE.replace("2.5", "3.5") + "}")
    assert read_libraries([one, two]).cells["NAND2"].area == 3.5, "a changed file is read anew"


def test_a_broken_cache_is_no_fault(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "kept"))
    path = tmp_path / "one.lib"
    path.write_text(HEAD + GATE + "}")
    read_libraries([path])
    kept, = (tmp_path / "kept").rglob("*.pickle")
    kept.write_bytes(kept.read_bytes()[:100])
    assert set(read_libraries([path]).cells) == {"NAND2"}


@pytest.mark.parametrize("head, body, line, sentence", [
    (HEAD, GATE.replace("area : 2.5", "area : x"), 15, "area must be a number, not 'x'"),
    (HEAD, GATE.replace('"4, 5, 6"', '"4, 5"'), 22, "cell_rise must have 6 values, not 5"),
    (HEAD, GATE.replace('"4, 5, 6"', '"4, 5, nan"'), 22, "must hold 1 to 4096 numbers"),
    (HEAD.replace("0.1, 0.2, 0.4", "0.1, 0.1, 0.4"), GATE, 22, "an index must ascend"),
    (HEAD, GATE.replace("(delays)", "(nothing)"), 22, "template 'nothing' must be defined"),
    (HEAD.replace('"1ns"', '"soon"'), GATE, 3, "time_unit must be a unit such as '1ns', not"),
    (HEAD.replace("nom_voltage : 1.5", "nom_voltage : much"), GATE, 3,
     "nom_voltage must be a number of volts, not 'much'"),
    (HEAD, GATE + GATE, 31, "cell NAND2 must be defined once"),
    (HEAD, "", 3, "a library must have at least one cell"),
    (HEAD, MEMORY.replace("bus_type : word", "bus_type : wide"), 18, "bus_type must be defined"),
    (HEAD, FLOP.replace("CLK'", "CLK * D"), 21, "an ff must have two states, one clocked_on"),
    (HEAD, GATE + "% x {", 30, "a statement must be `name : value;`"),
    (HEAD, GATE + "cell (X) {", 3, "group library must be closed before the file ends"),
    ("", "module x;", 1, "a Liberty file must begin with `library (name) {`"),
    (HEAD, "a () {" * 40, 15, "groups must nest at most 16 deep"),
])
def test_what_is_wrong_is_said_with_its_line(tmp_path, head, body, line, sentence):
    with pytest.raises(LibertyFault) as fault:
        read(tmp_path, body, head=head)
    text = str(fault.value)
    assert sentence in text and "\n" not in text
    assert abs(int(text.split(":")[1]) - line) <= 2, text


def test_a_broken_gzip_file_and_a_binary_one(tmp_path):
    path = tmp_path / "x.lib.gz"
    path.write_bytes(gzip.compress(b"library" * 1000)[:40])
    with pytest.raises(LibertyFault, match="must be a whole gzip file"):
        read_libraries([path], cache=False)
    path.write_bytes(b"\0\1\2" * 100)
    with pytest.raises(LibertyFault, match="must be a Liberty file, not a binary one"):
        read_libraries([path], cache=False)


def test_libraries_must_fit_each_other(tmp_path):
    one, two = tmp_path / "one.lib", tmp_path / "two.lib"
    one.write_text(HEAD + GATE + "}")
    two.write_text(HEAD.replace("1.5", "1.2") + FLOP + "}")
    with pytest.raises(LibertyFault, match="voltage must be 1.5 V as in one.lib, not 1.2 V"):
        read_libraries([one, two], cache=False)
    two.write_text(HEAD + GATE + "}")
    with pytest.raises(LibertyFault, match="cell NAND2 must be new"):
        read_libraries([one, two], cache=False)
    with pytest.raises(LibertyFault, match="at least one file"):
        read_libraries([])


@pytest.mark.parametrize("hostile", [
    'library (x) { values (' + "a" * 500_000, 'library (x) { a ("' + "(" * 500_000,
    "/*" * 500_000, "library (x) { " + "a : " * 200_000, '"' * 400_001,
    "library (x) {" + ";" * 1_000_000, "library (x) { " + "\\ \n" * 400_000])
def test_hostile_files_are_refused_at_once(tmp_path, hostile):
    path = tmp_path / "hostile.lib"
    path.write_text(hostile)
    begin = time.monotonic()
    with pytest.raises(LibertyFault):
        read_libraries([path], cache=False)
    assert time.monotonic() - begin < 2


def test_asap7_is_read_whole(pdk):
    library = read_libraries(sorted((pdk / "asap7").glob("*.lib.gz")), cache=False)
    assert len(library.cells) == 202 and library.voltage == 0.7
    adder = library.cells["FAx1_ASAP7_75t_R"]
    assert adder.area == 0.20412 and adder.outputs == ("CON", "SN")
    assert library.cells["DFFHQNx1_ASAP7_75t_R"].flip_flop.next_state == "!D"
    assert library.cells["ICGx1_ASAP7_75t_R"].clock_gate.enables == ("ENA", "SE")


def test_sg13g2_is_read_with_its_memories(pdk):
    library = read_libraries(sorted((pdk / "sg13g2").glob("*.lib.gz")), cache=False)
    memory = library.cells["RM_IHPSG13_1P_64x64_c2_bm_bist"]
    assert memory.area == 50489.1328 and memory.leakage == 49.5039
    reads, = [power for power in memory.powers if power.pin == "A_CLK"
              and power.when == "A_MEN  & !A_WEN & A_REN"]
    assert reads.rise.values.tolist() == [[39050.7]]
    assert library.cells["sg13g2_lgcp_1"].clock_gate.enables == ("GATE",)
