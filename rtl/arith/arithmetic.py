# SPDX-License-Identifier: Apache-2.0
"""How dot products and counts are built, where that is not left to the synthesiser."""

from dataclasses import dataclass

from amaranth import Module

from .carry_save import CarrySaveAdder, FinalAdder
from .dot_product import DotProduct
from .dots import Dots
from .partial_products import Multiplier, add_products
from .popcount import Popcount

__all__ = ["Arithmetic"]


@dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """Explicit trees: the ``multiplier``'s partial products and the accumulator in one carry-save
    tree, which ends in ``final``. ``inverting``: the technology's adders have inverted outputs.

    Sums are those of the plain description, bit for bit; so are all cycles.
    """

    multiplier: Multiplier = Multiplier.BAUGH_WOOLEY
    final: FinalAdder = FinalAdder.PREFIX
    inverting: bool = False

    def dot_product(self, dot: DotProduct) -> Module:
        """The body of ``dot``."""
        m = Module()
        dots = Dots(dot.accumulator_bits)
        for bit in range(dot.accumulator_bits):
            dots.add(bit, dot.accumulator[bit])
        add_products(m, dots, list(dot.activations), [w.as_unsigned() for w in dot.weights],
                     dot.signed_activations, self.multiplier)
        adder = CarrySaveAdder(m, inverting=self.inverting, final=self.final)
        m.d.comb += dot.result.eq(adder.total(dots))
        return m

    def popcount(self, counter: Popcount) -> Module:
        """The body of ``counter``."""
        m = Module()
        dots = Dots(len(counter.o))
        for bit in counter.i:  # products: NAND gates are smaller than AND gates
            dots.add_inverse(0, ~bit)
        adder = CarrySaveAdder(m, inverting=self.inverting, final=self.final)
        m.d.comb += counter.o.eq(adder.total(dots))
        return m
