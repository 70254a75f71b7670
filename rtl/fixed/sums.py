# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Weighted sums of fixed weights, requantised by constants."""

from amaranth import Cat, Module, Mux, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..constants.products import FixedProducts
from .parameters import Scaling, SumsParameters
from .window import pixel_layout

__all__ = ["FixedSums", "limited"]


def limited(value: Value, low: int, high: int) -> Value:
    """``low + value``, at least ``low`` and at most ``high``."""
    shape = value.shape()
    if shape.signed:
        value = Mux(value < 0, 0, value)
    if 1 << shape.width - shape.signed > high - low + 1:
        value = Mux(value > high - low, high - low, value)
    return value + low


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

    *Timing*: ``o`` belongs to the ``i`` of ``latency`` cycles before; registers at the end of each
    stage are written in cycles of its bit of ``enable``.

    *Parameters*: ``parameters``, SumsParameters.

    *Members*: ``enable``, ``i`` (the window's values), ``o``.
    """

    def __init__(self, parameters: SumsParameters):
        p = self.parameters = parameters
        self.sums = FixedProducts(p.graph, p.levels_per_stage, form=p.form, gated=True)
        self.factors = FixedProducts(p.factors, p.levels_per_stage, form=p.form,
                                     gated=True)
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
        m.d.comb += [self.sums.i.eq(self.i), self.sums.enable.eq(self.enable),
                     self.factors.enable.eq(self.enable[self.sums.latency:])]
        with m.If(self.enable[-1]):
            for index, scaling in enumerate(self.parameters.scalings):
                m.d.sync += self.o[index].eq(_requantised(self.factors.o[index], scaling))
        for index in range(len(self.o)):
            m.d.comb += self.factors.i[index].eq(self.sums.o[index])
        return m
