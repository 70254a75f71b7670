# SPDX-License-Identifier: Apache-2.0
import dataclasses

import pytest
from systolith.fpga.asic.gates import gate_library
from systolith.fpga.asic.liberty import read_libraries
from systolith.fpga.asic.technology import (
    TECHNOLOGIES,
    TechnologyFault,
    detect,
    load_technology,
)


def test_shipped_technologies_are_named_after_their_files():
    assert [load_technology(name).name for name in TECHNOLOGIES] == list(TECHNOLOGIES)


def test_gates_need_no_library():
    technology = load_technology("gates")
    library = gate_library(technology)
    technology.check(library)
    assert detect(library).name == "gates"
    assert library.cells["NAND2"].area == 1
    assert 4.5 <= library.cells["FULL_ADDER"].area <= 6
    # fanout of four inverters: parasitic 1 + 4 loads
    assert library.cells["INV"].arcs[0].delay_rise.at(0, 4) == 5


@pytest.mark.parametrize("folder, name", [("asap7", "asap7"), ("sg13g2", "sg13g2")])
def test_a_library_is_recognised(pdk, folder, name):
    assert detect(read_libraries(sorted((pdk / folder).glob("*.lib.gz")))).name == name


def test_a_library_with_a_file_missing_says_so(pdk):
    library = read_libraries(sorted((pdk / "asap7").glob("*SEQ*")))
    with pytest.raises(TechnologyFault, match="must have cell BUFx2_ASAP7_75t_R of technology "
                                              "asap7; one of its files may be missing"):
        load_technology("asap7").check(library)
    with pytest.raises(TechnologyFault, match="or come with a technology file"):
        detect(library)


def test_pins_are_checked():
    technology = load_technology("gates")
    library = gate_library(technology)
    cell = library.cells["BUF"]
    library.cells["BUF"] = dataclasses.replace(cell, pins={"A": cell.pins["A"]})
    with pytest.raises(TechnologyFault, match="cell BUF must have pin Y"):
        technology.check(library)


@pytest.mark.parametrize("text, sentence", [
    ("name = ", "must be TOML"),
    ('name = "x"\nother = 1', "flip_flop: Field required"),
    ('name = "x; rm"', "name: String should match"),
    ("a = " + "[" * 5000, "must"),
])
def test_a_broken_file_is_refused_in_a_sentence(tmp_path, text, sentence):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(TechnologyFault) as fault:
        load_technology(path)
    assert sentence in str(fault.value) and "\n" not in str(fault.value)


def test_a_name_that_is_none_is_refused():
    with pytest.raises(TechnologyFault, match="must be asap7, gates, osu018, sg13g2 or a .toml"):
        load_technology("tsmc")
