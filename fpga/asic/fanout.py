# SPDX-License-Identifier: Apache-2.0
"""Trees of buffers on nets that very many pins read, before sizing looks at each net."""

from .library import Library
from .netlist import ONE, Instance, Netlist
from .technology import Technology

__all__ = ["MOST", "limit_fanout"]

MOST = 24
"""Pins that a net may have before it gets a tree."""
GROUP = 12


def limit_fanout(netlist: Netlist, library: Library, technology: Technology) -> Netlist:
    """``netlist`` with buffers so that no net, but clocks and constants, has more than ``MOST``
    reading pins. Sizing removes what does not pay."""
    result = netlist.copy()
    still = {0, ONE, netlist.clock}
    readers: dict[int, list[tuple[int, str]]] = {}
    for n, instance in enumerate(netlist.instances):
        cell = library.cells[instance.cell]
        if cell.clock_gate is not None or not cell.inputs:  # clocks, and ties of constants
            still.update(instance.pins[pin] for pin in cell.outputs if pin in instance.pins)
        for pin in cell.inputs:
            readers.setdefault(instance.pins[pin], []).append((n, pin))
    pins = [dict(instance.pins) for instance in netlist.instances]
    part = technology.buffer
    made: list[Instance] = []
    taken = {instance.name for instance in netlist.instances}
    for net, found in readers.items():
        if net in still or len(found) <= MOST:
            continue
        # The leaves of the tree read what the net drove, each layer of buffers the one before.
        targets: list[tuple[int, str]] = found
        while len(targets) > MOST:
            above = []
            for start in range(0, len(targets), GROUP):
                output = result.nets
                result.nets += 1
                for n, pin in targets[start:start + GROUP]:
                    pins[n][pin] = output
                name = f"tree_{output}_"
                while name in taken:
                    name += "_"
                taken.add(name)
                made.append(Instance(name, part.cell, {}))
                pins.append({part.input: net, part.output: output})
                above.append((len(pins) - 1, part.input))
            targets = above
    result.instances = [Instance(old.name, old.cell, new) for old, new in zip(
        [*netlist.instances, *made], pins, strict=True)]
    return result
