# SPDX-License-Identifier: Apache-2.0
"""The emitting platform: every distinct ``Cell`` becomes one module.

The only file that uses private parts of Amaranth (0.5), since the public converter writes one
module an instance.
"""

import contextlib
import gc
from collections.abc import Callable, Iterable, Iterator
from unittest.mock import patch

from amaranth import ClockSignal, Instance, Module, ResetSignal
from amaranth._toolchain.yosys import find_yosys
from amaranth.back import rtlil
from amaranth.hdl import Value, _ast, _ir, _nir
from amaranth.lib.wiring import In

from ...rtl.arith.arithmetic import Arithmetic
from ...rtl.arith.dot_product import DotProduct
from ...rtl.arith.fabric import FabricArithmetic
from ...rtl.arith.popcount import Popcount
from ...rtl.arith.product_sum import plain_product
from ...rtl.cell import Cell

__all__ = ["EmittingPlatform", "ports_of"]

# Memories and registers carry no initial values: memories are swappable for macros, registers have
# a reset.
SCRIPT = """\
read_rtlil <<rtlil
{text}
rtlil
hierarchy -check -top {top}
{processes}
memory_collect
attrmap -remove init
{writing}
"""
DECLARATIONS = """\
select =A:blackbox
write_verilog -blackboxes -selected -
"""


class EmittingPlatform:
    """Collects modules as RTLIL while components are elaborated, then writes them as Verilog.

    ``prefix`` starts the name of every module, so that designs can share a library. Dot products
    are built as ``arithmetic`` says, or left to the synthesiser. Modules have one clock ``clk`` and
    one synchronous reset ``rst``, or neither; ValueError for any other. ``DomainRenamer`` may be
    put around a cell; ``ResetInserter`` and ``EnableInserter`` may not, since they do not reach
    into an instance.
    """

    PROCESSES = "proc -nomux -norom"
    """Yosys commands that make of processes what is written: with ``-nomux`` themselves, otherwise
    multiplexers."""
    WRITING = "write_verilog -noattr -"
    """Yosys commands that write, with the attributes that shall be seen."""

    def __init__(self, prefix: str, arithmetic: Arithmetic | FabricArithmetic | None = None):
        self.prefix = prefix
        self.arithmetic = arithmetic
        self.modules: dict[str, str] = {}     # cell module name -> RTLIL
        self.black_boxes: set[str] = set()    # names of those modules that have no body
        self._clocked: dict[str, set[str]] = {}  # ... -> clk, rst as needed
        self._faces: dict[str, tuple] = {}       # ... -> class and ports of the first one
        self._top: object = None

    def get_cell(self, cell: Cell) -> Instance | Module:
        """An instance of the cell's module, which is converted at its first use; of the top, its
        body.

        Raises ValueError where a cell of the same name has another class or other ports.
        """
        if cell is self._top:
            return cell.body(self)
        name = f"{self.prefix}_{cell.module_name}"
        ports = ports_of(cell)
        face = (type(cell).__qualname__,
                *((port, len(value), flow.value) for port, (value, flow) in ports.items()))
        if self._faces.setdefault(name, face) != face:
            raise ValueError(f"Cells of one name must have one class and the same ports, "
                             f"not {self._faces[name]!r} and {face!r}")
        if name not in self.modules:
            self.modules[name], self._clocked[name] = self.convert_cell(cell, name, ports)
        connections = {}
        for port, (value, direction) in ports.items():
            kind = "i" if direction is _ir.PortDirection.Input else "o"
            connections[f"{kind}_{port}"] = value
        if "clk" in self._clocked[name]:
            connections["i_clk"] = ClockSignal()
        if "rst" in self._clocked[name]:
            connections["i_rst"] = ResetSignal()
        return Instance(name, **connections)

    def get_dot_product(self, dot: DotProduct) -> Module:
        """The dot product in the platform's arithmetic."""
        return dot.plain() if self.arithmetic is None else self.arithmetic.dot_product(dot)

    def get_popcount(self, counter: Popcount) -> Module:
        """The count of ones in the platform's arithmetic."""
        return getattr(self.arithmetic, "popcount", Popcount.plain)(counter)

    def get_product(self, m: Module, tap: int, activation: Value, weight: Value) -> Value:
        """Product ``tap`` of a pipelined sum, in the platform's arithmetic."""
        product = getattr(self.arithmetic, "product", plain_product)
        return product(m, tap, activation, weight)

    def convert_cell(self, cell: Cell, name: str, ports: dict) -> tuple[str, set[str]]:
        """RTLIL of the cell's module, and which of clk and rst it has."""
        return self.convert_body(cell.body(self), name, ports)

    def declare(self, name: str, pins: Iterable[tuple[str, int, bool]],
                parameters: Iterable[str] = ()) -> str:
        """RTLIL of a black box with ``pins`` (name, width, whether it is an input) and
        ``parameters`` of these names."""
        self.black_boxes.add(name)
        design = rtlil.Design(emit_src=False)
        module = design.module(name, attrs={"blackbox": 1})
        del module.attributes["generator"]
        for parameter in parameters:
            module.contents[f"parameter {parameter}"] = _Parameter(parameter)
        for pin, width, is_input in pins:
            flow = _nir.ModuleNetFlow.Input if is_input else _nir.ModuleNetFlow.Output
            module.wire(width, name=pin, port_kind=flow.value)
        return str(design)

    def declare_black_box(self, name: str, pins: Iterable[tuple[str, int, bool]],
                          parameters: Iterable[str]) -> None:
        """Make known a module that somebody else writes, unless it is; see ``declare``."""
        if name not in self.modules:
            self.modules[name] = self.declare(name, pins, parameters)

    def convert(self, component, name: str) -> tuple[str, list[str]]:
        """Verilog of ``component`` as module ``name`` with all that it uses, and its ports; behind
        it that of the black boxes."""
        with _quick():
            ports = ports_of(component)
            self._top = component
            text, inputs = self.convert_body(component, name, ports)
            self.modules[name] = text
            script = SCRIPT.format(text="\n".join(self.modules.values()), top=name,
                                   processes=self.PROCESSES, writing=self.WRITING)
            if self.black_boxes:
                script += DECLARATIONS
            yosys = find_yosys(lambda version: version >= (0, 40))
            source = yosys.run(["-q", "-"], script, ignore_warnings=True)
        return source, sorted(ports) + sorted(inputs)

    def convert_body(self, elaboratable, name: str, ports: dict) -> tuple[str, set[str]]:
        """RTLIL of a module ``name`` with ``ports``, and which of clk and rst it has as well."""
        fragment = _ir.Fragment.get(elaboratable, self)
        netlist = _ir.build_netlist(fragment, ports=ports, name=name)
        inputs = set(netlist.modules[0].ports) - set(ports)
        if inputs - {"clk", "rst"}:
            raise ValueError(f"Clock and reset of {name} must be 'clk' and 'rst', "
                             f"not {sorted(inputs)!r}")
        for module in netlist.modules[1:]:
            module.name = ("_".join((name, *module.name[1:])).replace("$", "_"),)
        for signal, fields in netlist.signal_fields.items():
            netlist.signal_fields[signal] = {(): fields[()]}  # no alias wire for every field
        checker = rtlil.EmptyModuleChecker(netlist)
        design = rtlil.Design(emit_src=False)
        names = _ast.SignalDict()
        for index, module in enumerate(netlist.modules):
            if checker.is_empty(index):
                continue
            builder = design.module(".".join(module.name), src_loc=None)
            rtlil.ModuleEmitter(builder, netlist, module, names, empty_checker=checker).emit()
        return str(design), inputs


