# SPDX-License-Identifier: Apache-2.0
"""One layer of the streaming pipeline."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from .folded import FoldedSums
from .maximum import FixedMaximum
from .parameters import FoldedParameters, LayerParameters, MaximumParameters
from .sums import FixedSums
from .total import FrameTotal
from .window import Window, pixel_layout

__all__ = ["FixedLayer"]


class FixedLayer(wiring.Component):
    """Pixels of a layer's sources in, pixels of its tensor out, both in raster order.

    A folded operation sees each window for ``phases`` cycles, and its pixel comes together in
    registers.

    *Timing*: ``latency`` cycles behind the window, or the pixel where there is none. Registers
    behind the window stand still while ``o`` waits, and where they hold nothing. ``i.ready``
    depends on ``o.ready`` where there is no window.

    *Parameters*: ``parameters``, LayerParameters.

    *Members*: ``i``, ``o``, ``clear`` (forget all; nothing is taken).
    """

    def __init__(self, parameters: LayerParameters):
        p = self.parameters = parameters
        match p.operation:
            case FoldedParameters():
                self.operation = FoldedSums(p.operation)
            case MaximumParameters():
                self.operation = FixedMaximum(p.operation)
            case _:
                self.operation = FixedSums(p.operation)
        super().__init__({
            "i": In(stream.Signature(pixel_layout(p.in_channels))),
            "o": Out(stream.Signature(pixel_layout(p.out_shape[2]))),
            "clear": In(1),
        })

    @property
    def phases(self) -> int:
        """Cycles a window."""
        operation = self.parameters.operation
        return operation.phases if isinstance(operation, FoldedParameters) else 1

    @property
    def latency(self) -> int:
        """Cycles from the last one of a window to its result."""
        return self.operation.latency + (self.phases > 1)

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.operation = operation = self.operation
        source, payload = self._source(m)
        for value, byte in zip(operation.i, payload, strict=True):
            m.d.comb += value.eq(byte.as_signed())

        valid = Signal(operation.latency)
        advance, arrives, last = Signal(), Signal(), Signal()
        m.d.comb += [
            arrives.eq(source.valid & ~self.clear),
            source.ready.eq(advance & last & ~self.clear),
            operation.enable.eq(Mux(advance, Cat(arrives, valid[:-1]), 0)),
        ]
        with m.If(self.clear):
            m.d.sync += valid.eq(0)
        with m.Elif(advance):
            m.d.sync += valid.eq((valid << 1) | arrives)
        if self.phases == 1:
            m.d.comb += [last.eq(1), self.o.valid.eq(valid[-1]), self.o.payload.eq(operation.o),
                         advance.eq(~self.o.valid | self.o.ready)]
        else:
            self._collect(m, valid[-1], advance, arrives, last)
        return m

    def _source(self, m: Module):
        """A stream of windows, or what is in their place, and the values of one."""
        p = self.parameters
        if p.total_of:
            m.submodules.total = part = FrameTotal(pixels=p.total_of, channels=p.in_channels)
        elif p.window is not None:
            m.submodules.window = part = Window(p.window)
        else:
            return self.i, list(self.i.payload)
        connect(m, flipped(self.i), part.i)
        m.d.comb += part.clear.eq(self.clear)
        values = list(part.o.payload)
        return part.o, values if p.total_of else [byte for pixel in values for byte in pixel]

    def _collect(self, m: Module, valid, advance, arrives, last) -> None:
        """Phases of a window, and the pixel out of what they give."""
        p = self.parameters.operation
        phase, given = Signal(range(p.phases)), Signal(range(p.phases))
        m.d.comb += [self.operation.phase.eq(phase), last.eq(phase == p.phases - 1)]
        full = Signal()  # the pixel's last channels are there
        channels = [Signal(8, name=f"channel_{index}", reset_less=True)
                    for index in range((p.phases - 1) * p.lanes)]
        m.d.comb += [full.eq(valid & (given == p.phases - 1)),
                     advance.eq(~full | ~self.o.valid | self.o.ready)]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(advance):
            with m.If(arrives):
                m.d.sync += phase.eq(Mux(last, 0, phase + 1))
            with m.If(valid):
                m.d.sync += given.eq(Mux(full, 0, given + 1))
                with m.Switch(given):
                    for index in range(p.phases - 1):
                        with m.Case(index):
                            for lane in range(p.lanes):
                                m.d.sync += channels[index * p.lanes + lane].eq(
                                    self.operation.o[lane])
            with m.If(full):
                m.d.sync += self.o.valid.eq(1)
                for channel in range(p.channels):
                    m.d.sync += self.o.payload[channel].eq(
                        [*channels, *self.operation.o][channel])
        with m.If(self.clear):
            m.d.sync += [phase.eq(0), given.eq(0), self.o.valid.eq(0)]
