# SPDX-License-Identifier: Apache-2.0
"""The top level: the core behind its AXI or Wishbone ports."""

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from .bus.axi import Axi4, AxiLite, AxiStream
from .bus.control import connect_control
from .bus.dma import Dma
from .bus.local import LocalArbiter
from .bus.register_map import (
    ADDRESS_WIDTH,
    ARRAY_REGISTERS,
    LAYER_CYCLES,
    REGISTERS,
    STREAM_REGISTERS,
)
from .bus.registers import RegisterFile
from .bus.window import Window
from .bus.wishbone import Wishbone, WishboneRegisters, WishboneWindow
from .core import UNITS, Core
from .fixed.front_end import Monitor as FixedMonitor
from .frames.shell import connect_stream
from .parameters import AcceleratorParameters

__all__ = ["Accelerator"]

ID_WIDTH = 4
BURSTS = 4
STREAMING_BURSTS = 16
"""Outstanding bursts of 16 beats: as many beats as a memory's latency in cycles, and more."""


class Accelerator(wiring.Component):
    """An accelerator: AXI4-Lite or Wishbone registers, AXI4 or Wishbone window onto the memories,
    AXI4 DMA, interrupt.

    With the core of the kinds that have a mesh or a macro; ``compact/accelerator.py`` has the small
    one's.

    *Timing*: one clock domain, active-high synchronous reset.

    *Parameters*: an ``AcceleratorParameters``; window, DMA and monitors are there as it says.

    *Members*: ``s_axil`` or ``s_wb`` (registers), ``s_axi`` or ``s_wb_window`` (window), ``m_axi``
    (DMA), ``s_axis`` (frames, a pixel a transfer), ``irq``; with monitors
    ``monitor_post_valid``, ``monitor_post_data``, ``monitor_vector_valid``,
    ``monitor_vector_data``, ``monitor_units``, ``monitor_handoff_valid``, ``monitor_handoff_data``
    (what of frames goes into the activation memory), ``monitor_fixed_<layer>`` (of fixed layers).
    """

    def __init__(self, parameters: AcceleratorParameters):
        self.parameters = p = parameters
        if not (p.window or p.dma):
            raise ValueError("Accelerator must have a window or a DMA, not neither")
        if p.external_weights and not p.dma:
            raise ValueError("Accelerator must have a DMA for external weights")
        self.core = Core(p)
        members = ({"s_wb": In(Wishbone(ADDRESS_WIDTH))} if p.wishbone_control
                   else {"s_axil": In(AxiLite(ADDRESS_WIDTH))}) | {"irq": Out(1)}
        if p.window and p.wishbone_window:
            members["s_wb_window"] = In(Wishbone(self.core.map.address_width))
        elif p.window:
            members["s_axi"] = In(Axi4(self.core.map.address_width, 64, ID_WIDTH))
        if p.dma:
            members["m_axi"] = Out(Axi4(64, 64, ID_WIDTH))
        if p.slots is not None:
            members["s_axis"] = In(AxiStream(8 * p.frame[2]))
        if p.monitors:
            members |= {
                "monitor_post_valid": Out(1),
                "monitor_post_data": Out(8 * p.drain_lanes),
                **({"monitor_vector_valid": Out(1),
                    "monitor_vector_data": Out(8 * p.vector_lanes)} if p.vector_lanes else {}),
                "monitor_units": Out(len(UNITS)),
                **({} if p.slots is None else {
                    "monitor_handoff_valid": Out(1),
                    "monitor_handoff_data": Out(8 * p.slots.channels)}),
                **{f"monitor_fixed_{index}": Out(FixedMonitor(
                    p.front_end.layers[index].out_shape[2])) for index in range(p.watched_layers)},
            }
        super().__init__(members)

    def elaborate(self, platform) -> Module:
        m = Module()
        p = self.parameters
        m.submodules.core = core = self.core
        m.submodules.registers = registers = RegisterFile(
            REGISTERS + (() if p.slots is None else STREAM_REGISTERS)
            + (() if p.macro is None else ARRAY_REGISTERS),
            table=LAYER_CYCLES, address_width=ADDRESS_WIDTH)
        if p.wishbone_control:
            m.submodules.control = control = WishboneRegisters(address_width=ADDRESS_WIDTH)
            connect(m, flipped(self.s_wb), control.s_wb)
            connect(m, control.m_axil, registers.s_axil)
        else:
            connect(m, flipped(self.s_axil), registers.s_axil)

        askers = []
        if p.window and p.wishbone_window:
            m.submodules.window = window = WishboneWindow(address_width=core.map.address_width)
            connect(m, flipped(self.s_wb_window), window.s_wb)
            askers.append(window.bus)
        elif p.window:
            m.submodules.window = window = Window(
                address_width=core.map.address_width, id_width=ID_WIDTH)
            connect(m, flipped(self.s_axi), window.s_axi)
            askers.append(window.bus)
        if p.dma:
            m.submodules.dma = dma = Dma(
                address_width=core.map.address_width, id_width=ID_WIDTH,
                bursts=STREAMING_BURSTS if p.external_weights else BURSTS)
            connect(m, dma.m_axi, flipped(self.m_axi))
            askers.append(dma.bus)
            self._connect_dma(m, dma, registers, core)
        if len(askers) == 1:
            connect(m, askers[0], core.bus)
        else:
            m.submodules.arbiter = arbiter = LocalArbiter(
                address_width=core.map.address_width, count=len(askers))
            for asker, port in zip(askers, arbiter.ports, strict=True):
                connect(m, asker, port)
            connect(m, arbiter.bus, core.bus)

        connect_control(m, registers, core, spec_hash=p.spec_hash, irq=self.irq)
        if p.slots is not None:
            front_end = connect_stream(m, self.s_axis, registers, core)
            for index in range(p.watched_layers):
                connect(m, getattr(front_end, f"monitor_{index}"),
                        flipped(getattr(self, f"monitor_fixed_{index}")))
        m.d.comb += [
            core.program_base.eq(registers.o_program_base >> 1),
            core.weight_base.eq(registers.o_weight_base),
            core.schedule_base.eq(registers.o_schedule_base),
            core.counted_bank.eq(registers.o_counted_bank),
            core.conditions.eq(registers.o_conditions),
            registers.i_flags.eq(core.flags),
        ]

        counts = core.counts
        for name in ("cycles", "stall_operands", "stall_drain", "stall_parameters",
                     "bank_conflicts", "activation_reads", "activation_writes", "weight_reads",
                     "stall_transfer"):
            m.d.comb += getattr(registers, f"i_{name}").eq(counts[name])
        wide = {name: counts[name] for name in ("macs_issued", "macs_gated_activation",
                                                "macs_gated_weight")}
        if p.macro is not None:
            array = core.array_counts
            m.d.comb += [core.gdc.eq(registers.o_gdc.factor), *(
                getattr(registers, f"i_{name}").eq(array[name]) for name in (
                    "conversions", "conversion_cycles", "weights_written", "stall_load"))]
            wide |= {name: array[name] for name in ("rows_driven", "adcs_converted")}
        for name, count in wide.items():
            m.d.comb += Cat(getattr(registers, f"i_{name}_lo"),
                            getattr(registers, f"i_{name}_hi")).eq(count)
        if p.monitors:
            m.d.comb += [
                self.monitor_post_valid.eq(core.post_valid),
                self.monitor_post_data.eq(core.post_data.as_value()),
                *([self.monitor_vector_valid.eq(core.vector_valid),
                   self.monitor_vector_data.eq(core.vector_data.as_value())]
                  if p.vector_lanes else []),
                self.monitor_units.eq(core.units),
                *([] if p.slots is None else [
                    self.monitor_handoff_valid.eq(core.handoff_valid),
                    self.monitor_handoff_data.eq(core.handoff_data.as_value())]),
            ]
        return m

    def _connect_dma(self, m: Module, dma: Dma, registers: RegisterFile, core: Core) -> None:
        """Commands from the registers, one at a time, and before them those of a run."""
        done = Signal()
        failed = Signal()
        pending = Signal()
        outward = Signal()
        moved = Signal(32)
        stalled = Signal(32)
        of_run = Signal()  # the command at hand
        left = Signal()    # ... of one that failed
        start = registers.o_dma_control.read_in | registers.o_dma_control.write_out
        taken = dma.i.valid & dma.i.ready
        begins = start & ~pending & ~(dma.busy & ~of_run)
        with m.If(registers.o_control.soft_reset):
            m.d.sync += pending.eq(0)
        with m.Elif(begins):
            m.d.sync += [pending.eq(1), outward.eq(registers.o_dma_control.write_out),
                         done.eq(0), failed.eq(0)]
        with m.Else():
            with m.If(taken & ~core.transfer.valid):
                m.d.sync += pending.eq(0)
            with m.If(dma.done & ~of_run):
                m.d.sync += [done.eq(1), failed.eq(dma.error)]
        with m.If(begins | (core.start & ~core.busy)):
            m.d.sync += [moved.eq(0), stalled.eq(0)]
        with m.Elif(~left):
            m.d.sync += [moved.eq(moved + (dma.beat << 3)), stalled.eq(stalled + dma.stall)]
        with m.If(taken):
            m.d.sync += of_run.eq(core.transfer.valid)

        transfer = core.transfer.payload
        external_base = Cat(registers.o_external_base_lo, registers.o_external_base_hi)
        command = dma.i.payload
        m.d.comb += [
            dma.i.valid.eq(pending | core.transfer.valid),
            core.transfer.ready.eq(dma.i.ready),
            core.transfer_done.eq(dma.done & of_run),
            core.transfers_idle.eq(~(dma.busy & of_run)),
            left.eq(dma.busy & of_run & ~core.transferring),
            command.external.eq(Cat(registers.o_dma_address_lo, registers.o_dma_address_hi)),
            command.local.eq(registers.o_dma_local),
            command.length.eq(registers.o_dma_length),
            command.write_out.eq(outward),
            dma.stop.eq(registers.o_control.soft_reset | left),
            core.bus_error.eq(dma.done & dma.error),
            registers.i_dma_status.busy.eq(pending | (dma.busy & ~of_run) | left),
            registers.i_dma_status.done.eq(done),
            registers.i_dma_status.error.eq(failed),
            registers.i_dma_bytes.eq(moved),
            registers.i_dma_stalls.eq(stalled),
        ]
        with m.If(core.transfer.valid):
            m.d.comb += [
                command.external.eq(external_base + (transfer.external << 3)),
                command.local.eq(transfer.local << 3),
                command.length.eq(transfer.words << 3),
                command.more.eq(transfer.more),
                command.external_step.eq(transfer.external_step << 3),
                command.local_step.eq(transfer.local_step << 3),
                command.write_out.eq(transfer.write_out),
                command.chained.eq(1),
            ]
