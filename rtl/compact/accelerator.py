# SPDX-License-Identifier: Apache-2.0
"""The top level with the compact core behind its AXI ports."""

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..accelerator import ID_WIDTH
from ..bus.axi import Axi4, AxiLite
from ..bus.control import connect_control
from ..bus.register_map import ADDRESS_WIDTH, LAYER_CYCLES, REGISTERS
from ..bus.registers import RegisterFile
from ..bus.single import SingleWindow
from .core import CompactCore
from .parameters import CompactParameters

__all__ = ["PRESENT", "CompactAccelerator"]

PRESENT = ("ID", "VERSION", "SPEC_HASH_LO", "SPEC_HASH_HI", "CONTROL", "IRQ_ENABLE", "STATUS",
           "STATUS_CLEAR", "LAST_LAYER", "WATCHDOG", "CYCLES")
"""Registers that it has, at the offsets of all; the others read zero, LAYER_CYCLES is there."""


class CompactAccelerator(wiring.Component):
    """An accelerator that fits the smallest FPGAs: AXI4-Lite registers, AXI4 window, interrupt.

    *Timing*: one clock domain, active-high synchronous reset.

    *Parameters*: a ``CompactParameters``.

    *Members*: as ``rtl/accelerator.py`` has them: ``s_axil``, ``s_axi`` (window), ``irq``; with
    monitors ``monitor_post_valid``, ``monitor_post_data``.
    """

    def __init__(self, parameters: CompactParameters):
        self.parameters = p = parameters
        if not p.window or p.dma:
            raise ValueError("CompactAccelerator must have a window and no DMA")
        self.core = CompactCore(p)
        members = {"s_axil": In(AxiLite(ADDRESS_WIDTH)), "irq": Out(1),
                   "s_axi": In(Axi4(self.core.address_width, 64, ID_WIDTH))}
        if p.monitors:
            members |= {"monitor_post_valid": Out(1), "monitor_post_data": Out(64)}
        super().__init__(members)

    def elaborate(self, platform) -> Module:
        m = Module()
        p = self.parameters
        m.submodules.core = core = self.core
        m.submodules.registers = registers = RegisterFile(
            [register for register in REGISTERS if register.name in PRESENT],
            table=LAYER_CYCLES, address_width=ADDRESS_WIDTH, sparse=True)
        m.submodules.window = window = SingleWindow(
            address_width=core.address_width, id_width=ID_WIDTH)
        connect(m, flipped(self.s_axil), registers.s_axil)
        connect(m, flipped(self.s_axi), window.s_axi)
        connect(m, window.bus, core.bus)
        connect_control(m, registers, core, spec_hash=p.spec_hash, irq=self.irq)
        m.d.comb += registers.i_cycles.eq(core.cycles)
        if p.monitors:
            m.d.comb += [
                self.monitor_post_valid.eq(core.post_valid),
                self.monitor_post_data.eq(core.post_data),
            ]
        return m
