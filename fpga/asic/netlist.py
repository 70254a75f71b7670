# SPDX-License-Identifier: Apache-2.0
"""Flat netlists of cells."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from .library import Library

__all__ = ["ONE", "ZERO", "Instance", "Netlist", "NetlistFault", "from_json"]

ZERO, ONE = 0, 1
"""Nets of the constants."""


class NetlistFault(ValueError):
    """What is wrong with a netlist: one sentence."""


@dataclass(frozen=True)
class Instance:
    """A cell and the number of the net at each of its pins; a pin without a net is left out."""

    name: str
    cell: str
    pins: dict[str, int]


@dataclass
class Netlist:
    """Instances on nets 0 to ``nets`` - 1, of which 0 is constant 0 and 1 constant 1.

    ``inputs`` and ``outputs``: nets of each port, least significant bit first. ``clock``: the net
    of the clock port, or None. ``children``: instances of other modules, by name the module and
    the name of its clock port, or None; their other ports are ports of the netlist, called
    ``<instance>.<port>``, what a child drives among the inputs.
    """

    name: str
    nets: int
    instances: list[Instance] = field(default_factory=list)
    inputs: dict[str, list[int]] = field(default_factory=dict)
    outputs: dict[str, list[int]] = field(default_factory=dict)
    clock: int | None = None
    children: dict[str, tuple[str, str | None]] = field(default_factory=dict)

    def area(self, library: Library) -> float:
        """Cell area in um² (gate equivalents where the library is in these)."""
        return sum(library.cells[instance.cell].area for instance in self.instances)

    def count(self) -> Counter[str]:
        """Number of instances of each cell."""
        return Counter(instance.cell for instance in self.instances)

    def copy(self) -> "Netlist":
        """An equal netlist whose list of instances can be changed alone."""
        return Netlist(self.name, self.nets, list(self.instances), dict(self.inputs),
                       dict(self.outputs), self.clock, dict(self.children))

    def check(self, library: Library) -> None:
        """Raise NetlistFault unless every cell is in ``library``, every pin one of its cell's, and
        every net that is read has exactly one driver."""
        drivers = Counter(net for nets in self.inputs.values() for net in nets)
        drivers.update((ZERO, ONE))
        read: dict[int, str] = {}
        for instance in self.instances:
            cell = library.cells.get(instance.cell)
            if cell is None:
                raise NetlistFault(f"{self.name}: cell {instance.cell} of {instance.name} must be "
                                   f"in library {library.name}")
            for pin, net in instance.pins.items():
                if pin not in cell.pins:
                    raise NetlistFault(f"{self.name}: pin {pin} of {instance.name} must be one of "
                                       f"{instance.cell}'s: {', '.join(cell.pins)}")
                if cell.pins[pin].output:
                    drivers[net] += 1
                else:
                    read[net] = f"{instance.name}/{pin}"
            for pin in cell.inputs:
                if pin not in instance.pins:
                    raise NetlistFault(f"{self.name}: input {pin} of {instance.name} must be "
                                       "connected")
        for name, nets in self.outputs.items():
            read.update((net, name) for net in nets)
        for net, count in drivers.items():
            if count > 1:
                raise NetlistFault(f"{self.name}: net {net} must have one driver, not {count}")
        for net, reader in read.items():
            if net not in drivers:
                raise NetlistFault(f"{self.name}: net {net}, which {reader} reads, must be driven")

    def verilog(self) -> str:
        """The netlist as structural Verilog, one wire per net ``n<number>``."""
        return "\n".join(self._verilog()) + "\n"

    def _verilog(self) -> Iterator[str]:
        ports: dict[str, str] = {}
        pins: dict[str, list[str]] = {name: [] for name in self.children}
        for direction, side in (("input", self.inputs), ("output", self.outputs)):
            for name, nets in side.items():
                child, _, port = name.rpartition(".")
                if child in pins:
                    bits = ", ".join(f"n{net}" for net in reversed(nets))
                    pins[child].append(f".{_escape(port)}({{{bits}}})")
                else:
                    ports[name] = direction
        yield f"module {_escape(self.name)} ({', '.join(map(_escape, ports))});"
        for name, direction in ports.items():
            nets = (self.inputs if direction == "input" else self.outputs)[name]
            width = f"[{len(nets) - 1}:0] " if len(nets) > 1 else ""
            yield f"  {direction} {width}{_escape(name)};"
        yield "\n".join(f"  wire n{net};" for net in range(self.nets))
        yield "  assign n0 = 1'b0;\n  assign n1 = 1'b1;"
        for name in (name for name in self.inputs if name in ports):
            nets = self.inputs[name]
            for bit, net in enumerate(nets):
                yield f"  assign n{net} = {_escape(name)}{f'[{bit}]' if len(nets) > 1 else ''};"
        for name in (name for name in self.outputs if name in ports):
            nets = self.outputs[name]
            for bit, net in enumerate(nets):
                yield f"  assign {_escape(name)}{f'[{bit}]' if len(nets) > 1 else ''} = n{net};"
        for instance in self.instances:
            own = ", ".join(f".{_escape(pin)}(n{net})" for pin, net in instance.pins.items())
            yield f"  {_escape(instance.cell)} {_escape(instance.name)} ({own});"
        for name, (module, clock) in self.children.items():
            clocked = [] if clock is None else [f".{_escape(clock)}(n{self.clock})"]
            yield f"  {_escape(module)} {_escape(name)} ({', '.join(clocked + pins[name])});"
        yield "endmodule"


def _escape(name: str) -> str:
    return name if name.isidentifier() and name.isascii() else f"\\{name} "


def from_json(text: str, top: str, clock: str = "clk",
              children: Collection[str] = ()) -> Netlist:
    """The flat module ``top`` of yosys' JSON. Constants x and z become 0.

    Instances that yosys named itself are called by the net they drive. Instances of the modules
    ``children`` become ``Netlist.children``. Raises NetlistFault where the text is no such JSON.
    """
    try:
        module = json.loads(text)["modules"][top]
        ports, cells = module["ports"], module["cells"]
    except (KeyError, TypeError, ValueError, RecursionError):
        raise NetlistFault(f"a netlist must be yosys' JSON with module {top}") from None
    numbers: dict[object, int] = {"0": ZERO, "1": ONE, "x": ZERO, "z": ZERO}

    def net(bit: object) -> int:
        return numbers.setdefault(bit, len(numbers) - 2)

    netlist = Netlist(top, 2)
    for name, port in ports.items():
        side = netlist.inputs if port["direction"] == "input" else netlist.outputs
        side[name] = [net(bit) for bit in port["bits"]]
    if len(netlist.inputs.get(clock, ())) == 1:
        netlist.clock = netlist.inputs[clock][0]
    names = _net_names(module.get("netnames", {}))
    taken: set[str] = set()
    for name, cell in cells.items():
        kind = cell["type"]
        if kind in children:
            _evert(netlist, name, cell, net)
            continue
        pins = {}
        for pin, bits in cell["connections"].items():
            if len(bits) > 1:
                raise NetlistFault(f"{top}: pin {pin} of {name} must be one bit, not {len(bits)}")
            if bits:
                pins[pin] = net(bits[0])
        if name.startswith("$") or "$" in name:
            driven = next((names[bits[0]] for pin, bits in cell["connections"].items()
                           if cell.get("port_directions", {}).get(pin) == "output" and bits
                           and bits[0] in names), None)
            name = driven or f"_{len(netlist.instances)}_"
        while name in taken:
            name += "_"
        taken.add(name)
        netlist.instances.append(Instance(name, kind, pins))
    netlist.nets = len(numbers) - 2
    return netlist


def _evert(netlist: Netlist, name: str, cell: Mapping, net: Callable[[object], int]) -> None:
    """The child ``name``: what it drives is an input, what it reads an output."""
    clocked = None
    for port, bits in cell["connections"].items():
        nets = [net(bit) for bit in bits]
        if cell["port_directions"][port] == "output":
            netlist.inputs[f"{name}.{port}"] = nets
        elif nets == [netlist.clock]:
            clocked = port
        else:
            netlist.outputs[f"{name}.{port}"] = nets
    netlist.children[name] = (cell["type"], clocked)


def _net_names(netnames: Mapping[str, Mapping]) -> dict[object, str]:
    """A name for each bit that the RTL named."""
    found: dict[object, str] = {}
    for name, wire in netnames.items():
        if wire.get("hide_name") or "$" in name:
            continue
        for k, bit in enumerate(wire["bits"]):
            found.setdefault(bit, name if len(wire["bits"]) == 1 else f"{name}[{k}]")
    return found
