# SPDX-License-Identifier: Apache-2.0
"""Transfers of a run: weights and activations that move while layers run."""

from amaranth import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from .descriptor import ROW_BITS

__all__ = ["RELEASE", "Transfer", "TransferQueue"]

Transfer = data.StructLayout({
    "external": 29,       # from the external base on
    "local": 21,
    "words": 16,          # of a segment
    "more": 8,            # segments behind the first
    "external_step": 18,  # from one segment to the next
    "local_step": 12,
    "after": 12,          # layers of the run that must have ended before, or
    "released": 11,       # ... in the last of them, not 0: groups of weight words that it has used
    "write_out": 1,       # to external memory
})
"""One row of program memory: segments of 64-bit words between external and local memory.
Addresses and steps count words, ``released`` groups of ``RELEASE`` words that the layer read for
the last time."""

RELEASE = 8

assert Transfer.size == ROW_BITS


class TransferQueue(wiring.Component):
    """Hands out the image's list of transfers in order, each when enough layers have ended.

    A layer in turn waits, by its descriptor's ``transfers``, until so many have been completed
    (the sequencer sees to that). Loads that run ahead of the layer which needs them and stores
    behind the one which made them are thus hidden behind the layers between (AXI double buffering
    without a fixed partition).

    *Timing*: a transfer is offered three cycles after the one before was taken, later where program
    memory is busy (it has the lowest priority there) or layers have not ended.

    *Parameters*: ``width`` (program rows in a memory row), ``row_width`` (address bits of a memory
    row).

    *Members*: ``start`` (pulse, while ``idle``), ``stop`` (level: hand out no more), ``base``
    (first row), ``count``, ``layer`` (layers that have ended), ``running`` (the next one is),
    ``released`` (weight words that it has used for the last time), ``read_enable``, ``read_grant``,
    ``read_row``, ``read_data``, ``o``, ``done`` (pulse: the oldest transfer that was taken is
    complete), ``completed``, ``idle``.
    """

    def __init__(self, *, width: int, row_width: int):
        self.width = width
        super().__init__({
            "start": In(1),
            "stop": In(1),
            "base": In(row_width + exact_log2(width)),
            "count": In(16),
            "layer": In(16),
            "running": In(1),
            "released": In(32),
            "read_enable": Out(1),
            "read_grant": In(1),
            "read_row": Out(row_width),
            "read_data": In(data.ArrayLayout(ROW_BITS, width)),
            "o": Out(stream.Signature(Transfer)),
            "done": In(1),
            "completed": Out(16),
            "idle": Out(1),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        select = exact_log2(self.width)
        row = Signal.like(self.base)
        left = Signal(16)
        transfer = self.o.payload
        m.d.comb += self.read_row.eq(row >> select)
        with m.FSM():
            with m.State("Idle"):
                m.d.comb += self.idle.eq(1)
                with m.If(self.start):
                    m.d.sync += [row.eq(self.base), left.eq(self.count), self.completed.eq(0)]
                    m.next = "Read"
            with m.State("Read"):
                m.d.comb += self.read_enable.eq(left != 0)
                with m.If((left == 0) | self.stop):
                    m.next = "Idle"
                with m.Elif(self.read_grant):
                    m.next = "Take"
            with m.State("Take"):
                m.d.sync += self.o.payload.eq(
                    self.read_data.as_value().word_select(row[:select], ROW_BITS))
                m.next = "Offer"
                with m.If(self.stop):
                    m.next = "Idle"
            with m.State("Offer"):
                ended = self.layer >= transfer.after
                released = (self.running & (self.layer + 1 == transfer.after)
                            & transfer.released.any()
                            & (self.released >= transfer.released * RELEASE))
                m.d.comb += self.o.valid.eq((ended | released) & ~self.stop)
                with m.If(self.o.valid & self.o.ready):
                    m.d.sync += [row.eq(row + 1), left.eq(left - 1)]
                    m.next = "Read"
                with m.Elif(self.stop):
                    m.next = "Idle"
        with m.If(self.done):
            m.d.sync += self.completed.eq(self.completed + 1)
        return m
