# SPDX-License-Identifier: Apache-2.0
"""What every core's registers do: start, stop, status and interrupt of runs."""

from amaranth import Module, Mux, Signal

from .registers import RegisterFile

__all__ = ["connect_control"]


def connect_control(m: Module, registers: RegisterFile, core, *, spec_hash: int,
                    irq: Signal) -> None:
    """Connect the registers that all cores have to ``core``, and show its end at ``irq``."""
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
    ]
