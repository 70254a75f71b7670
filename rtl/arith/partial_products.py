# SPDX-License-Identifier: Apache-2.0
"""Partial products of int8 weights and activations of 8 bits of either signedness.

All forms treat a signed activation alike: its top bit counts -128, so that row 7 is that bit times
the weight negated, ``(w ^ s) + s`` where s says that activations are signed. Negated weights,
multiples and sums of weights are the same for all rows of a TPE, decoded activations for all its
columns: a synthesiser shares them.
"""

import enum
from collections.abc import Sequence

from amaranth import Cat, Module, Value

from .dots import Dots
from .selector import Selector

__all__ = ["SHARED_FROM", "Multiplier", "add_products"]

GATE, RIPPLE = 0.3, 0.4  # delays in full adders: of a gate, of a bit of a small adder


class Multiplier(enum.StrEnum):
    """How the partial products of a multiplication are made."""

    BAUGH_WOOLEY = "baugh-wooley"
    """A row of AND gates for each bit of the activation (Baugh and Wooley, 1973)."""
    RADIX_4 = "radix-4"
    """A row for two bits of the activation: 0, 1, 2 or 3 times the weight."""
    BOOTH = "booth"
    """A row for two bits of the activation, recoded as -2 ... 2 times the weight (Booth)."""
    DISTRIBUTED = "distributed"
    """A row for a bit of two activations each: 0, either weight, or their sum (distributed
    arithmetic: White, IEEE ASSP Magazine 1989). A single product takes rows of radix 4."""
    MIXED = "mixed"
    """The top three bits of activations distributed, all others, and a single product, as Baugh
    and Wooley: less area than theirs, and since top bits seldom toggle, less energy than
    distributed."""


SHARED_FROM = {Multiplier.DISTRIBUTED: 0, Multiplier.MIXED: 5}
"""The lowest bit whose rows two activations share."""


def add_products(m: Module, dots: Dots, activations: Sequence[Value], weights: Sequence[Value],
                 signed_activations: Value, multiplier: Multiplier) -> None:
    """Add the products of ``activations`` and signed ``weights`` (8 bits each)."""
    pairs = list(zip(activations, weights, strict=True))
    if multiplier in SHARED_FROM:
        even = len(pairs) // 2 * 2
        lowest = SHARED_FROM[multiplier]
        _bits(dots, pairs[:even], signed_activations, range(lowest))
        _shared_bits(m, dots, pairs[:even], signed_activations, range(lowest, 8))
        pairs = pairs[even:]
    match multiplier:
        case Multiplier.BAUGH_WOOLEY | Multiplier.MIXED:
            _bits(dots, pairs, signed_activations, range(8))
        case Multiplier.RADIX_4 | Multiplier.DISTRIBUTED:
            for x, w in pairs:
                _digits(m, dots, x, w, signed_activations)
        case Multiplier.BOOTH:
            for x, w in pairs:
                _recoded(m, dots, x, w, signed_activations)


def _row(dots: Dots, column: int, bit: Value, weight: Value, time: float = GATE) -> None:
    """Add ``bit * weight`` for a signed weight."""
    for j in range(len(weight) - 1):
        dots.add(column + j, bit & weight[j], time=time)
    dots.subtract(column + len(weight) - 1, bit & weight[-1], time=time)


def _top_row(dots: Dots, activation: Value, weight: Value, signed_activations: Value) -> None:
    """Add bit 7 of the activation times the weight, negated if activations are signed."""
    _row(dots, 7, activation[7], weight ^ signed_activations.replicate(8))
    dots.add(7, activation[7] & signed_activations, time=GATE)


def _bits(dots: Dots, pairs: Sequence[tuple[Value, Value]], signed_activations: Value,
          bits: Sequence[int]) -> None:
    """A row for each of ``bits`` of each activation. Rows of the same bit stand side by side, so
    that those of bits that seldom toggle meet in the same adders."""
    for i in bits:
        for x, w in pairs:
            if i < 7:
                _row(dots, i, x[i], w)
            else:
                _top_row(dots, x, w, signed_activations)


def _chosen_row(m: Module, dots: Dots, column: int, choices: Sequence[tuple[Value, Value]],
                late: Value) -> None:
    """Add the number that is chosen by one of at most one bits, all numbers as wide as ``late``,
    a sum that ripples."""
    width = len(late)
    choice = Cat(bit for bit, _ in choices)
    for j in range(width):
        m.submodules += (selector := Selector())
        m.d.comb += [selector.choice.eq(choice), selector.bits.eq(Cat(n[j] for _, n in choices))]
        add = dots.add_inverse if j < width - 1 else dots.subtract_inverse
        add(column + j, selector.o, time=GATE + RIPPLE * j)


def _extended(weight: Value, width: int) -> Value:
    return Cat(weight, weight[-1].replicate(width - len(weight)))


def _digits(m: Module, dots: Dots, activation: Value, weight: Value,
            signed_activations: Value) -> None:
    value = weight.as_signed()
    triple = (value + (value << 1))[:10]
    for i in range(0, 6, 2):
        low, high = activation[i], activation[i + 1]
        _chosen_row(m, dots, i, [(low & ~high, _extended(weight, 10)),
                                 (high & ~low, _extended(Cat(0, weight), 10)),
                                 (low & high, triple)], triple)
    _row(dots, 6, activation[6], weight)
    _top_row(dots, activation, weight, signed_activations)


def _shared_bits(m: Module, dots: Dots, pairs: Sequence[tuple[Value, Value]],
                 signed_activations: Value, bits: Sequence[int]) -> None:
    """A row for each of ``bits`` of two activations: 0, the weight of either, or their sum."""
    couples = list(zip(pairs[::2], pairs[1::2], strict=True))
    sums = [(w.as_signed() + v.as_signed())[:9] for (_, w), (_, v) in couples]
    for i in bits:
        for ((x, w), (y, v)), both in zip(couples, sums, strict=True):
            first, second = x[i], y[i]
            numbers = _extended(w, 9), _extended(v, 9), both
            if i == 7:
                numbers = [number ^ signed_activations.replicate(9) for number in numbers]
                dots.add(7, (first | second) & signed_activations, time=GATE)
            choices = zip((first & ~second, second & ~first, first & second), numbers,
                          strict=True)
            _chosen_row(m, dots, i, list(choices), numbers[-1])


def _recoded(m: Module, dots: Dots, activation: Value, weight: Value,
             signed_activations: Value) -> None:
    # Digit i/2 is bit i + bit i-1 - 2 * bit i+1. An unsigned activation has one more: bit 7.
    digits = Cat(0, activation)
    single = Cat(weight, weight[7])
    double = Cat(0, weight)
    for i in range(0, 8, 2):
        low, middle, high = digits[i], digits[i + 1], digits[i + 2]
        one = low ^ middle
        two = (high & ~middle & ~low) | (~high & middle & low)
        negative = high & ~(middle & low)
        for j in range(9):
            dot = ((one & single[j]) | (two & double[j])) ^ negative
            if j < 8:
                dots.add(i + j, dot, time=2 * GATE)
            else:
                dots.subtract(i + j, dot, time=2 * GATE)
        dots.add(i, negative, time=GATE)
    _row(dots, 8, activation[7] & ~signed_activations, weight)
