# SPDX-License-Identifier: Apache-2.0
"""The core as a component that Vivado's IP catalogue takes: IP-XACT, IEEE 1685-2009."""

from collections.abc import Iterable, Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from ...rtl.accelerator import Accelerator
from ...rtl.bus.axi import Axi4, AxiLite

__all__ = ["LIBRARY", "VENDOR", "component_xml"]

SPIRIT = "http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009"
XILINX = "http://www.xilinx.com"
VENDOR, LIBRARY = "systolith", "accelerator"
FAMILIES = ("artix7", "kintex7", "spartan7", "virtex7", "zynq")
FILES = "verilog"
VIEWS = {"xilinx_anylanguagesynthesis": ":vivado.xilinx.com:synthesis",
         "xilinx_anylanguagebehavioralsimulation": ":vivado.xilinx.com:simulation"}


def component_xml(top: Accelerator, *, module: str, name: str, version: str,
                  files: Iterable[str], ports: Mapping[str, tuple[int, str]]) -> str:
    """``component.xml`` of ``top``, whose AXI ports become bus interfaces of their names.

    ``module``: its name in Verilog; ``files``: paths from this file; ``ports``: width and direction
    (in, out) by name, clock ``clk`` and reset ``rst`` among them; ``version``: as 1.0.
    """
    root = Element(_spirit("component"))
    for tag, text in (("vendor", VENDOR), ("library", LIBRARY), ("name", name),
                      ("version", version)):
        _add(root, tag, text)
    buses = {member: signature.signature
             for member, signature in top.signature.members.items()
             if signature.is_signature and isinstance(signature.signature, (Axi4, AxiLite))}
    interfaces = _add(root, "busInterfaces")
    spaces, maps = Element(_spirit("addressSpaces")), Element(_spirit("memoryMaps"))
    for bus, signature in buses.items():
        _bus(interfaces, bus, signature, ports)
        if bus.startswith("m_"):
            _space(spaces, bus, signature)
        else:
            _map(maps, bus, signature)
    _signal(interfaces, "clk", "clock", "CLK", "slave",
            {"ASSOCIATED_BUSIF": ":".join(buses), "ASSOCIATED_RESET": "rst"})
    _signal(interfaces, "rst", "reset", "RST", "slave", {"POLARITY": "ACTIVE_HIGH"})
    _signal(interfaces, "irq", "interrupt", "INTERRUPT", "master", {"SENSITIVITY": "LEVEL_HIGH"})
    root.extend(part for part in (spaces, maps) if len(part))
    _model(root, module, ports)
    _files(root, files)
    _add(root, "description", f"Systolith int8 neural-network accelerator {name}")
    _parameter(_add(root, "parameters"), "Component_Name", f"{name}_v{version.replace('.', '_')}",
               "PARAM_VALUE.Component_Name")
    _vendor_extensions(root, name)
    ElementTree.register_namespace("spirit", SPIRIT)
    ElementTree.register_namespace("xilinx", XILINX)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _spirit(tag: str) -> str:
    return f"{{{SPIRIT}}}{tag}"


def _add(parent: Element, tag: str, text: str | None = None, **attributes: str) -> Element:
    element = SubElement(parent, _spirit(tag),
                         {_spirit(key): value for key, value in attributes.items()})
    element.text = text
    return element


def _parameter(parent: Element, name: str, value: str, identity: str) -> None:
    parameter = _add(parent, "parameter")
    _add(parameter, "name", name)
    _add(parameter, "value", value, id=identity)


def _interface(parent: Element, name: str, library: str, kind: str, mode: str,
               reference: tuple[str, str] | None, ports: Mapping[str, str],
               parameters: Mapping[str, object]) -> None:
    """A bus interface: ``ports`` from logical to physical names."""
    interface = _add(parent, "busInterface")
    _add(interface, "name", name)
    for tag, suffix in (("busType", ""), ("abstractionType", "_rtl")):
        _add(interface, tag, vendor="xilinx.com", library=library, name=kind + suffix,
             version="1.0")
    side = _add(interface, mode)
    if reference is not None:
        tag, target = reference
        _add(side, tag, **{tag: target})
    maps = _add(interface, "portMaps")
    for logical, physical in ports.items():
        port_map = _add(maps, "portMap")
        _add(_add(port_map, "logicalPort"), "name", logical)
        _add(_add(port_map, "physicalPort"), "name", physical)
    values = _add(interface, "parameters")
    for key, value in parameters.items():
        _parameter(values, key, str(value), f"BUSIFPARAM_VALUE.{name.upper()}.{key}")


