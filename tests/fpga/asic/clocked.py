# SPDX-License-Identifier: Apache-2.0
"""Cycle by cycle evaluation of a netlist, many streams at once: slow and plain."""

from systolith.fpga.asic.boolean import truth_table, variables
from systolith.fpga.asic.netlist import ONE, ZERO


class Clocked:
    """A netlist with its state; every value is an integer with one bit per stream."""

    def __init__(self, netlist, library, streams: int):
        self.netlist, self.library, self.ones = netlist, library, (1 << streams) - 1
        self.state = {}
        self.order = self._levelise()

    def _levelise(self):
        cells, known, order = self.library.cells, {ZERO, ONE}, []
        for nets in self.netlist.inputs.values():
            known.update(nets)
        waiting = []
        for instance in self.netlist.instances:
            cell = cells[instance.cell]
            if cell.flip_flop is not None:
                known.update(instance.pins[pin] for pin in cell.outputs if pin in instance.pins)
            else:
                waiting.append(instance)
        while waiting:
            later = []
            for instance in waiting:
                cell = cells[instance.cell]
                if all(instance.pins[pin] in known for pin in cell.inputs):
                    known.update(net for pin, net in instance.pins.items()
                                 if cell.pins[pin].output)
                    order.append(instance)
                else:
                    later.append(instance)
            assert len(later) < len(waiting), "a loop"
            waiting = later
        return order

    def step(self, inputs: dict[str, list[int]]) -> dict[str, list[int]]:
        """Outputs just before the edge that ends this cycle, for inputs given per bit."""
        value = {ZERO: 0, ONE: self.ones}
        for name, nets in self.netlist.inputs.items():
            value.update(zip(nets, inputs.get(name, [0] * len(nets)), strict=True))
        flops = []
        for instance in self.netlist.instances:
            cell = self.library.cells[instance.cell]
            if cell.flip_flop is not None:
                flops.append((instance, cell))
                value[instance.pins[cell.flip_flop.output]] = self.state.get(instance.name, 0)
        # nets of gated clocks carry their enables
        value[self.netlist.clock] = self.ones
        for instance in self.order:
            cell = self.library.cells[instance.cell]
            if cell.clock_gate is not None:
                gate = cell.clock_gate
                enable = 0
                for pin in gate.enables:
                    enable |= value[instance.pins[pin]]
                value[instance.pins[gate.output]] = enable & value[instance.pins[gate.clock]]
                continue
            for pin in cell.outputs:
                if pin in instance.pins:
                    value[instance.pins[pin]] = self._of(cell.pins[pin].function, instance, value)
        for instance, cell in flops:
            flop = cell.flip_flop
            new = self._of(flop.next_state, instance, value)
            if flop.output_inverted:
                new ^= self.ones
            enable = value[instance.pins[flop.clock]]
            old = self.state.get(instance.name, 0)
            self.state[instance.name] = (new & enable) | (old & ~enable)
        return {name: [value[net] for net in nets] for name, nets in self.netlist.outputs.items()}

    def _of(self, function, instance, value):
        names = variables(function)
        table, result = truth_table(function, names), 0
        for row in range(1 << len(names)):
            if table >> row & 1:
                term = self.ones
                for k, name in enumerate(names):
                    bit = value[instance.pins[name]]
                    term &= bit if row >> k & 1 else ~bit
                result |= term & self.ones
        return result


def transpose(numbers: list[int], width: int) -> list[int]:
    """Per bit, the integer whose bit s is that bit of ``numbers[s]``; its own inverse."""
    return [sum((number >> bit & 1) << s for s, number in enumerate(numbers))
            for bit in range(width)]
