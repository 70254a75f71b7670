# SPDX-License-Identifier: Apache-2.0
"""Carry-save addition: dots become one number, through explicit full adders.

In every column the earliest three bits meet in a full adder (three-greedy: Stelling, Martel,
Oklobdzija, Ravi, "Optimal circuits for parallel multipliers", 1998), until one bit is left, so that
carries ripple only through what settled before them. Adders whose outputs are inverted need no
inverters where all inputs of one have the same polarity: bits that may have either are chosen to.
"""

from amaranth import Cat, Module, Value

from .adders import FullAdder, HalfAdder
from .dots import Dot, Dots

__all__ = ["CarrySaveAdder"]

SUM, CARRY, INVERTER = 1.0, 0.6, 0.2  # delays, in full adders (from an early input)
LAST_CARRY = 0.5                       # ... from the last one to the carry


class CarrySaveAdder:
    """Builds the sum of ``Dots`` in module ``m``. ``inverting``: the technology's adders are."""

    def __init__(self, m: Module, *, inverting: bool):
        self.m = m
        self.inverting = inverting
        self._count = 0

    def total(self, dots: Dots) -> Value:
        """The sum, ``dots.width`` bits."""
        columns = [list(column) for column in dots.columns]
        bits = []
        for index, column in enumerate(columns):
            carries = columns[index + 1] if index + 1 < dots.width else []
            bits.append(self._column(column, dots.constant >> index & 1, carries))
        return Cat(bits)

    def _column(self, column: list[Dot], constant: int, carries: list[Dot]) -> Value:
        """One bit of the sum; adds the column's carries to ``carries``."""
        while len(column) > 2:
            polarities = (False, True) if self.inverting else (False,)
            inverted = min(polarities, key=lambda polarity: self._cost(column, polarity))
            self._add(FullAdder, self._earliest(column, inverted), inverted, column, carries)
        if len(column) == 2:
            # Of inverted inputs a half adder makes the sum plus one.
            self._add(HalfAdder, list(column), bool(constant), column, carries)
            constant = 0
        if not column:
            return Value.cast(constant)
        last, = column
        if constant:
            carries.append(last)
        return last.wire(bool(constant))

    @staticmethod
    def _late(dot: Dot, inverted: bool) -> float:
        """When the bit is there in the polarity asked for."""
        return dot.time + (INVERTER if dot.inverted is (not inverted) else 0)

    def _earliest(self, column: list[Dot], inverted: bool) -> list[Dot]:
        return sorted(column, key=lambda dot: (dot.inverted is (not inverted), dot.time))[:3]

    def _cost(self, column: list[Dot], inverted: bool) -> tuple[int, float]:
        """Inverters that the earliest three bits need, and when the last one is there."""
        chosen = self._earliest(column, inverted)
        return (sum(dot.inverted is (not inverted) for dot in chosen),
                max(self._late(dot, inverted) for dot in chosen))

    def _add(self, kind: type, inputs: list[Dot], inverted: bool, column: list[Dot],
             carries: list[Dot]) -> None:
        adder = kind(inverting=self.inverting)
        self.m.submodules[f"adder_{self._count}"] = adder
        self._count += 1
        times = sorted(self._late(dot, inverted) for dot in inputs)
        for port, dot in zip(("a", "b", "c"), inputs, strict=False):
            self.m.d.comb += getattr(adder, port).eq(dot.wire(inverted))
            column.remove(dot)
        opposite = inverted != self.inverting
        column.append(Dot(adder.sum, opposite, times[-1] + SUM))
        carries.append(Dot(adder.carry, opposite,
                           max(times[-1] + LAST_CARRY, times[-2] + CARRY)))
