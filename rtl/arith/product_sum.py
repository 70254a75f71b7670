# SPDX-License-Identifier: Apache-2.0
"""The pipelined sum of products, for FPGAs: products and every level of adders end in registers."""

from collections.abc import Callable

from amaranth import Cat, Module, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..cell import Cell

__all__ = ["PRODUCT_BITS", "ProductSum", "plain_product", "sum_stages"]

PRODUCT_BITS = 17
"""Of an activation of 9 bits, signed, and a weight of 8."""


def sum_stages(taps: int) -> int:
    """Cycles from operands to their registered sum: products, then each level of adders."""
    return 1 + ceil_log2(taps)


class ProductSum(Cell):
    """``result = sum(activations[i] * weights[i])``, ``sum_stages(taps)`` cycles later.

    Activations are int8 or unsigned bytes, as ``signed_activations`` says, which must not change
    while it matters. A register at every level keeps a synthesiser from flattening the sum into
    LUTs, and lets DSP blocks take the products' registers and the first adders. A platform with
    ``get_product`` may build products of its own technology.

    *Timing*: one sum a cycle, ``sum_stages(taps)`` cycles of latency, no handshake.

    *Parameters*: ``taps`` (products, at least 1).

    *Members*: ``activations`` (8 bits), ``weights`` (signed 8 bits), ``signed_activations``,
    ``result``.
    """

    def __init__(self, *, taps: int):
        if taps < 1:
            raise ValueError(f"Taps must be at least 1, not {taps!r}")
        self.taps = taps
        super().__init__({
            "activations": In(data.ArrayLayout(8, taps)),
            "weights": In(data.ArrayLayout(signed(8), taps)),
            "signed_activations": In(1),
            "result": Out(signed(PRODUCT_BITS + ceil_log2(taps))),
        })

    @property
    def module_name(self) -> str:
        return f"product_sum_{self.taps}"

    def body(self, platform) -> Module:
        m = Module()
        product: Callable = getattr(platform, "get_product", plain_product)
        terms: list[Value] = []
        for tap in range(self.taps):
            octet = self.activations[tap]
            operand = Cat(octet, octet[7] & self.signed_activations).as_signed()
            registered = Signal(signed(PRODUCT_BITS), name=f"product_{tap}", reset_less=True)
            m.d.sync += registered.eq(product(m, tap, operand, self.weights[tap]))
            terms.append(registered)
        level = 0
        while len(terms) > 1:
            level += 1
            sums: list[Value] = []
            for index in range(0, len(terms), 2):
                pair = terms[index:index + 2]
                registered = Signal(signed(PRODUCT_BITS + level), name=f"sum_{level}_{index // 2}",
                                    reset_less=True)
                m.d.sync += registered.eq(pair[0] + pair[1] if len(pair) == 2 else pair[0])
                sums.append(registered)
            terms = sums
        m.d.comb += self.result.eq(terms[0])
        return m


def plain_product(m: Module, tap: int, activation: Value, weight: Value) -> Value:
    """A product left to the synthesiser."""
    return activation * weight
