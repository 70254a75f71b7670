# SPDX-License-Identifier: Apache-2.0
"""The fixed-weight front end: the first layers of a network as one streaming pipeline."""

from amaranth import Module, Mux, ResetInserter, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect

from ..stream import Queue
from .branch import Fork, Join
from .layer import FixedLayer
from .parameters import FrontEndParameters
from .window import pixel_layout

__all__ = ["FrontEnd", "Monitor"]


class Monitor(wiring.Signature):
    """A tensor under way: ``pixel`` counts in cycles of ``strobe``.

    *Members*: ``strobe``, ``pixel``.
    """

    def __init__(self, channels: int):
        super().__init__({"strobe": Out(1), "pixel": Out(pixel_layout(channels))})


class FrontEnd(wiring.Component):
    """Frames of pixels in, frames of the last layer's pixels out, all channels of one at a time.

    FixyNN's fixed-weight feature extractor (arXiv 1902.11128). All layers work at once, each on
    what the one in front has made; the next frame may follow without a gap. Exact: every layer's
    tensor is that of LiteRT's reference kernels.

    A pixel with ``first`` set where no frame should begin is the first of a new frame. Like
    ``abort``, it makes the front end forget all that has not come out yet: the frame that was cut
    short, and the end of the one before where that is still under way.

    *Timing*: one pixel a cycle, or what a folded layer takes; see ``gen.fixed.latency``, which
    gives the exact cycles. No combinational path between ``i`` and ``o``. ``o.valid`` falls when
    all is forgotten.

    *Parameters*: ``parameters``, FrontEndParameters.

    *Members*: ``i`` (``first``: of a frame; the first pixel of all need not have it), ``o``
    (``last``: of a frame), ``abort`` (forget the frames under way; the next pixel taken is the
    first of a frame), ``restart`` (high in the cycle in which a pixel with ``first`` does that),
    with the parameter ``monitors`` each layer's ``monitor_<place>``.
    """

    def __init__(self, parameters: FrontEndParameters):
        p = self.parameters = parameters
        members = {
            "i": In(stream.Signature(data.StructLayout({
                "pixel": pixel_layout(p.in_shape[2]), "first": 1}))),
            "o": Out(stream.Signature(data.StructLayout({
                "pixel": pixel_layout(p.out_shape[2]), "last": 1}))),
            "abort": In(1),
            "restart": Out(1),
        }
        for index, layer in enumerate(p.layers if p.monitors else ()):
            members[f"monitor_{index}"] = Out(Monitor(layer.out_shape[2]))
        super().__init__(members)

    def elaborate(self, platform) -> Module:
        m = Module()
        p = self.parameters
        clear = Signal()
        taken = Signal(range(p.in_shape[0] * p.in_shape[1]))
        given = Signal(range(p.out_shape[0] * p.out_shape[1]))
        m.d.comb += [
            self.restart.eq(self.i.valid & self.i.payload.first & (taken != 0)),
            clear.eq(self.abort | self.restart),
        ]

        source = stream.Signature(pixel_layout(p.in_shape[2])).create()
        m.d.comb += [
            source.payload.eq(self.i.payload.pixel),
            source.valid.eq(self.i.valid & ~clear),
            self.i.ready.eq(source.ready & ~clear),
        ]
        streams = {-1: self._ways(m, "input", -1, source, clear)}
        for place, parameters in enumerate(p.layers):
            m.submodules[f"layer_{place}"] = layer = FixedLayer(parameters)
            m.d.comb += layer.clear.eq(clear)
            arriving = []
            for index, (number, depth) in enumerate(zip(parameters.sources, parameters.queues,
                                                        strict=True)):
                source = streams[number].pop()
                if depth:
                    queue = Queue(source.payload.shape(), depth=depth)
                    m.submodules[f"queue_{place}_{index}"] = ResetInserter(clear)(queue)
                    connect(m, source, queue.i)
                    source = queue.o
                arriving.append(source)
            if len(arriving) > 1:
                m.submodules[f"join_{place}"] = join = Join(
                    channels=tuple(len(source.payload) for source in arriving))
                for source, port in zip(arriving, join.i, strict=True):
                    connect(m, source, port)
                arriving = [join.o]
            connect(m, arriving[0], layer.i)
            if p.monitors:
                monitor = getattr(self, f"monitor_{place}")
                m.d.comb += [monitor.strobe.eq(layer.o.valid & layer.o.ready & ~clear),
                             monitor.pixel.eq(layer.o.payload)]
            streams[place] = self._ways(m, f"layer_{place}", place, layer.o, clear)
        source = streams[len(p.layers) - 1].pop()
        m.d.comb += [
            self.o.payload.pixel.eq(source.payload),
            self.o.payload.last.eq(given == p.out_shape[0] * p.out_shape[1] - 1),
            self.o.valid.eq(source.valid),
            source.ready.eq(self.o.ready),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += taken.eq(Mux(taken == p.in_shape[0] * p.in_shape[1] - 1, 0, taken + 1))
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += given.eq(Mux(self.o.payload.last, 0, given + 1))
        with m.If(clear):
            m.d.sync += [taken.eq(0), given.eq(0)]
        return m

    def _ways(self, m: Module, name: str, place: int, source, clear) -> list:
        """The streams of a tensor, one for each layer that takes it."""
        layers = self.parameters.layers
        ways = sum(layer.sources.count(place) for layer in layers) + (place == len(layers) - 1)
        if ways == 1:
            return [source]
        m.submodules[f"fork_{name}"] = fork = Fork(channels=len(source.payload), ways=ways)
        connect(m, source, fork.i)
        m.d.comb += fork.clear.eq(clear)
        return list(fork.o)
