# SPDX-License-Identifier: Apache-2.0
"""The accelerator's side of a front end: the input stream and its registers."""

from amaranth import Module, Signal
from amaranth.lib.wiring import connect, flipped

from ..bus.axi import AxiStream
from ..bus.registers import RegisterFile
from ..fixed.front_end import FrontEnd
from .frames import FrameGate

__all__ = ["connect_stream"]


def connect_stream(m: Module, s_axis: AxiStream, registers: RegisterFile, core,
                   ) -> FrontEnd | None:
    """Connect port ``s_axis`` to ``core`` through the fixed layers, and the registers that tell of
    it. Returns the fixed layers, None where there are none."""
    p = core.parameters
    height, width, channels = p.frame
    m.submodules.gate = gate = FrameGate(pixels=height * width, channels=channels)
    connect(m, flipped(s_axis), gate.s_axis)
    asked = Signal()
    broken = Signal()
    with m.If(gate.broken):
        m.d.sync += broken.eq(1)
    with m.Elif(asked):
        m.d.sync += broken.eq(0)
    status = registers.i_stream_status
    m.d.comb += [
        asked.eq(registers.o_stream_control.abort | registers.o_control.soft_reset),
        gate.abort.eq(asked),
        core.abort.eq(asked | gate.broken),
        core.continuous.eq(registers.o_stream.continuous
                           & ~(registers.i_status.done | registers.i_status.error)),
        status.frames.eq(core.stream.frames),
        status.slot.eq(core.stream.slot),
        status.waiting.eq(core.stream.waiting),
        status.broken.eq(broken),
        registers.i_stream_words.eq(core.stream.words),
    ]
    if p.front_end is None:
        m.d.comb += [
            core.frames.valid.eq(gate.o.valid),
            core.frames.payload.pixel.eq(gate.o.payload.pixel),
            core.frames.payload.last.eq(gate.o.payload.last),
            gate.o.ready.eq(core.frames.ready),
        ]
        return None
    m.submodules.front_end = front_end = FrontEnd(p.front_end)
    connect(m, front_end.o, core.frames)
    m.d.comb += [
        front_end.i.valid.eq(gate.o.valid),
        front_end.i.payload.pixel.eq(gate.o.payload.pixel),
        front_end.i.payload.first.eq(gate.o.payload.first),
        gate.o.ready.eq(front_end.i.ready),
        front_end.abort.eq(core.abort),
    ]
    return front_end
