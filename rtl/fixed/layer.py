# SPDX-License-Identifier: Apache-2.0
"""One layer of the streaming pipeline."""

from amaranth import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from .parameters import LayerParameters
from .sums import FixedSums
from .window import Window, pixel_layout

__all__ = ["FixedLayer"]


class FixedLayer(wiring.Component):
    """Pixels of a layer's source in, pixels of its tensor out, both in raster order.

    *Timing*: ``latency`` cycles behind the window, or the pixel where there is none. All registers
    behind the window stand still while ``o`` waits. ``i.ready`` depends on ``o.ready`` where there
    is no window.

    *Parameters*: ``parameters``, LayerParameters; ``in_channels``.

    *Members*: ``i``, ``o``, ``clear`` (forget all; nothing is taken).
    """

    def __init__(self, parameters: LayerParameters, *, in_channels: int):
        p = self.parameters = parameters
        self.sums = FixedSums(p.sums)
        super().__init__({
            "i": In(stream.Signature(pixel_layout(in_channels))),
            "o": Out(stream.Signature(pixel_layout(p.out_shape[2]))),
            "clear": In(1),
        })

    @property
    def latency(self) -> int:
        """Cycles from a window to its result."""
        return self.sums.latency

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.sums = sums = self.sums
        advance, arrives, ready = Signal(), Signal(), Signal()
        if self.parameters.window is None:
            m.d.comb += [sums.i.eq(self.i.payload), arrives.eq(self.i.valid & ready),
                         self.i.ready.eq(ready)]
        else:
            m.submodules.window = window = Window(self.parameters.window)
            connect(m, flipped(self.i), window.i)
            m.d.comb += [
                window.clear.eq(self.clear),
                sums.i.eq(window.o.payload.as_value()),
                arrives.eq(window.o.valid & ready),
                window.o.ready.eq(ready),
            ]
        valid = Signal(self.latency)
        m.d.comb += [
            self.o.valid.eq(valid[-1]),
            advance.eq(~self.o.valid | self.o.ready),
            ready.eq(advance & ~self.clear),
            sums.enable.eq(advance),
            self.o.payload.eq(sums.o),
        ]
        with m.If(self.clear):
            m.d.sync += valid.eq(0)
        with m.Elif(advance):
            m.d.sync += valid.eq((valid << 1) | arrives)
        return m
