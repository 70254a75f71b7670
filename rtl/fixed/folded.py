# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Weighted sums of fixed weights in several cycles, on multipliers with constants from ROMs."""

from collections.abc import Sequence

from amaranth import Array, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..constants.products import FixedProducts
from ..constants.shape import shape_of
from .parameters import FoldedParameters
from .sums import limited
from .window import pixel_layout

__all__ = ["FoldedSums"]


class FoldedSums(wiring.Component):
    """As ``FixedSums``, channel ``phase * lanes + lane`` in its phase; the same ``i`` in all.

    *Timing*: ``o`` belongs to the ``i`` and the ``phase`` of ``latency`` cycles before: the
    channels of one phase. Registers at the end of each stage are written in cycles of its bit of
    ``enable``.

    *Parameters*: ``parameters``, FoldedParameters.

    *Members*: ``enable``, ``phase``, ``i`` (the window's values), ``o`` (of ``lanes`` channels).
    """

    def __init__(self, parameters: FoldedParameters):
        p = self.parameters = parameters
        self.tree = FixedProducts(p.tree, p.levels_per_stage, form=p.form, gated=True)
        super().__init__({
            "enable": In(self.latency),
            "phase": In(range(p.phases)),
            "i": In(data.ArrayLayout(shape_of(p.inputs), len(p.inputs))),
            "o": Out(pixel_layout(p.lanes)),
        })

    @property
    def latency(self) -> int:
        """Cycles from ``i`` to ``o``."""
        return self.tree.latency + 3

    def elaborate(self, platform) -> Module:
        m = Module()
        p = self.parameters
        m.submodules.tree = tree = self.tree
        m.d.comb += tree.enable.eq(self.enable[1:])
        phases = [self.phase]  # as later stages see it
        for stage in range(self.latency - 1):
            phases.append(Signal.like(self.phase, name=f"phase_{stage + 1}"))
            with m.If(self.enable[stage]):
                m.d.sync += phases[-1].eq(phases[-2])

        index = 0
        for lane in range(p.lanes):
            for places, weights in zip(zip(*p.places[lane], strict=True),
                                       zip(*p.weights[lane], strict=True), strict=True):
                product = Signal.like(tree.i[index], name=f"product_{index}", reset_less=True)
                with m.If(self.enable[0]):
                    m.d.sync += product.eq(chosen(self.phase, [self.i[place] for place in places])
                                           * chosen(self.phase, weights))
                m.d.comb += tree.i[index].eq(product)
                index += 1
            factor = chosen(phases[1 + tree.latency], p.factors[lane])
            scaled = Signal.like(tree.o[lane] * factor, name=f"scaled_{lane}", reset_less=True)
            with m.If(self.enable[-2]):
                m.d.sync += scaled.eq(tree.o[lane] * factor)
            with m.If(self.enable[-1]):
                m.d.sync += self.o[lane].eq(self._requantised(scaled, phases[-1], lane))
        return m

    def _requantised(self, value: Value, phase: Value, lane: int) -> Value:
        """A scaled sum's byte."""
        scalings = self.parameters.scalings[lane]
        offset = chosen(phase, [each.offset for each in scalings])
        if any(each.split is not None for each in scalings):
            split = chosen(phase, [each.split or 0 for each in scalings])
            below = chosen(phase, [each.offset if each.split is None else each.below
                                   for each in scalings])
            offset = Mux(value < split, below, offset)
        shifted = (value + offset) >> scalings[0].shift
        return limited(shifted, scalings[0].low, scalings[0].high)


def chosen(phase: Value, values: Sequence[Value | int]) -> Value:
    """That of ``values`` which ``phase`` counts to."""
    if isinstance(values[0], int):
        return Const(values[0]) if len(set(values)) == 1 else Array(map(Const, values))[phase]
    return Array(values)[phase]
