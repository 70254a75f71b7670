# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest
from systolith.fpga.asic import sources
from systolith.fpga.asic.gates import gate_library
from systolith.fpga.asic.sources import Sources, macros_of
from systolith.fpga.asic.technology import TechnologyFault, load_technology


def test_gate_equivalents_need_no_library():
    library, technology = Sources().load()
    assert (library.name, technology.name) == ("gates", "gates")


def test_other_technologies_need_one():
    with pytest.raises(TechnologyFault, match="^technology asap7 must come with --liberty"):
        Sources(technology="asap7").load()


def test_gate_equivalents_take_none(monkeypatch):
    monkeypatch.setattr(sources, "read_libraries",
                        lambda paths: gate_library(load_technology("gates")))
    with pytest.raises(TechnologyFault, match="^technology gates must come without --liberty"):
        Sources(liberty=(Path("cells.lib"),), technology="gates").load()


def test_macros_are_those_of_the_technology():
    assert macros_of(load_technology("sg13g2")).name == "sg13g2"
    assert macros_of(load_technology("osu018")) is None
