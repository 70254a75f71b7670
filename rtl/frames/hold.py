# SPDX-License-Identifier: Apache-2.0
"""The core's side of a front end: frames go into the activation memory, and start runs."""

from amaranth import Module, Signal
from amaranth.lib import data
from amaranth.lib.wiring import connect, flipped

from ..memory.activation import ActivationMemory
from ..memory.shared import SharedAccess
from ..sequencer.sequencer import Sequencer
from .handoff import Handoff
from .slots import SLOTS, FrameSlots

__all__ = ["StreamState", "hold_frames"]

StreamState = data.StructLayout({"frames": range(SLOTS + 1), "slot": 1, "waiting": 1, "words": 32})
"""Whole frames held, slot of the run's or the next run's, whether a run waits for its frame, and
words written during the latest run."""


def hold_frames(m: Module, core, activations: ActivationMemory, sequencer: Sequencer) -> None:
    """Connect the hand-off of ``core`` to its memory and its sequencer.

    It shares the memory's access port with the bus, so that the layer that runs comes first.
    """
    layout = core.parameters.slots
    m.submodules.handoff = handoff = Handoff(layout, address_width=activations.address_width)
    m.submodules.slots = slots = FrameSlots()
    m.submodules.shared = shared = SharedAccess(
        address_width=activations.access.signature.address_width)
    connect(m, core.map.activations, shared.bus)
    connect(m, handoff.memory, shared.writer)
    connect(m, shared.memory, activations.access)
    connect(m, flipped(core.frames), handoff.i)
    words = Signal(32)
    with m.If(slots.begin):
        m.d.sync += words.eq(0)
    with m.Elif(sequencer.busy):
        m.d.sync += words.eq(words + shared.writer.grant)
    m.d.comb += [
        slots.start.eq(core.start),
        slots.continuous.eq(core.continuous),
        slots.stop.eq(core.stop),
        slots.abort.eq(core.abort),
        slots.complete.eq(handoff.complete),
        slots.busy.eq(sequencer.busy),
        sequencer.start.eq(slots.begin),
        sequencer.slot.eq(slots.run_slot),
        handoff.room.eq(slots.room),
        handoff.slot.eq(slots.slot),
        handoff.abort.eq(core.abort),
        core.busy.eq(sequencer.busy | slots.waiting),
        core.stream.frames.eq(slots.frames),
        core.stream.slot.eq(slots.run_slot),
        core.stream.waiting.eq(slots.waiting),
        core.stream.words.eq(words),
        core.handoff_valid.eq(handoff.taken),
        core.handoff_data.eq(handoff.pixel),
    ]
