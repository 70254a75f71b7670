# SPDX-License-Identifier: Apache-2.0
"""Weighted sums of fixed weights, requantised by constants."""

from amaranth import Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .adder_graph import FixedProducts
from .parameters import SumsParameters
from .window import pixel_layout

__all__ = ["FixedSums"]


class FixedSums(wiring.Component):
    """``o = low + min(high - low, max(0, (factor * sum + offset) >> shift))`` channel by channel,
    int8.

    FixyNN's fixed layer (arXiv 1902.11128, section 3), requantised exactly: constants were found
    for which this equals the reference's rounding for every sum that can occur.

    *Timing*: ``o`` belongs to the ``i`` of ``latency`` cycles of ``enable`` before.

    *Parameters*: ``parameters``, SumsParameters.

    *Members*: ``enable``, ``i`` (the window's values), ``o``.
    """

    def __init__(self, parameters: SumsParameters):
        p = self.parameters = parameters
        self.sums = FixedProducts(p.graph, p.levels_per_stage)
        self.factors = FixedProducts(p.factors, p.levels_per_stage)
        super().__init__({
            "enable": In(1),
            "i": In(pixel_layout(len(p.graph.inputs))),
            "o": Out(pixel_layout(len(p.scalings))),
        })

    @property
    def latency(self) -> int:
        """Cycles of ``enable`` from ``i`` to ``o``."""
        return self.sums.latency + self.factors.latency + 1

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.sums = self.sums
        m.submodules.factors = self.factors
        for part in (self.sums, self.factors):
            if part.latency:
                m.d.comb += part.enable.eq(self.enable)
        for index in range(len(self.i)):
            m.d.comb += self.sums.i[index].eq(self.i[index].as_signed())
        for index, scaling in enumerate(self.parameters.scalings):
            m.d.comb += self.factors.i[index].eq(self.sums.o[index])
            product = self.factors.o[index]
            offset = scaling.offset
            if scaling.split is not None:
                offset = Mux(product < scaling.split, scaling.below, offset)
            scaled = (product + offset) >> scaling.shift
            span = scaling.high - scaling.low
            clamped = Mux(scaled < 0, 0, Mux(scaled > span, span, scaled))
            with m.If(self.enable):
                m.d.sync += self.o[index].eq(clamped + scaling.low)
        return m
