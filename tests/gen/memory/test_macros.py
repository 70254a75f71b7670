# SPDX-License-Identifier: Apache-2.0
"""Macro maps: what is refused, and how; what the shipped ones say."""

from math import sqrt

import pytest
from systolith.gen.memory import MacroFault, load_map, map_names
from systolith.gen.memory.macros import MAX_BYTES

GOOD = """
name = "mine"
source = "a data sheet"
[ports]
clock = "clk"
enable = "ce"
write = "we"
address = "a"
write_data = "d"
read_data = "q"
holds = true
[[macro]]
cell = "ram64x8"
words = 64
bits = 8
area_um2 = 100
"""


def test_a_map_of_ones_own(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    found = load_map(path)
    assert found == load_map(str(path))
    assert (found.name, found.macro[0].area_um2, found.macro[0].read_pj) == ("mine", 100.0, None)


@pytest.mark.parametrize(("old", "new", "sentence"), [
    ("words = 64", "words = 1", "macro[0].words: must be greater than or equal to 2, not 1"),
    ("words = 64", "words = 64.5", "macro[0].words: must be a valid integer, not 64.5"),
    ("area_um2 = 100", "area_um2 = 0", "macro[0].area_um2: must be greater than 0, not 0"),
    ("area_um2 = 100", "area_um2 = nan", "macro[0].area_um2: must be a finite number, not nan"),
    ("bits = 8", "bites = 8", "macro[0].bits: must be given"),
    ("bits = 8", "bits = 8\nbites = 8", "macro[0].bites: must not be there: no such key"),
    ("ram64x8", "ram 64", "macro[0].cell: must be a name in Verilog, not 'ram 64'"),
    ('write = "we"', 'write = "we);"', "ports.write: must be a name in Verilog, not 'we);'"),
    ('write = "we"', 'write = "ce"', "ports: ports must have different names"),
    ('enable = "ce"', "", "ports: ports must have an enable or a read pin, or both"),
    ("holds = true", 'holds = true\n[ties.single]\nq = 1', "ties must be pins of their own"),
    ("holds = true", 'holds = true\n[ties.single]\nx = 2',
     "ties.single.x: must be less than or equal to 1, not 2"),
    ("[[macro]]", "[macro]", "macro: must be a valid list, not a mapping"),
    ('name = "mine"', "", "name: must be given"),
    ("[ports]", "[ports", "this is not valid TOML: "),
], ids=str)
def test_a_damaged_map_is_refused_in_one_sentence(tmp_path, old, new, sentence):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(MacroFault) as fault:
        load_map(path)
    assert str(fault.value).startswith(f"{path}: {sentence}")
    assert "\n" not in str(fault.value)


def test_cells_are_listed_once(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD + GOOD[GOOD.index("[[macro]]"):])
    with pytest.raises(MacroFault, match="cells must be listed once$"):
        load_map(path)


@pytest.mark.parametrize(("raw", "sentence"), [
    (b"\xff", "macro map must be UTF-8 text"),
    (b"#" * (MAX_BYTES + 1), f"macro map must be at most {MAX_BYTES} bytes"),
    (b"a = " + b"[" * 50_000, ""),
], ids=["bytes", "size", "depth"])
def test_a_file_that_is_no_map_is_refused(tmp_path, raw, sentence):
    path = tmp_path / "mine.toml"
    path.write_bytes(raw)
    with pytest.raises(MacroFault, match=f"^{path}: {sentence}"):
        load_map(path)


def test_a_map_that_is_not_there_is_refused():
    with pytest.raises(MacroFault) as fault:
        load_map("sky130")
    assert str(fault.value) == ("sky130: no such macro map; named ones are asap7, sg13g2, or give "
                                "the path of a file")


def test_shipped_maps_say_where_their_numbers_come_from():
    assert map_names() == ["asap7", "sg13g2"]
    for name in map_names():
        found = load_map(name)
        assert found.name == name and len(found.source) > 40
        assert all(macro.read_pj and macro.write_pj for macro in found.macro)


def test_7_nm_is_scaled_as_it_says():
    """Horowitz's 45 nm by Stillmaker and Baas; TSMC's bit cell, with SG13G2's periphery."""
    at_7 = 0.1776 * 0.7 ** 2 - 0.09097 * 0.7 + 0.02447
    at_45 = 1.018 * 0.9 ** 2 - 0.3107 * 0.9 + 0.1539
    small, large = (next(macro for macro in load_map("sg13g2").macro
                         if (macro.words, macro.bits) == (words, 64)) for words in (64, 2048))
    bit = (large.area_um2 - small.area_um2) / (2048 - 64) / 64
    around = small.area_um2 / bit - 64 * 64
    found = load_map("asap7")
    assert found.ports is None
    for macro in found.macro:
        energy = 10 * sqrt(macro.words * 8 / 8192) * at_7 / at_45
        assert macro.read_pj == macro.write_pj == pytest.approx(energy, abs=1e-4)
        assert macro.area_um2 == pytest.approx(0.027 * (macro.words * 64 + around), abs=0.1)
    [cache] = [macro for macro in found.macro if macro.words == 1024]  # 8 KiB
    assert cache.read_pj == pytest.approx(10 * 0.0684, abs=1e-3)
