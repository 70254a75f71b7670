# SPDX-License-Identifier: Apache-2.0
"""Products of LUTs and carry chains, for FPGAs: rows of Booth digits, each added to the last."""

from amaranth import Cat, Const, Module, Signal, Value, signed

__all__ = ["row_product"]

DIGITS = 4
OPERAND_BITS = 9
ROW_BITS = OPERAND_BITS + 3
"""A row's sum: the operand doubled and negated, and a quarter of the row before."""


def row_product(m: Module, name: str, activation: Value, weight: Value) -> Value:
    """``activation`` (at most 9 bits, signed) times ``weight`` (signed 8 bits), of 17 bits.

    The weight is recoded as four digits of -2 ... 2 (Booth, radix 4). A digit picks 0, once or
    twice the activation, or its inverse; that is one input of the row's adder, and needs five
    inputs a bit beside the sum of the rows above: with it one LUT of 6 inputs in front of a carry
    chain. The 1 that an inverse lacks comes from an addition of its own below the row's lowest
    bit: written as a third summand, yosys gives it LUTs. 41 LUTs on 7-series, where the
    synthesiser's own product takes 151.
    """
    x = Signal(signed(OPERAND_BITS), name=f"{name}_operand")
    m.d.comb += x.eq(activation)
    bits = Cat(0, weight)
    above: Value = Const(0)
    low = []
    for digit in range(DIGITS):
        down, middle, up = (bits[2 * digit + place] for place in range(3))
        once = middle ^ down
        twice = (up & ~middle & ~down) | (~up & middle & down)
        wide = OPERAND_BITS + 2
        multiple = Signal(signed(wide), name=f"{name}_multiple_{digit}")
        row = Signal(signed(ROW_BITS), name=f"{name}_row_{digit}")
        single, double = Signal(signed(wide)), Signal(signed(wide))
        m.d.comb += [single.eq(x), double.eq(x << 1)]
        m.d.comb += [
            multiple.eq(((single & once.replicate(wide)) | (double & twice.replicate(wide)))
                        ^ up.replicate(wide)),
            row.eq((Cat(up, multiple).as_signed() + Cat(1, above).as_signed()) >> 1),
        ]
        low.append(row[:2])
        above = row >> 2
    return Cat(*low[:-1], row[:ROW_BITS - 1]).as_signed()
