# SPDX-License-Identifier: Apache-2.0
"""The requantiser in short stages, for FPGAs."""

from typing import TYPE_CHECKING

from amaranth import Module, Mux, Signal, Value, signed

from ..delay import delay
from ..sequencer.descriptor import Rounding

if TYPE_CHECKING:
    from .requantiser import Requantiser

__all__ = ["stages"]

HALF = 17
"""Bits of the lower halves of the product's operands: with a sign they fit multipliers of 18."""


def stages(m: Module, unit: "Requantiser") -> None:
    """``unit`` in ten stages: sum with bias; four products of halves; their sums, two stages;
    rounded and shifted down, four stages; zero point; clamp. Results are the same."""
    magnitude = unit.rounding == Rounding.MAGNITUDE
    double = unit.rounding == Rounding.DOUBLE
    flip = magnitude & (unit.i < 0)
    total = Signal(signed(32), reset_less=True)
    flipped = (unit.i ^ flip.replicate(32))[:32].as_signed()
    m.d.sync += total.eq(flipped + unit.parameters.bias + flip)

    product = _product(m, total, unit.parameters.multiplier[:31])
    value = Signal(signed(34), reset_less=True)
    exact = Signal(reset_less=True)  # nothing of the product below that
    shift = Signal(range(33), reset_less=True)
    half = Signal(33, reset_less=True)
    places = unit.parameters.shift + Mux(double, 0, 1)
    m.d.sync += [
        value.eq(Mux(double, ((product >> 30) + 1) >> 1, product >> 30)),
        exact.eq(double | (product[:30] == 0)),
        shift.eq(places),
        half.eq(Mux(magnitude, 0, (1 << places) >> 1)),
    ]

    nudged = Signal(signed(35), reset_less=True)
    coarse = Signal(signed(35), reset_less=True)
    rounded = Signal(signed(33), reset_less=True)
    late = Signal.like(shift, reset_less=True)
    later = Signal(3, reset_less=True)
    tie = exact & ~magnitude & (value < 0) & (shift != 0)
    m.d.sync += [
        nudged.eq(value + half - tie),
        late.eq(shift),
        coarse.eq(nudged >> Mux(late[5], 32, late[3:5] << 3)),
        later.eq(late[:3]),
        rounded.eq(coarse >> later),
    ]
    m.d.comb += unit.scaled.eq(rounded)

    reflect = delay(m, "reflect", flip, 8)
    shifted = Signal(signed(35), reset_less=True)
    m.d.sync += shifted.eq((rounded ^ reflect.replicate(33))[:33].as_signed() + unit.zero_point
                           + reflect)
    with m.If(shifted < unit.low):
        m.d.sync += unit.o.eq(unit.low)
    with m.Elif(shifted > unit.high):
        m.d.sync += unit.o.eq(unit.high)
    with m.Else():
        m.d.sync += unit.o.eq(shifted)


def _product(m: Module, left: Value, right: Value) -> Value:
    """Signed ``left`` times unsigned ``right``, three cycles later, 64 bits."""
    low, high = left[:HALF], left[HALF:].as_signed()
    parts = {}
    for name, factors in {"ll": (low, right[:HALF]), "lh": (low, right[HALF:]),
                          "hl": (high, right[:HALF]), "hh": (high, right[HALF:])}.items():
        part = factors[0] * factors[1]
        parts[name] = Signal.like(part, name=f"part_{name}", reset_less=True)
        m.d.sync += parts[name].eq(part)
    lower = parts["ll"] + (parts["lh"] << HALF)
    upper = parts["hl"] + (parts["hh"] << HALF)
    sums = Signal.like(lower, reset_less=True), Signal.like(upper, reset_less=True)
    product = Signal(signed(64), reset_less=True)
    m.d.sync += [sums[0].eq(lower), sums[1].eq(upper), product.eq(sums[0] + (sums[1] << HALF))]
    return product
