# SPDX-License-Identifier: Apache-2.0
"""The fused dot product: all products and the accumulator in one sum."""

from amaranth import Cat, Module, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..cell import Cell
from .total import total

__all__ = ["DotProduct"]


class DotProduct(Cell):
    """``result = accumulator + sum(activations[i] * weights[i])``, modulo the accumulator width.

    Activations are int8 or unsigned bytes, as ``signed_activations`` says, which must not change
    while it matters. A platform with ``get_dot_product`` may replace the plain description by one
    of its own technology (carry-save trees, DSP cascades).

    *Timing*: combinational.

    *Parameters*: ``taps`` (products, at least 1), ``accumulator_bits`` (16 ... 32).

    *Members*: ``activations`` (8 bits), ``weights`` (signed 8 bits), ``signed_activations``,
    ``accumulator``, ``result``.
    """

    def __init__(self, *, taps: int, accumulator_bits: int):
        if taps < 1:
            raise ValueError(f"Taps must be at least 1, not {taps!r}")
        if not 16 <= accumulator_bits <= 32:
            raise ValueError(f"Accumulator must be 16 ... 32 bits, not {accumulator_bits!r}")
        self.taps = taps
        self.accumulator_bits = accumulator_bits
        super().__init__({
            "activations": In(data.ArrayLayout(8, taps)),
            "weights": In(data.ArrayLayout(signed(8), taps)),
            "signed_activations": In(1),
            "accumulator": In(signed(accumulator_bits)),
            "result": Out(signed(accumulator_bits)),
        })

    @property
    def module_name(self) -> str:
        return f"dot_product_{self.taps}_acc{self.accumulator_bits}"

    def body(self, platform) -> Module:
        replace = getattr(platform, "get_dot_product", DotProduct.plain)
        return replace(self)

    def plain(self) -> Module:
        """Products and sums left to the synthesiser."""
        m = Module()
        products = (self.operand(i) * self.weights[i] for i in range(self.taps))
        m.d.comb += self.result.eq(self.accumulator + total(products))
        return m

    def operand(self, index: int) -> Value:
        """Activation ``index``, signed, of 9 bits."""
        octet = self.activations[index]
        return Cat(octet, octet[7] & self.signed_activations).as_signed()
