# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest
from systolith.fpga.asic.ppa.goals import (
    GOALS,
    Ratio,
    area_ratio,
    best,
    both,
    energy_ratio,
    findings,
    network_ratio,
)
from systolith.rtl.arith.partial_products import Multiplier

from .made_up import FAST, OWN, RELAXED, bench, network, result

SMALLER = replace(OWN, multiplier=Multiplier.DISTRIBUTED)


def test_ratios_say_what_they_may_be_off_by():
    assert str(Ratio(2.0, 0.15)) == "2.00 (1.70-2.30)"


def test_the_baseline_is_the_smallest_and_for_energies_the_most_frugal():
    dbb = result("STA-DBB", FAST, 15.0, 50.0)
    made = bench([result("SA", FAST, 45.0, 120.0), result("SA", FAST, 48.0, 100.0), dbb])
    assert best(made, "SA", FAST).area == 45.0
    assert area_ratio(made, dbb).value == pytest.approx(3.0)
    assert energy_ratio(made, dbb, "P").value == pytest.approx(2.0)


def test_ratios_need_equal_clock_and_read_out():
    dbb = result("STA-DBB", RELAXED, 15.0, 50.0)
    others = [result("SA", FAST, 45.0, 100.0),
              result("SA", RELAXED, 40.0, 90.0, overlapped=True), dbb]
    assert area_ratio(bench(others), dbb) is None
    assert energy_ratio(bench(others), dbb, "P") is None


@pytest.mark.parametrize("missing", ["SA", "STA"])
def test_no_ratio_where_one_misses_the_clock(missing):
    sta = result("STA", FAST, 20.0, 60.0, met=missing != "STA")
    made = bench([result("SA", FAST, 45.0, 100.0, met=missing != "SA"), sta])
    assert area_ratio(made, sta) is None
    assert energy_ratio(made, sta, "P") is None


def test_energy_of_networks_is_with_memories():
    made = bench([], networks=[network("SA-ZVCG", 300.0, 100.0), network("S2TA-AW", 100.0, 60.0)])
    assert network_ratio(made, "S2TA-AW").value == pytest.approx(400 / 160)
    assert network_ratio(made, "S2TA-AW", factor=2.0).value == pytest.approx(500 / 220)
    assert network_ratio(made, "STA") is None


@pytest.mark.parametrize("area, state", [(19.0, "goal"), (20.0, "floor"), (21.0, "missed")])
def test_goals_floors_and_misses(area, state):
    made = bench([result("SA", RELAXED, 45.0, 100.0), result("STA", RELAXED, area, 60.0)])
    found = {(each.goal.engine, each.goal.quantity): each for each in findings(made)}
    assert found["STA", "area"].state == state
    assert found["STA", "area"].clock == "500 MHz"
    assert found["VDBB", "area"].state == "not measured"
    assert len(list(findings(made))) == len(GOALS)


def test_scaling_is_that_of_one_netlist():
    made = bench([result("VDBB", RELAXED, 25.0, 60.0, **{"1/8": 20.0})])
    found = next(each for each in findings(made) if each.goal.quantity.endswith("1/8"))
    assert found.reached.value == pytest.approx(3.0)
    assert found.state == "goal"


def test_areas_and_energies_may_be_of_different_netlists():
    made = bench([result("SA", RELAXED, 45.0, 100.0),
                  result("STA", RELAXED, 18.0, 70.0, variant=SMALLER),
                  result("STA", RELAXED, 21.0, 50.0)])
    found = {each.goal.quantity: each for each in findings(made) if each.goal.engine == "STA"}
    assert (found["area"].variant, found["energy"].variant) == (str(SMALLER), str(OWN))
    assert found["area"].reached.value == pytest.approx(2.5)
    assert found["energy"].reached.value == pytest.approx(2.0)


@pytest.mark.parametrize("area, held", [(20.0, True), (21.0, False)])
def test_one_netlist_must_meet_both_floors(area, held):
    """Floors of STA: 2.2 times the area, 1.6 times the energy."""
    made = bench([result("SA", RELAXED, 45.0, 100.0),
                  result("STA", RELAXED, 15.0, 90.0, variant=SMALLER),
                  result("STA", RELAXED, area, 60.0)])
    one, = both(made)
    assert (one.engine, one.held, one.variant) == ("STA", held, str(OWN))


def test_what_misses_the_clock_is_not_the_best():
    made = bench([result("STA", RELAXED, 15.0, 40.0, met=False),
                  result("STA", RELAXED, 20.0, 60.0)])
    assert best(made, "STA", RELAXED).area == best(made, "STA", RELAXED, "P").area == 20.0