def _bus(parent: Element, name: str, signature: Axi4 | AxiLite,
         ports: Mapping[str, tuple[int, str]]) -> None:
    master = name.startswith("m_")
    parameters: dict[str, object] = {
        "PROTOCOL": "AXI4" if isinstance(signature, Axi4) else "AXI4LITE",
        "DATA_WIDTH": signature.data_width, "ADDR_WIDTH": signature.address_width}
    if isinstance(signature, Axi4):
        parameters |= {"ID_WIDTH": signature.id_width,
                       "SUPPORTS_NARROW_BURST": int(not master),
                       "MAX_BURST_LENGTH": 16 if master else 256}
    reference = ("addressSpaceRef" if master else "memoryMapRef", name)
    _interface(parent, name, "interface", "aximm", "master" if master else "slave", reference,
               {member.upper(): f"{name}_{member}" for member in signature.members
                if f"{name}_{member}" in ports}, parameters)


def _signal(parent: Element, name: str, kind: str, logical: str, mode: str,
            parameters: Mapping[str, object]) -> None:
    _interface(parent, name, "signal", kind, mode, None, {logical: name}, parameters)


def _space(parent: Element, name: str, signature: Axi4 | AxiLite) -> None:
    space = _add(parent, "addressSpace")
    _add(space, "name", name)
    _add(space, "range", str(1 << signature.address_width))
    _add(space, "width", str(signature.data_width))


def _map(parent: Element, name: str, signature: Axi4 | AxiLite) -> None:
    memory = _add(parent, "memoryMap")
    _add(memory, "name", name)
    block = _add(memory, "addressBlock")
    usage = "memory" if isinstance(signature, Axi4) else "register"
    for tag, text in (("name", usage), ("baseAddress", "0"),
                      ("range", str(1 << signature.address_width)),
                      ("width", str(signature.data_width)), ("usage", usage)):
        _add(block, tag, text)


def _model(root: Element, module: str, ports: Mapping[str, tuple[int, str]]) -> None:
    model = _add(root, "model")
    views = _add(model, "views")
    for name, environment in VIEWS.items():
        view = _add(views, "view")
        for tag, text in (("name", name), ("envIdentifier", environment),
                          ("language", "Verilog"), ("modelName", module)):
            _add(view, tag, text)
        _add(_add(view, "fileSetRef"), "localName", FILES)
    listed = _add(model, "ports")
    for name, (width, direction) in ports.items():
        port = _add(listed, "port")
        _add(port, "name", name)
        wire = _add(port, "wire")
        _add(wire, "direction", direction)
        if width > 1:
            vector = _add(wire, "vector")
            _add(vector, "left", str(width - 1))
            _add(vector, "right", "0")


def _files(root: Element, files: Iterable[str]) -> None:
    group = _add(_add(root, "fileSets"), "fileSet")
    _add(group, "name", FILES)
    for path in files:
        file = _add(group, "file")
        _add(file, "name", path)
        _add(file, "fileType", "verilogSource")


def _vendor_extensions(root: Element, name: str) -> None:
    core = SubElement(_add(root, "vendorExtensions"), f"{{{XILINX}}}coreExtensions")
    families = SubElement(core, f"{{{XILINX}}}supportedFamilies")
    for family in FAMILIES:
        SubElement(families, f"{{{XILINX}}}family",
                   {f"{{{XILINX}}}lifeCycle": "Production"}).text = family
    taxonomies = SubElement(core, f"{{{XILINX}}}taxonomies")
    SubElement(taxonomies, f"{{{XILINX}}}taxonomy").text = "/UserIP"
    SubElement(core, f"{{{XILINX}}}displayName").text = f"Systolith {name}"
    SubElement(core, f"{{{XILINX}}}coreRevision").text = "1"
