# SPDX-License-Identifier: Apache-2.0
"""Elastic storage between streams."""

from amaranth import Module, Shape, Signal, Value
from amaranth.hdl import ShapeLike
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Queue"]


class Queue(wiring.Component):
    """First in, first out: ``o`` is ``i``, up to ``depth`` payloads later.

    *Timing*: a payload is at ``o`` one cycle after it was taken. One transfer a cycle at ``i`` and
    at ``o`` from ``depth`` 2 on. No combinational path joins ``i`` and ``o``: ``i.ready`` is "not
    full", ``o.valid`` is "not empty".

    *Parameters*: ``shape`` of the payload, ``depth`` in payloads, at least 1.

    *Members*: ``i``, ``o``, ``level`` (payloads held).
    """

    i: stream.Interface
    o: stream.Interface
    level: Signal

    def __init__(self, shape: ShapeLike, *, depth: int):
        if not isinstance(depth, int):
            raise TypeError(f"Queue depth must be an integer, not {depth!r}")
        if depth < 1:
            raise ValueError(f"Queue depth must be at least 1, not {depth!r}")
        self.shape = shape
        self.depth = depth
        super().__init__({
            "i": In(stream.Signature(shape)),
            "o": Out(stream.Signature(shape)),
            "level": Out(range(depth + 1)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.storage = storage = fifo.SyncFIFO(
            width=Shape.cast(self.shape).width, depth=self.depth)
        m.d.comb += [
            storage.w_data.eq(Value.cast(self.i.payload)),
            storage.w_en.eq(self.i.valid),
            self.i.ready.eq(storage.w_rdy),
            Value.cast(self.o.payload).eq(storage.r_data),
            self.o.valid.eq(storage.r_rdy),
            storage.r_en.eq(self.o.ready),
            self.level.eq(storage.level),
        ]
        return m
