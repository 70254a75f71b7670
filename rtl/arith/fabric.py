# SPDX-License-Identifier: Apache-2.0
"""How an FPGA builds products: some in DSP blocks, the others of LUTs and carry chains."""

from dataclasses import dataclass

from amaranth import Module, Value

from .dot_product import DotProduct
from .product_sum import plain_product
from .rows import row_product
from .total import total

__all__ = ["FabricArithmetic"]


@dataclass(frozen=True, kw_only=True)
class FabricArithmetic:
    """The first ``dsp_products`` products of each dot product are left to the synthesiser, which
    has DSP blocks for them; all others are rows of Booth digits (``row_product``).

    Sums are those of the plain description, bit for bit; so are all cycles.
    """

    dsp_products: int = 0
    multiplier = "rows"

    def product(self, m: Module, tap: int, activation: Value, weight: Value) -> Value:
        """Product ``tap`` of a dot product."""
        if tap < self.dsp_products:
            return plain_product(m, tap, activation, weight)
        return row_product(m, f"tap_{tap}", activation, weight)

    def dot_product(self, dot: DotProduct) -> Module:
        """The body of ``dot``."""
        m = Module()
        products = [self.product(m, tap, dot.operand(tap), dot.weights[tap])
                    for tap in range(dot.taps)]
        m.d.comb += dot.result.eq(dot.accumulator + total(products))
        return m
