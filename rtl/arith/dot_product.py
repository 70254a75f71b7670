# SPDX-License-Identifier: Apache-2.0
"""The fused dot product: all products and the accumulator in one sum."""

from amaranth import Module, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..cell import Cell
from .total import total

__all__ = ["DotProduct"]


class DotProduct(Cell):
    """``result = accumulator + sum(activations[i] * weights[i])``, modulo the accumulator width.

    A platform with ``get_dot_product`` may replace the plain description by one of its own
    technology (carry-save trees, DSP cascades).

    *Timing*: combinational.

    *Parameters*: ``taps`` (products, at least 1), ``accumulator_bits`` (16 ... 32).

    *Members*: ``activations`` (signed 9 bits: an int8 or an unsigned byte), ``weights`` (signed
    8 bits), ``accumulator``, ``result``.
    """

    def __init__(self, *, taps: int, accumulator_bits: int):
        if taps < 1:
            raise ValueError(f"Taps must be at least 1, not {taps!r}")
        if not 16 <= accumulator_bits <= 32:
            raise ValueError(f"Accumulator must be 16 ... 32 bits, not {accumulator_bits!r}")
        self.taps = taps
        self.accumulator_bits = accumulator_bits
        super().__init__({
            "activations": In(data.ArrayLayout(signed(9), taps)),
            "weights": In(data.ArrayLayout(signed(8), taps)),
            "accumulator": In(signed(accumulator_bits)),
            "result": Out(signed(accumulator_bits)),
        })

    @property
    def module_name(self) -> str:
        return f"dot_product_{self.taps}_acc{self.accumulator_bits}"

    def body(self, platform):
        replace = getattr(platform, "get_dot_product", None)
        if replace is not None:
            return replace(self)
        m = Module()
        products = (self.activations[i] * self.weights[i] for i in range(self.taps))
        m.d.comb += self.result.eq(self.accumulator + total(products))
        return m
