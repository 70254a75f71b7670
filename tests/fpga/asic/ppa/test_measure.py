# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest
from systolith.fpga.asic.gates import gate_library
from systolith.fpga.asic.ppa import measure
from systolith.fpga.asic.ppa.designs import OWN, Point
from systolith.fpga.asic.ppa.measure import Job, Mismatch, has_power, run
from systolith.fpga.asic.technology import load_technology
from systolith.rtl.arith.carry_save import FinalAdder
from systolith.rtl.arith.partial_products import Multiplier

from .made_up import SMALL

TECHNOLOGY = load_technology("gates")
LIBRARY = gate_library(TECHNOLOGY)
RELAXED = Point(3000.0, True)
SA, STA = SMALL


def job(engine, **more):
    return Job(engine=engine, **{"point": RELAXED, "overlapped": False, "variants": [OWN]} | more)


def test_a_netlist_is_compared_with_golden_before_it_counts():
    found, = run(job(SA), LIBRARY, TECHNOLOGY)
    assert found.met and found.path <= 3000.0
    assert found.compared == 2 * 8 * 2  # operands of both signs, 8 tiles of a sum, and one above
    assert (found.energies, found.tiles) == ({}, {})
    assert found.area == found.tpe_area


def test_area_is_that_of_a_mac():
    found, = run(job(STA, overlapped=True), LIBRARY, TECHNOLOGY)
    assert found.area == pytest.approx(found.tpe_area / 4)


@pytest.mark.slow
def test_of_variants_that_meet_the_clock_the_smallest_and_the_most_frugal_are_there(monkeypatch):
    choices = [OWN, replace(OWN, multiplier=Multiplier.BOOTH),
               replace(OWN, final=FinalAdder.RIPPLE)]
    every = {variant: run(job(SA, variants=[variant]), LIBRARY, TECHNOLOGY)[0].area
             for variant in choices}
    found = run(job(SA, variants=choices), LIBRARY, TECHNOLOGY)
    assert [each.variant for each in found] == [min(every, key=every.get)]
    monkeypatch.setattr(measure, "has_power", lambda library: True)
    energies = {variant: run(job(SA, variants=[variant]), LIBRARY, TECHNOLOGY)[0].energies["P"]
                for variant in choices}
    both = {min(every, key=every.get),
            min(energies, key=lambda each: energies[each].timed.total)}
    assert {each.variant for each in run(job(SA, variants=choices), LIBRARY, TECHNOLOGY)} == both


def test_of_variants_that_miss_the_clock_the_fastest_is_there():
    booth = replace(OWN, multiplier=Multiplier.BOOTH)
    found, = run(job(SA, point=Point(1.0, False), variants=[OWN, booth]), LIBRARY, TECHNOLOGY)
    assert not found.met


def test_energies_of_workloads_densities_and_layers(monkeypatch):
    monkeypatch.setattr(measure, "has_power", lambda library: True)
    layer = measure.seeded(depth=16, nnz=4)
    found, = run(job(SA, densities=(1,), layers={"conv": layer}, above=2), LIBRARY, TECHNOLOGY)
    assert set(found.energies) == {"P", "I", "P, draining", "1/8"}
    assert found.energies["P"].timed.total > found.energies["I"].timed.total
    assert found.energies["P, draining"].timed.total > found.energies["P"].timed.total
    assert 8 * found.energies["P"].timed.total < found.tiles["conv"] < (
        32 * found.energies["P"].timed.total)
    assert found.compared > 32 + 4 * 2 * 65


def test_a_wrong_netlist_is_a_mismatch(monkeypatch):
    def swapped(*args, **more):
        netlist, report = real(*args, **more)
        reset = netlist.inputs["rst"][0]
        place = next(k for k, each in enumerate(netlist.instances)
                     if each.cell == "XOR2" and reset not in each.pins.values())
        netlist.instances[place] = replace(netlist.instances[place], cell="XNOR2")
        return netlist, report

    real = measure.implement
    monkeypatch.setattr(measure, "implement", swapped)
    with pytest.raises(Mismatch, match="^SA, 3000, in place, .*: netlist must equal golden: "):
        run(job(SA), LIBRARY, TECHNOLOGY)


def test_gate_equivalents_have_no_power():
    assert not has_power(LIBRARY)
