# SPDX-License-Identifier: Apache-2.0
"""Weighted sums of fixed weights, requantised by constants."""

from amaranth import Cat, Module, Mux, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .adder_graph import FixedProducts
from .parameters import Scaling, SumsParameters
from .window import pixel_layout

__all__ = ["FixedSums", "limited"]


def limited(value: Value, low: int, high: int) -> Value:
    """``low + value``, at least ``low`` and at most ``high``."""
    return Mux(value < 0, 0, Mux(value > high - low, high - low, value)) + low


def _requantised(value: Value, scaling: Scaling) -> Value:
    """A scaled sum's byte."""
    offset = scaling.offset
    if scaling.split is not None:
        offset = Mux(value < scaling.split, scaling.below, offset)
    shifted = (value + offset) >> scaling.shift
    for exceptions, change in ((scaling.more, 1), (scaling.less, -1)):
        if exceptions:
            met = Cat(value == exception for exception in exceptions).any()
            shifted = shifted + Mux(met, change, 0)
    return limited(shifted, scaling.low, scaling.high)


class FixedSums(wiring.Component):
    """``o = low + min(high - low, max(0, (factor * sum + offset) >> shift))`` channel by channel,
    int8.

    FixyNN's fixed layer (arXiv 1902.11128, section 3), requantised exactly: constants were found
    for which this equals the reference's rounding for every sum that can occur.

    *Timing*: ``o`` belongs to the ``i`` of ``latency`` cycles before, if each stage's registers
    advanced for it; those of one adder graph advance together.

    *Parameters*: ``parameters``, SumsParameters.

    *Members*: ``enable`` (registers advance, stage by stage), ``i`` (the window's values), ``o``.
    """

    def __init__(self, parameters: SumsParameters):
        p = self.parameters = parameters
        self.sums = FixedProducts(p.graph, p.levels_per_stage)
        self.factors = FixedProducts(p.factors, p.levels_per_stage)
        super().__init__({
            "enable": In(self.latency),
            "i": In(self.sums.i.shape()),
            "o": Out(pixel_layout(len(p.scalings))),
        })

    @property
    def latency(self) -> int:
        """Cycles from ``i`` to ``o``."""
        return self.sums.latency + self.factors.latency + 1

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.sums = self.sums
        m.submodules.factors = self.factors
        first = 0
        for part in (self.sums, self.factors):
            if part.latency:
                m.d.comb += part.enable.eq(self.enable[first:first + part.latency].any())
            first += part.latency
        m.d.comb += self.sums.i.eq(self.i)
        with m.If(self.enable[-1]):
            for index, scaling in enumerate(self.parameters.scalings):
                m.d.sync += self.o[index].eq(_requantised(self.factors.o[index], scaling))
        for index in range(len(self.o)):
            m.d.comb += self.factors.i[index].eq(self.sums.o[index])
        m.d.comb += self.factors.i[len(self.o)].eq(1)
        return m
