# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest
from systolith.fpga.asic.energy import measure
from systolith.fpga.asic.simulation import Simulator
from systolith.fpga.asic.stimuli import stimulus
from systolith.fpga.asic.tpe_energy import compare_with_golden, energy_per_mac
from systolith.fpga.asic.workloads import seeded

from .elements import mapped


@pytest.mark.parametrize("shape", ["sa", "sta-dbb", "vdbb", "s2ta-aw"])
def test_netlists_are_golden_s_equals(shape):
    f, library, netlist = mapped(shape)
    densities = 2 if shape in ("sta-dbb", "s2ta-aw", "vdbb") else 1
    assert compare_with_golden(Simulator(netlist, library), f) == 2 * densities * 8 * 2 * f.a * f.c


def test_every_wrong_gate_is_found():
    """Any NAND that is a NOR, but for the reset's."""
    f, library, netlist = mapped("sa")
    reset = netlist.inputs["rst"][0]
    places = [k for k, each in enumerate(netlist.instances)
              if each.cell == "NAND2" and reset not in each.pins.values()]
    for place in places[::8]:
        broken = netlist.copy()
        broken.instances[place] = replace(broken.instances[place], cell="NOR2")
        with pytest.raises(ValueError, match="^Sum of column|^east|^south"):
            compare_with_golden(Simulator(broken, library), f)


def test_energy_of_a_mac():
    f, library, netlist = mapped("sa")
    simulator = Simulator(netlist, library)
    run = stimulus(f, seeded(depth=64, nnz=4), tiles=4)
    found = energy_per_mac(simulator, run)
    whole, *_ = measure(simulator, run.ports, first=run.first, last=run.last)
    assert (run.last - run.first, run.macs) == (3 * (64 + 1), 3 * 64)
    assert found.timed.total == pytest.approx(whole.timed.total * 65 / 64)
    assert found.timed.total > found.zero_delay.total > 0
    assert found.zero_delay.clock == found.timed.clock


def test_energy_of_a_wrong_netlist_is_refused():
    f, library, netlist = mapped("sa")
    run = stimulus(f, seeded(depth=64), tiles=4)
    run.sums[2] = run.sums[2][0], run.sums[2][1] + 1
    with pytest.raises(ValueError, match="^Sum of column 0 in cycle"):
        energy_per_mac(Simulator(netlist, library), run)


def test_a_netlist_that_is_too_slow_is_refused():
    f, library, netlist = mapped("sa")
    run = stimulus(f, seeded(depth=64), tiles=4)
    with pytest.raises(ValueError, match="^Netlist must settle within 17 ps, not"):
        energy_per_mac(Simulator(netlist, library), run, timing=20.0)
