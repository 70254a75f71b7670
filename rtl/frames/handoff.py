# SPDX-License-Identifier: Apache-2.0
"""Hand-off: the front end's last tensor goes into the activation memory, pixel by pixel."""

from dataclasses import dataclass

from amaranth import Module, Mux, ResetInserter, Shape, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..fixed.counter import counter
from ..memory.sram import AccessPort
from ..operand.raster import RasterWalker
from ..stream import Queue

__all__ = ["Handoff", "SlotLayout", "tensor_pixel"]

CHANNELS = 8
"""Channels of a 64-bit word."""


@dataclass(frozen=True, kw_only=True)
class SlotLayout:
    """Two slots of bank group 0 for tensors of ``height x width`` pixels of ``channels`` bytes.

    Pixel (0, 0) of slot 0 lies at word 0; ``step_x`` and ``step_y`` are increments that take turns
    from one column and one row to the next, ``plane`` leads from a block of 8 channels to the next,
    ``slot_step`` from slot 0 to slot 1. All in 64-bit words.
    """

    height: int
    width: int
    channels: int
    step_x: tuple[int, int]
    step_y: tuple[int, int]
    plane: int
    slot_step: int

    @property
    def blocks(self) -> int:
        """Words of a pixel."""
        return -(-self.channels // CHANNELS)


def tensor_pixel(channels: int) -> data.StructLayout:
    """A pixel of the tensor handed off; ``last``: of its frame."""
    return data.StructLayout({"pixel": data.ArrayLayout(8, channels), "last": 1})


class Handoff(wiring.Component):
    """Writes a stream of pixels in raster order to their words of a slot.

    *Timing*: a pixel is at the memory one cycle after it was taken, a word a cycle wherever the
    memory grants it; one pixel of a single word a cycle. No combinational path from the memory to
    ``i``. ``complete`` is high in the cycle in which a frame's last word is written.

    *Parameters*: ``layout``, a ``SlotLayout``; ``address_width`` of a word of a bank group.

    *Members*: ``i``, ``memory`` (asks for writes to bank group 0), ``room`` (the slot is free),
    ``slot`` (to write to), ``abort`` (forget the frame under way), ``complete``, ``taken``
    (a pixel was written), ``pixel`` (which).
    """

    def __init__(self, layout: SlotLayout, *, address_width: int):
        if layout.slot_step * 2 > 1 << address_width:
            raise ValueError(f"Slots must fit {1 << address_width} words, "
                             f"not 2 of {layout.slot_step!r}")
        self.layout = layout
        self.address_width = address_width
        super().__init__({
            "i": In(stream.Signature(tensor_pixel(layout.channels))),
            "memory": Out(AccessPort(address_width + 1)),
            "room": In(1),
            "slot": In(1),
            "abort": In(1),
            "complete": Out(1),
            "taken": Out(1),
            "pixel": Out(data.ArrayLayout(8, layout.channels)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        layout, memory = self.layout, self.memory
        shape = tensor_pixel(layout.channels)
        queue = Queue(shape, depth=2)
        m.submodules.queue = ResetInserter(self.abort)(queue)
        m.submodules.walker = walker = RasterWalker(address_width=self.address_width)
        connect(m, flipped(self.i), queue.i)
        block = counter(layout.blocks)
        offset = Signal(self.address_width)
        last_block = Signal()
        written = Signal()
        word = Signal(self.address_width)
        words = Signal(64 * layout.blocks)
        head = Signal(Shape.cast(shape).width)
        frame = data.View(shape, head)
        m.d.comb += [
            head.eq(queue.o.payload.as_value()),
            words.eq(frame.pixel.as_value()),
            last_block.eq(block == layout.blocks - 1),
            word.eq(walker.address + offset + Mux(self.slot, layout.slot_step, 0)),
            memory.enable.eq(queue.o.valid & self.room & ~self.abort),
            memory.write.eq(1),
            memory.address.eq(word),
            memory.write_data.eq(words.word_select(block, 64)),
            memory.write_mask.eq(0xFF),
            written.eq(memory.enable & memory.grant),
            queue.o.ready.eq(written & last_block),
            self.taken.eq(written & last_block),
            self.pixel.eq(frame.pixel),
            self.complete.eq(self.taken & frame.last),
            walker.width.eq(layout.width),
            walker.height.eq(layout.height),
            *(walker.step_x[turn].eq(step) for turn, step in enumerate(layout.step_x)),
            *(walker.step_y[turn].eq(step) for turn, step in enumerate(layout.step_y)),
            walker.step.eq(self.taken),
            walker.restart.eq(self.complete | self.abort),
        ]
        with m.If(self.taken | self.abort):
            m.d.sync += [block.eq(0), offset.eq(0)]
        with m.Elif(written):
            m.d.sync += [block.eq(block + 1), offset.eq(offset + layout.plane)]
        return m
