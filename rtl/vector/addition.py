# SPDX-License-Identifier: Apache-2.0
"""Address generation of the vector unit: the two operands of an element-wise sum."""

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..operand.gather import request_layout
from ..sequencer.descriptor import Descriptor
from .window import column_tag

__all__ = ["AdditionWalker"]


class AdditionWalker(wiring.Component):
    """Requests ``blocks`` words of the first operand, then as many of the second, over and over.

    The tensors have one layout, so both are walked as they lie, word after word, without bank
    conflicts; ``out_width`` is the count of such groups.

    *Timing*: a period of ``PERIOD`` cycles: first operand, second operand, a pause in which the
    requantisers take the sum and, by the vector unit's latency, results are written. Operands and
    result may therefore lie in any bank group.

    *Parameters*: ``blocks`` (words of a group, at most a line of banks), ``lanes`` (of the gather
    unit), ``address_width``, ``tag_width``.

    *Members*: ``start``, ``stop`` (level: give up), ``descriptor``, ``o``.
    """

    PERIOD = 3

    def __init__(self, *, blocks: int, lanes: int, address_width: int, tag_width: int):
        if lanes < blocks:
            raise ValueError(f"Gather lanes must be at least {blocks}, not {lanes!r}")
        self.blocks = blocks
        self.address_width = address_width
        super().__init__({
            "start": In(1),
            "stop": In(1),
            "descriptor": In(Descriptor),
            "o": Out(stream.Signature(request_layout(lanes, address_width, tag_width))),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        d = self.descriptor
        active = Signal()
        phase = Signal(range(self.PERIOD))
        left = Signal(16)
        offset = Signal(self.address_width)
        second = Signal()
        base = Signal(self.address_width)
        tag = Signal(column_tag)
        m.d.comb += [
            second.eq(phase == 1),
            base.eq(Mux(second, d.second_base, d.pixel_base)),
            tag.addend.eq(Mux(second, 2, 1)),
            self.o.valid.eq(active & (phase != 2)),
            self.o.payload.group.eq(Mux(second, d.second_group, d.source_group)),
            self.o.payload.inside.eq((1 << self.blocks) - 1),
            self.o.payload.tag.eq(tag.as_value()),
        ]
        for lane in range(self.blocks):
            m.d.comb += self.o.payload.addresses[lane].eq(base + offset + lane)

        with m.If(self.stop):
            m.d.sync += active.eq(0)
        with m.Elif(self.start):
            m.d.sync += [active.eq(1), phase.eq(0), offset.eq(0), left.eq(d.out_width)]
        with m.Elif(active & (phase == 2)):
            m.d.sync += [phase.eq(0), offset.eq(offset + self.blocks), left.eq(left - 1),
                         active.eq(left != 1)]
        with m.Elif(self.o.valid & self.o.ready):
            m.d.sync += phase.eq(phase + 1)
        return m
