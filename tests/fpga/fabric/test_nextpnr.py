# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.fpga.fabric.devices import DEVICES, FAMILIES
from systolith.fpga.fabric.nextpnr import Overflow, route, utilisation
from systolith.fpga.fabric.tools import ToolFault
from systolith.fpga.fabric.yosys import NETLIST, synthesise

from .test_yosys import products

LOG = """Info: Device utilisation:
Info: \t         ICESTORM_LC:     136/   5280     2%
Info: \t        ICESTORM_RAM:      31/     30   103%

Info: Placed 0 cells based on constraints.
"""


def test_utilisation_is_read_from_the_log():
    assert utilisation(LOG) == {"ICESTORM_LC": (136, 5280), "ICESTORM_RAM": (31, 30)}


def routed(folder, count, **options):
    family = FAMILIES["ice40"]
    (folder / "a.v").write_text(products(count))
    synthesise(["a.v"], "products", family, folder, **options)
    return route(family, NETLIST, [*DEVICES["iCE40UP5K"].nextpnr, "--pcf-allow-unconstrained"],
                 folder, seed=1, megahertz=24)


def test_a_route_tells_clock_and_use(tmp_path):
    found = routed(tmp_path, 2)
    assert 5 < found.fmax < 200
    assert found.used["ICESTORM_DSP"] == (2, 8)
    assert "Max frequency" in (tmp_path / "nextpnr.log").read_text()


def test_too_much_is_told_by_how_much(tmp_path):
    with pytest.raises(Overflow) as caught:
        routed(tmp_path, 12)
    assert caught.value.lacks == {"dsp": (12, 8)}


def test_any_other_end_is_a_fault(tmp_path):
    (tmp_path / NETLIST).write_text("no netlist")
    with pytest.raises(ToolFault, match="^nextpnr-ice40 must place and route the design, but "):
        route(FAMILIES["ice40"], NETLIST, DEVICES["iCE40UP5K"].nextpnr, tmp_path, seed=1)
