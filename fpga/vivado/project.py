# SPDX-License-Identifier: Apache-2.0
"""Writes a Vivado project for a board. Not yet run in Vivado."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from ...gen.build import accelerator, arithmetic
from ...gen.emit.package import leaves_first, split_modules
from ...gen.emit.platform import EmittingPlatform, ports_of
from ...gen.spec import Spec
from ...rtl.accelerator import Accelerator
from ...rtl.board.shell import BoardShell
from ...rtl.bus.register_map import ADDRESS_WIDTH
from ...rtl.compact.accelerator import CompactAccelerator
from ..boards.board import BOARDS, Board
from ..boards.pll import PllFault
from ..boards.top import SHELL, BoardTop, clock_of
from ..boards.top import TOP as BOARD_TOP
from .ipxact import LIBRARY, VENDOR, component_xml
from .mmcm import Mmcm

__all__ = ["VIVADO_BOARDS", "VivadoFault", "write_ip", "write_vivado_project"]

TOP = "systolith"
DESIGN = "system"
"""The block design of a Zynq board."""
SCRIPTS = Path(__file__).with_name("tcl")
REGISTERS_BASE = 0x43C0_0000
WINDOW_BASE = 0x4400_0000
"""Where a Zynq's processors see the core, in what M_AXI_GP0 reaches."""
MOST_WINDOW = 64 << 20
"""Bytes: what ``WINDOW_BASE`` is a multiple of."""


class VivadoFault(ValueError):
    """A spec does not fit a board's project: one sentence."""


@dataclass(frozen=True)
class _Zynq:
    """Vivado's name of a board, and the pin of its first LED, which shows the interrupt."""

    board_part: str
    led: str


# Pins: Digilent, Zybo-Z7-Master.xdc, led[0]; TUL, PYNQ-Z2 v1.0.xdc, led[0]; both LVCMOS33.
ZYNQ = {"zybo-z7": _Zynq("digilentinc.com:zybo-z7-10:part0:1.1", "M14"),
        "pynq-z2": _Zynq("tul.com.tw:pynq-z2:part0:1.0", "R14")}
VIVADO_BOARDS = ("arty-a7", *ZYNQ)
"""Names of the boards that there are projects for."""


def write_vivado_project(spec: Spec, board: str, directory: Path, *,
                         baud: int = 1_000_000) -> list[str]:
    """Write a project for ``board`` into the folder ``directory``; returns the files' paths in it.

    ``vivado -mode batch -source build.tcl`` there makes the bitstream. On ``arty-a7`` the core is
    reached by UART, at ``baud``; on the others it is a peripheral of the processors, as IP-XACT in
    ``ip``. Clock: the spec's, or the nearest below that the board makes of its own. Raises
    VivadoFault.
    """
    if board not in VIVADO_BOARDS:
        raise VivadoFault(f"Board must be {', '.join(VIVADO_BOARDS)}, not {board!r}")
    _check_axi(spec)
    if board in ZYNQ:
        return _zynq_project(spec, BOARDS[board], ZYNQ[board], directory)
    return _uart_project(spec, replace(BOARDS[board], pll=Mmcm()), directory, baud)


def write_ip(spec: Spec, directory: Path) -> list[str]:
    """Write the core of ``spec`` as an IP-XACT component into the folder ``directory``; returns
    the files' paths in it. Raises VivadoFault."""
    _check_axi(spec)
    return _write_component(spec, accelerator(spec), directory)


def _write_component(spec: Spec, top: Accelerator | CompactAccelerator,
                     directory: Path) -> list[str]:
    source, names = EmittingPlatform(TOP, arithmetic(spec)).convert(top, TOP)
    files = _write_modules(source, directory / "rtl", f"{spec.name}: core")
    known = {name: (len(value), direction.value.removesuffix("put"))
             for name, (value, direction) in ports_of(top).items()}
    ports = {name: known.get(name, (1, "in")) for name in names}
    paths = [f"rtl/{name}" for name in files]
    (directory / "component.xml").write_text(component_xml(
        top, module=TOP, name=_name(spec), version=_version(), files=paths, ports=ports))
    return ["component.xml", *paths]


def _check_axi(spec: Spec) -> None:
    if spec.bus.control != "axi4-lite" or spec.bus.window == "wishbone":
        raise VivadoFault("bus must be AXI for a project in Vivado, not Wishbone; set bus.control "
                          "to axi4-lite and bus.window to axi4")
    if spec.front_end.layers is not None:
        raise VivadoFault("front_end.layers must be null for a project in Vivado, where nothing "
                          f"sends frames, not {spec.front_end.layers}; set it to null")


