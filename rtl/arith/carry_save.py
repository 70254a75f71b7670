# SPDX-License-Identifier: Apache-2.0
"""Carry-save addition: dots become one number, through explicit adders.

In every column the earliest three bits meet in a full adder (three-greedy: Stelling, Martel,
Oklobdzija, Ravi, "Optimal circuits for parallel multipliers", 1998), so that carries ripple only
through what settled before them. Adders whose outputs are inverted need no inverters where all
inputs of one have the same polarity: bits that may have either are chosen to.
"""

import enum

from amaranth import Cat, Const, Module, Value

from .adders import FullAdder, HalfAdder
from .dots import Dot, Dots

__all__ = ["CarrySaveAdder", "FinalAdder"]

SUM, CARRY = 1.0, 0.5            # delays of a full adder
HALF, INVERTER = 0.7, 0.2        # of a half adder, as a part; of an inverter
THRIFTY = 6
"""Columns of more bits save inverters rather than time."""
PEAK = 8
"""First column behind the highest ones of a tree of 8-bit products: there the last carries
start."""


class FinalAdder(enum.StrEnum):
    """How the carries of a carry-save tree come to their end."""

    RIPPLE = "ripple"
    """Through full adders in every column: smallest."""
    PREFIX = "prefix"
    """From the peak of the tree on in a sum of two rows, left to the synthesiser: fastest."""


class CarrySaveAdder:
    """Builds the sum of ``Dots`` in module ``m``. ``inverting``: the technology's adders are."""

    def __init__(self, m: Module, *, inverting: bool, final: FinalAdder):
        self.m = m
        self.inverting = inverting
        self.final = final
        self._count = 0

    def total(self, dots: Dots) -> Value:
        """The sum, ``dots.width`` bits."""
        bits: list[Value] = []
        rows: tuple[list[Value], list[Value]] = [], []
        for index, column in enumerate(self.reduced(dots)):
            if self._is_summed(index):
                for row, dot in zip(rows, [*column, None, None], strict=False):
                    row.append(Const(0, 1) if dot is None else dot.wire(False))
            else:
                bits.append(column[0].wire(False) if column else Const(0, 1))
        high = (Cat(rows[0]) + Cat(rows[1]))[:len(rows[0])]
        return Cat(*bits, high)

    def reduced(self, dots: Dots) -> list[list[Dot]]:
        """Columns of at most one bit, or of two where what is left is summed."""
        columns = [list(column) for column in dots.columns]
        following = [*columns[1:], []]  # where a column's carries go
        if self.final is FinalAdder.PREFIX:
            self._add_constant(columns, dots.constant)
        else:
            for index, column in enumerate(columns):
                if dots.constant >> index & 1:
                    following[index].append(self._increment(column))
        for index, (column, carries) in enumerate(zip(columns, following, strict=True)):
            self._compress(column, carries)
            if len(column) == 2 and not self._is_summed(index):
                inputs = column.copy()
                column.clear()
                self._add(HalfAdder, inputs, False, column, carries)
        return columns

    def adder(self, kind: type, inputs: list[Value]) -> tuple[Value, Value]:
        """Sum and carry of a new adder."""
        adder = kind(inverting=self.inverting)
        self.m.submodules[f"adder_{self._count}"] = adder
        self._count += 1
        for port, value in zip(("a", "b", "c"), inputs, strict=False):
            self.m.d.comb += getattr(adder, port).eq(value)
        return adder.sum, adder.carry

    def _is_summed(self, index: int) -> bool:
        return self.final is FinalAdder.PREFIX and index >= PEAK

    @staticmethod
    def _increment(column: list[Dot]) -> Dot:
        """Add 1 to the column's earliest bit: that is the carry, and leaves its inverse."""
        first = min(column, key=lambda dot: dot.time)
        column.remove(first)
        column.append(first.inverse())
        return first

    def _add_constant(self, columns: list[list[Dot]], constant: int) -> None:
        """Add the constant to the earliest bit of each column, ahead of the tree: no column gets
        a bit more for it but the first one behind a run of ones."""
        pending: list[Dot] = []
        for index, column in enumerate(columns):
            if not constant >> index & 1:
                column += pending
                pending = []
            elif not pending:
                pending = [self._increment(column)]
            else:  # of inverted inputs a half adder makes the sum plus one
                first = min(column, key=lambda dot: dot.time)
                column.remove(first)
                inputs, carries = [first, *pending], []
                self._add(HalfAdder, inputs, True, column, carries)
                pending = carries

    def _compress(self, column: list[Dot], carries: list[Dot]) -> None:
        """Leave at most two bits of the column; its carries go to ``carries``."""
        polarities = (False, True) if self.inverting else (False,)
        while len(column) > 2:
            inverted = min(polarities, key=lambda polarity: self._cost(column, polarity))
            inputs = self._earliest(column, inverted)
            for dot in inputs:
                column.remove(dot)
            self._add(FullAdder, inputs, inverted, column, carries)

    @staticmethod
    def _late(dot: Dot, inverted: bool) -> float:
        """When the bit is there in the polarity asked for."""
        return dot.time + (INVERTER if dot.inverted is (not inverted) else 0)

    def _earliest(self, column: list[Dot], inverted: bool) -> list[Dot]:
        if len(column) > THRIFTY:
            return sorted(column, key=lambda dot: (dot.inverted is (not inverted), dot.time))[:3]
        return sorted(column, key=lambda dot: self._late(dot, inverted))[:3]

    def _cost(self, column: list[Dot], inverted: bool) -> tuple[float, float]:
        """Inverters that the earliest three bits need, and when the last one is there."""
        chosen = self._earliest(column, inverted)
        inverters = sum(dot.inverted is (not inverted) for dot in chosen)
        latest = max(self._late(dot, inverted) for dot in chosen)
        return (inverters, latest) if len(column) > THRIFTY else (latest, inverters)

    def _add(self, kind: type, inputs: list[Dot], inverted: bool, sums: list[Dot],
             carries: list[Dot]) -> None:
        """An adder of ``inputs``, all taken inverted or true: its bits go to the two lists."""
        total, carry = self.adder(kind, [dot.wire(inverted) for dot in inputs])
        latest = max(self._late(dot, inverted) for dot in inputs)
        speed = 1 if kind is FullAdder else HALF
        # Of inverted inputs a full adder makes inverted outputs, a half adder the sum plus one,
        # whose inverse it has at its outputs.
        opposite = inverted != self.inverting
        sums.append(Dot(total, opposite, latest + SUM * speed))
        carries.append(Dot(carry, opposite, latest + CARRY * speed))
