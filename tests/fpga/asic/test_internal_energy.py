# SPDX-License-Identifier: Apache-2.0
"""What libraries say, as it is counted: fJ at one slew and load."""

from pathlib import Path

import pytest
from systolith.fpga.asic.internal_energy import terms
from systolith.fpga.asic.liberty import read_libraries

from .cells import LIBRARY

OSU018 = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")


def total(cell, event, pin, *, slew=20.0, load=2.0):
    """fJ of an event."""
    return sum(term.weight * term.table.at(slew, load) for term in terms(cell)
               if (term.event, term.pin) == (event, pin))


def read(pdk, technology, part="*"):
    return read_libraries(sorted((pdk / technology).glob(f"*{part}*.lib.gz"))).cells


@pytest.mark.parametrize(("cell", "event", "pin", "expected"), [
    ("INV", "rise", "Y", 1), ("INV", "fall", "Y", 3), ("XOR2", "rise", "Y", 4),
    ("XOR2", "rise", "A", 1 / 4), ("XOR2", "fall", "A", 3 / 4), ("FA", "rise", "CON", 4),
    ("FA", "rise", "SN", 6), ("DFF", "clocked", "CK", 7), ("DFF", "rise", "Q", 11 - 5),
    ("DFF", "fall", "Q", 13 - 5), ("DFF", "open", "D", 5), ("DFF", "shut", "D", 1),
    ("ICG", "passed", "CK", 7), ("ICG", "blocked", "CK", 3), ("ICG", "rise", "E", 6),
    ("ICG", "fall", "E", 7)])
def test_events(cell, event, pin, expected):
    assert total(LIBRARY.cells[cell], event, pin) == pytest.approx(expected)


def test_asap7(pdk):
    """A flop's idle edge by the mean of its rails: (0.24 + 0.35) / 2 fJ up and as much down; a
    change, of which the tables tell 0.57 and 0.54 fJ, less the edge's 0.29. Of a full adder, 0.15
    fJ for an event of both outputs, a half of it for each."""
    flops, gates = read(pdk, "asap7", "SEQ"), read(pdk, "asap7", "SIMPLE")
    flop = flops["DFFHQNx1_ASAP7_75t_R"]
    assert total(flop, "clocked", "CLK") == pytest.approx(0.59, abs=0.02)
    assert total(flop, "rise", "QN") == pytest.approx(0.57 - 0.29, abs=0.03)
    assert total(flop, "fall", "QN") == pytest.approx(0.54 - 0.29, abs=0.03)
    assert total(flop, "open", "D") == pytest.approx(0.19, abs=0.02)
    assert total(flop, "shut", "D") == pytest.approx(0.0, abs=0.01)
    adder = gates["FAx1_ASAP7_75t_R"]
    both = total(adder, "rise", "CON") + total(adder, "fall", "CON")
    assert both / 2 == pytest.approx(0.15 / 2, abs=0.01)
    nand = gates["NAND2xp5_ASAP7_75t_R"]
    assert total(nand, "rise", "Y") + total(nand, "fall", "Y") == pytest.approx(0.13, abs=0.02)


def test_sg13g2(pdk):
    """One rail. Edges of a flop that stays 0 take 10.8 + 10.7 fJ, of one that stays 1 11.0 + 21.1;
    cleared ones do not count. The repeated table without a condition is not another one."""
    cells = read(pdk, "sg13g2", "stdcell")
    assert total(cells["sg13g2_dfrbpq_1"], "clocked", "CLK") == pytest.approx(26.8, abs=0.3)
    assert total(cells["sg13g2_xor2_1"], "rise", "X") == pytest.approx(5.9, abs=0.5)


@pytest.mark.skipif(not OSU018.exists(), reason="needs Debian's qflow-tech-osu018")
def test_osu018():
    """The clock pin's table has no conditions: what the output's tells comes on top."""
    flop = read_libraries([OSU018]).cells["DFFPOSX1"]
    at = {"slew": 0.0, "load": 0.0}
    tables = {(power.pin, power.related): power for power in flop.powers}
    assert total(flop, "rise", "Q", **at) == pytest.approx(
        tables["Q", "CLK"].rise.at(0.0, 0.0))
    assert total(flop, "clocked", "CLK", **at) == pytest.approx(
        tables["CLK", None].rise.at(0.0, 0.0) + tables["CLK", None].fall.at(0.0, 0.0))
