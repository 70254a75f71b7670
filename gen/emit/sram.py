# SPDX-License-Identifier: Apache-2.0
"""SRAM banks made of macros."""

from amaranth import Array, Cat, ClockDomain, Const, Instance, Module, Signal
from amaranth.hdl import Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..memory.compose import Composition, Slice
from ..memory.macros import MacroMap

__all__ = ["MacroBank", "macro_pins"]


def macro_pins(available: MacroMap, words: int, bits: int) -> list[tuple[str, int, bool]]:
    """Pins of a macro of ``words`` of ``bits``: name, width, whether it is an input."""
    ports, ties = available.ports, available.ties
    assert ports is not None
    address = ceil_log2(words)
    controls = (ports.clock, ports.enable, ports.write, ports.read)
    pins = [(name, 1, True) for name in controls if name]
    pins += [(ports.address, address, True), (ports.write_data, bits, True),
             (ports.read_data, bits, False)]
    if ports.mask:
        pins.append((ports.mask, -(-bits // ports.mask_bits), True))
    for tied, width in ((ties.single, 1), (ties.address, address), (ties.data, bits)):
        pins += [(name, width, True) for name in tied]
    return pins


class MacroBank(wiring.Component):
    """What ``SramBank`` is, of the macros of a ``Composition``.

    *Timing*: as ``SramBank``. Macros of other rows rest. A row is chosen by the address, its output
    by the row that was read last.

    *Parameters*: ``composition``; ``available``, the map that it is of.

    *Members*: ``clk``, ``enable``, ``write``, ``address``, ``write_data``, ``write_mask``,
    ``read_data``.
    """

    def __init__(self, composition: Composition, available: MacroMap):
        self.composition = composition
        self.available = available
        super().__init__({
            "clk": In(1),
            "enable": In(1),
            "write": In(1),
            "address": In(ceil_log2(composition.words)),
            "write_data": In(composition.bits),
            "write_mask": In(composition.bits // 8),
            "read_data": Out(composition.bits),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        ports = self.available.ports
        assert ports is not None
        m.domains.sync = domain = ClockDomain(reset_less=True)  # nothing here needs a reset
        m.d.comb += domain.clk.eq(self.clk)
        rows = self.composition.rows
        outputs = []
        reads = Signal(len(rows))
        for index, row in enumerate(rows):
            hit = Signal(name=f"hit_{index}")
            inside: Value = Const(1, 1)
            if row.first:
                inside = self.address >= row.first
            if row is not rows[-1]:
                inside = inside & (self.address < row.first + row.words)
            output = Signal(self.composition.bits, name=f"output_{index}")
            m.d.comb += [hit.eq(self.enable & inside), reads[index].eq(hit & ~self.write)]
            for place, part in enumerate(row.slices):
                self._place(m, f"macro_{index}_{place}", part, hit, row.first, output)
            outputs.append(output)

        latest = outputs[0]
        if len(rows) > 1:
            shown = Signal(range(len(rows)))
            for index in range(len(rows)):
                with m.If(reads[index]):
                    m.d.sync += shown.eq(index)
            latest = Array(outputs)[shown]
        m.d.comb += self.read_data.eq(latest)
        if not ports.holds:
            fresh = Signal()
            kept = Signal(self.composition.bits)
            m.d.sync += fresh.eq(reads.any())
            with m.If(fresh):
                m.d.sync += kept.eq(latest)
            with m.Else():
                m.d.comb += self.read_data.eq(kept)
        return m

    def _place(self, m: Module, name: str, part: Slice, hit: Signal, first: int,
               output: Signal) -> None:
        """One macro: the bits of ``part`` of the row from word ``first`` on, which is accessed by
        ``hit``."""
        ports, macro = self.available.ports, part.macro
        assert ports is not None
        width = ceil_log2(macro.words)
        line = (self.address if first % (1 << width) == 0 else self.address - first)[:width]
        data = self.write_data[part.first:part.first + part.bits]
        mask = Cat(self.write_mask[bit // 8] for bit in range(part.first, part.first + part.bits))
        # Without a mask the macro holds one byte, and rests while others are written.
        active: Value = hit if ports.mask else hit & (~self.write | mask[0])
        roles = {ports.clock: self.clk, ports.write: active & self.write, ports.address: line,
                 ports.write_data: data}
        if ports.enable:
            roles[ports.enable] = active
        if ports.read:
            roles[ports.read] = hit & ~self.write
        if ports.mask:
            roles[ports.mask] = mask[::ports.mask_bits]
        inverted = {getattr(ports, role) for role in ports.active_low}
        ties = self.available.ties
        tied = {**ties.single, **ties.address, **ties.data}
        connections: dict[str, Value] = {}
        for pin, width, is_input in macro_pins(self.available, macro.words, macro.bits):
            if not is_input:
                whole = Signal(width, name=f"{name}_{pin}")
                connections[f"o_{pin}"] = whole
                m.d.comb += output[part.first:part.first + part.bits].eq(whole[:part.bits])
                continue
            value = Const(-tied[pin], width) if pin in tied else roles[pin]
            driven = Signal(width, name=f"{name}_{pin}")  # zeros where the macro has more bits
            m.d.comb += driven.eq(value)
            connections[f"i_{pin}"] = ~driven if pin in inverted else driven
        m.submodules[name] = Instance(macro.cell, **connections)
