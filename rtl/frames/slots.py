# SPDX-License-Identifier: Apache-2.0
"""Frames in the two slots, and the runs that they wait for."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["SLOTS", "FrameSlots"]

SLOTS = 2


class FrameSlots(wiring.Component):
    """A ping-pong buffer: one slot is filled while a run reads the other.

    A run that is asked for begins with the oldest whole frame, or waits for one, and frees its
    slot when it ends, well or not. ``abort`` forgets every frame that no run has begun with.

    *Timing*: ``begin`` is high in the cycle of ``start`` where a frame is there, or in the cycle
    after the one in which it became whole; between two runs ``busy`` is low for ``GAP`` cycles
    at least. ``slot`` and ``room`` change with the clock.

    *Members*: ``start`` (pulse: a run for one frame), ``continuous`` (level: a run for each
    frame), ``stop`` (forget ``start``), ``abort``, ``complete`` (pulse: a frame became whole),
    ``busy`` (a run is going on), ``begin`` (pulse), ``waiting`` (a run was asked for and has not
    begun), ``room`` (there is a free slot), ``slot`` (the one to fill), ``run_slot`` (the one of
    the run, or of the next), ``frames`` (whole ones, that of the run among them).
    """

    GAP = 2
    """Cycles between two runs, at least."""

    start: In(1)
    continuous: In(1)
    stop: In(1)
    abort: In(1)
    complete: In(1)
    busy: In(1)
    begin: Out(1)
    waiting: Out(1)
    room: Out(1)
    slot: Out(1)
    run_slot: Out(1)
    frames: Out(range(SLOTS + 1))

    def elaborate(self, platform) -> Module:
        m = Module()
        held = Signal()   # a run had a frame in the cycle before
        ended = Signal()
        m.d.comb += [
            ended.eq(held & ~self.busy),
            self.begin.eq((self.start | self.waiting | self.continuous) & self.frames.any()
                          & ~(self.busy | held | self.stop | self.abort)),
            self.room.eq(self.frames != SLOTS),
            self.slot.eq(self.run_slot ^ self.frames[0]),
        ]
        m.d.sync += [
            held.eq(self.busy),
            self.waiting.eq((self.start & ~self.busy | self.waiting) & ~(self.begin | self.stop)),
            self.run_slot.eq(self.run_slot ^ ended),
            self.frames.eq(Mux(self.abort, self.busy,
                               self.frames + self.complete - ended)),
        ]
        return m
