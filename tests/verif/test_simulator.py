# SPDX-License-Identifier: Apache-2.0
"""Simulators are kept between runs, for whichever environment runs them."""

import pytest
from cocotb_tools.config import libs_dir
from systolith.verif.simulator import SimulationFault, build, recall

pytestmark = pytest.mark.xdist_group("simulator")
VERILOG = "module top(input clk, output reg q); always @(posedge clk) q <= ~q; endmodule\n"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("simulators")


@pytest.fixture(scope="module")
def first(cache):
    """The first simulator of all."""
    return build(VERILOG, top="top", ports=["clk", "q"], cache=cache)


def test_built_once_and_holds_no_path(first, cache):
    stamp = (first.folder / "top").stat().st_mtime_ns
    again = build(VERILOG, top="top", ports=["clk", "q"], cache=cache)
    assert again.folder == first.folder
    assert (again.folder / "top").stat().st_mtime_ns == stamp
    assert str(libs_dir).encode() not in (first.folder / "top").read_bytes()


def test_another_design_is_another_simulator(first, cache):
    other = build(VERILOG.replace("~q", "q"), top="top", ports=["clk", "q"], cache=cache)
    assert other.folder != first.folder
    # Verilator's own objects are compiled for the first design only.
    assert "verilated_vpi.cpp" in (first.folder / "build.log").read_text()
    assert "verilated_vpi.cpp" not in (other.folder / "build.log").read_text()
    assert {file.name for file in other.folder.iterdir()} == {
        "top", "design.v", "public.vlt", "build.log"}


def test_other_flags_are_another_simulator(first, cache):
    other = build(VERILOG, top="top", ports=["clk", "q"], flags=["--x-initial", "unique"],
                  cache=cache)
    assert other.folder != first.folder


def test_refused_verilog_is_a_sentence(tmp_path):
    with pytest.raises(SimulationFault) as caught:
        build(VERILOG.replace("~q", "~r"), top="top", ports=["clk", "q"], cache=tmp_path)
    sentence = str(caught.value).splitlines()[0]
    assert sentence.startswith("no simulator of top: %Error: design.v:1:"), sentence
    assert "variable: 'r'" in sentence


def test_recalled_by_what_it_was_made_from(cache):
    made = []
    verilog = VERILOG.replace("~q", "0")

    def make():
        made.append(1)
        return build(verilog, top="top", ports=["clk", "q"], cache=cache)

    first = recall("one spec", "top", make, cache=cache)
    assert recall("one spec", "top", make, cache=cache).folder == first.folder
    assert len(made) == 1
    recall("another spec", "top", make, cache=cache)
    assert len(made) == 2
    (first.folder / "top").unlink()  # kept notes are no simulators
    (first.folder / "design.v").unlink()
    recall("one spec", "top", lambda: made.append(1) or first, cache=cache)
    assert len(made) == 3