class _Parameter:
    """A black box's parameter, of which RTLIL has the name alone."""

    def __init__(self, name: str):
        self.name = name

    def emit(self, line: Callable[[str], None]) -> None:
        line(f"parameter \\{self.name}")


@contextlib.contextmanager
def _quick() -> Iterator[None]:
    """Halves the time of a conversion, whose result stays the same.

    The netlist is one large live structure, so collecting garbage is in vain; its values need
    not be checked again net by net; combinational loops, which the simulator and the linter find,
    are not looked for a third time; and initial contents of memories are not written out.
    """

    def value(cls, nets=()):
        return tuple.__new__(cls, (nets,) if isinstance(nets, _nir.Net) else nets)

    def resolve_value(netlist, nets):
        if not nets or min(nets) >= 0:  # negative: a signal's net, known only at the end
            return nets
        connections, resolved = netlist.connections, []
        for net in nets:
            while net < 0:
                net = connections[net]
            resolved.append(net)
        return tuple.__new__(_nir.Value, resolved)

    enabled = gc.isenabled()
    gc.disable()
    try:
        with (patch.object(_nir.Value, "__new__", value),
              patch.object(_nir.Netlist, "resolve_value", resolve_value),
              patch.object(_nir.Netlist, "check_comb_cycles", lambda self: None),
              patch.object(rtlil.ModuleEmitter, "emit_memory", lambda *_: None)):
            yield
    finally:
        if enabled:
            gc.enable()


def ports_of(component) -> dict:
    """Ports of at least one bit by name, path members joined with single underscores."""
    ports = {}
    for path, member, value in component.signature.flatten(component):
        direction = (_ir.PortDirection.Input if member.flow == In else _ir.PortDirection.Output)
        if len(Value.cast(value)):
            ports["_".join(map(str, path))] = (Value.cast(value), direction)
    return ports