def _zynq_project(spec: Spec, board: Board, zynq: _Zynq, directory: Path) -> list[str]:
    (directory / "ip").mkdir()
    top = accelerator(spec)
    files = [f"ip/{path}" for path in _write_component(spec, top, directory / "ip")]
    members = top.signature.members
    window_range = 1 << members["s_axi"].signature.address_width if "s_axi" in members else 0
    if window_range > MOST_WINDOW:
        raise VivadoFault(f"memory must be within a window of 64 MiB, not {window_range >> 20} MiB;"
                          " make memory.activations and memory.weights smaller")
    settings = {
        "name": _name(spec), "part": board.part, "board_part": zynq.board_part, "zynq": 1,
        "top": DESIGN, "clock_mhz": spec.target.clock_mhz,
        "core": f"{VENDOR}:{LIBRARY}:{_name(spec)}:{_version()}",
        "window": int(spec.bus.window is not None), "dma": int(spec.bus.dma is not None),
        "registers_base": f"0x{REGISTERS_BASE:08X}",
        "registers_range": f"0x{1 << ADDRESS_WIDTH:X}",
        "window_base": f"0x{WINDOW_BASE:08X}", "window_range": f"0x{window_range:X}"}
    constraints = _pin("irq", zynq.led, {"IOSTANDARD": "LVCMOS33"})
    return files + _write_scripts(settings, constraints, directory, "design.tcl")


def _uart_project(spec: Spec, board: Board, directory: Path, baud: int) -> list[str]:
    try:
        clock_mhz, setting = clock_of(board, spec.target.clock_mhz)
        shell = BoardShell(accelerator(spec), clock_hz=round(1e6 * clock_mhz), baud=baud)
    except (PllFault, ValueError) as fault:
        raise VivadoFault(f"{board.name}: {fault}") from None
    source, _ = EmittingPlatform(SHELL, arithmetic(spec)).convert(shell, SHELL)
    files = [f"rtl/{name}" for name in _write_modules(source, directory / "rtl", spec.name)]
    files.append(f"rtl/{BOARD_TOP}.v")
    (directory / files[-1]).write_text(
        f"// SPDX-License-Identifier: Apache-2.0\n// {spec.name} on {board.name}\n"
        + BoardTop(board, setting).verilog())
    settings = {"name": _name(spec), "part": board.part, "zynq": 0, "top": BOARD_TOP,
                "clock_mhz": f"{clock_mhz:g}", "sources": "{\n" + "".join(
                    f"    {path}\n" for path in files) + "}"}
    pads = board.pads
    constraints = "".join(_pin(port, pin.site, pin.attributes) for port, pin in pads.pins.items())
    constraints += (f"create_clock -name clk -period {1000 / pads.clock_mhz:.3f} "
                    "[get_ports clk]\n"
                    "set_false_path -from [get_ports rx]\n"
                    "set_false_path -to [get_ports {tx busy failed}]\n")
    return files + _write_scripts(settings, constraints, directory)


def _write_modules(source: str, directory: Path, title: str) -> list[str]:
    """A file a module; their names, each behind those of what it instantiates."""
    directory.mkdir()
    modules = split_modules(source)
    names = leaves_first(modules)
    for name in names:
        (directory / f"{name}.v").write_text(
            f"// SPDX-License-Identifier: Apache-2.0\n// {title}: {name}\n{modules[name]}")
    return [f"{name}.v" for name in names]


def _write_scripts(settings: Mapping[str, object], constraints: str, directory: Path,
                   *more: str) -> list[str]:
    licence = "# SPDX-License-Identifier: Apache-2.0\n"
    (directory / "settings.tcl").write_text(
        licence + "".join(f"set {name} {value}\n" for name, value in settings.items()))
    (directory / "board.xdc").write_text(licence + constraints)
    scripts = ("project.tcl", "build.tcl", *more)
    for script in scripts:
        (directory / script).write_text((SCRIPTS / script).read_text())
    return ["settings.tcl", "board.xdc", *scripts]


def _pin(port: str, site: str, attributes: Mapping[str, str]) -> str:
    properties = {"PACKAGE_PIN": site} | dict(attributes)
    return ("set_property -dict {" + " ".join(f"{key} {value}" for key, value in properties.items())
            + f"}} [get_ports {port}]\n")


def _name(spec: Spec) -> str:
    """The spec's name as Vivado takes it."""
    return f"systolith_{spec.name.replace('-', '_')}"


def _version() -> str:
    return ".".join(version("systolith").split(".")[:2])
