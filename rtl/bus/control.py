# SPDX-License-Identifier: Apache-2.0
"""What every core's registers do: start, stop, status, interrupt and layers' cycles of runs."""

from amaranth import Module, Mux, Signal

from ..sequencer.counters import LayerTable
from .registers import RegisterFile

__all__ = ["connect_control"]


def connect_control(m: Module, registers: RegisterFile, core, *, spec_hash: int,
                    irq: Signal) -> None:
    """Connect the registers that all cores have to ``core``, with the table of its layers' cycles,
    and show its end at ``irq``."""
    m.submodules.layer_table = layer_table = LayerTable()
    done = Signal()
    failed = Signal()
    with m.If(core.finished):
        m.d.sync += done.eq(1)
    with m.Elif(registers.o_status_clear.done | registers.o_control.start):
        m.d.sync += done.eq(0)
    with m.If(core.failed):
        m.d.sync += failed.eq(1)
    with m.Elif(registers.o_status_clear.error | registers.o_control.start):
        m.d.sync += failed.eq(0)
    m.d.comb += [
        core.start.eq(registers.o_control.start),
        core.stop.eq(registers.o_control.soft_reset),
        core.last_layer.eq(registers.o_last_layer),
        core.watchdog.eq(registers.o_watchdog),
        registers.i_spec_hash_lo.eq(spec_hash & 0xFFFF_FFFF),
        registers.i_spec_hash_hi.eq(spec_hash >> 32),
        registers.i_status.busy.eq(core.busy),
        registers.i_status.done.eq(done),
        registers.i_status.error.eq(failed),
        registers.i_status.cause.eq(Mux(failed, core.cause, 0)),
        registers.i_status.layer.eq(core.layer),
        irq.eq(registers.o_irq_enable.enable & (done | failed)),
        layer_table.write.eq(core.layer_ended),
        layer_table.layer.eq(core.layer),
        layer_table.cycles.eq(core.layer_cycles),
        layer_table.index.eq(registers.o_table_index),
        registers.i_table_data.eq(layer_table.data),
    ]
