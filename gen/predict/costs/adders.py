# SPDX-License-Identifier: Apache-2.0
"""Adders of a dot product, counted where they are built."""

from collections import Counter
from functools import cache

from amaranth import Module
from amaranth.hdl import Fragment

from ....rtl.arith.adders import FullAdder, HalfAdder
from ....rtl.arith.arithmetic import Arithmetic
from ....rtl.arith.dot_product import DotProduct
from ....rtl.arith.selector import Selector
from ....rtl.cell import Cell

__all__ = ["Parts", "parts_of"]


class Parts(Counter):
    """How many cells of each class a dot product has."""

    @property
    def full_adders(self) -> int:
        return self[FullAdder]

    @property
    def half_adders(self) -> int:
        return self[HalfAdder]

    @property
    def selectors(self) -> int:
        return self[Selector]


class _Counting:
    """A platform that counts cells in place of building them."""

    def __init__(self, arithmetic: Arithmetic):
        self.arithmetic = arithmetic
        self.parts = Parts()

    def get_cell(self, cell: Cell) -> Module:
        self.parts[type(cell)] += 1
        return Module()

    def get_dot_product(self, dot: DotProduct) -> Module:
        return self.arithmetic.dot_product(dot)


@cache
def parts_of(taps: int, accumulator_bits: int, arithmetic: Arithmetic) -> Parts:
    """The cells of one ``DotProduct`` as ``arithmetic`` builds it."""
    platform = _Counting(arithmetic)
    dot = DotProduct(taps=taps, accumulator_bits=accumulator_bits)
    Fragment.get(dot.body(platform), platform)
    return platform.parts
