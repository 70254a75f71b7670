# SPDX-License-Identifier: Apache-2.0
"""Banks of macros: side by side for the width of a word, one above the other for the depth; small
ones of registers."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import gcd

from .macros import Macro, MacroMap, Registers

__all__ = ["Composition", "CompositionFault", "RegisterBank", "Row", "Slice", "compose"]


class CompositionFault(ValueError):
    """One sentence on why a bank cannot be built of a map's macros."""


@dataclass(frozen=True)
class Slice:
    """``bits`` of a word, from bit ``first`` on, in one macro, whose other bits are not used."""

    macro: Macro
    first: int
    bits: int


@dataclass(frozen=True)
class Row:
    """``words`` of a bank, from word ``first`` on, in macros side by side; a macro's words behind
    them are not used."""

    first: int
    words: int
    slices: tuple[Slice, ...]


@dataclass(frozen=True)
class Composition:
    """A bank of ``words`` of ``bits`` made of ``rows`` of macros. An access is to all macros of
    one row."""

    words: int
    bits: int
    rows: tuple[Row, ...]

    @cached_property
    def macros(self) -> dict[str, int]:
        """How many there are of each cell."""
        return dict(Counter(part.macro.cell for row in self.rows for part in row.slices))

    @property
    def area_um2(self) -> float:
        """Area of the macros."""
        return sum(part.macro.area_um2 for row in self.rows for part in row.slices)

    @property
    def unused_bits(self) -> int:
        """Bits of the macros that hold nothing."""
        return sum(part.macro.words * part.macro.bits
                   for row in self.rows for part in row.slices) - self.words * self.bits

    @property
    def leakage_nw(self) -> float | None:
        """Leakage of the macros; None where it is not known of one of them."""
        return _sum([part.macro.leakage_nw for row in self.rows for part in row.slices])

    @property
    def read_pj(self) -> float | None:
        """Energy of a read: the mean over the words."""
        return self._mean("read_pj")

    @property
    def write_pj(self) -> float | None:
        """Energy of a write: the mean over the words."""
        return self._mean("write_pj")

    def _mean(self, name: str) -> float | None:
        costs = [_sum([getattr(part.macro, name) for part in row.slices]) for row in self.rows]
        weighed = [None if cost is None else cost * row.words / self.words
                   for row, cost in zip(self.rows, costs, strict=True)]
        return _sum(weighed)


@dataclass(frozen=True)
class RegisterBank:
    """A bank of ``words`` of ``bits`` in flip-flops. What it costs reads as a ``Composition``."""

    words: int
    bits: int
    cost: Registers

    @property
    def macros(self) -> dict[str, int]:
        """None."""
        return {}

    @property
    def unused_bits(self) -> int:
        """None."""
        return 0

    @property
    def area_um2(self) -> float:
        """Area of the flip-flops and of what reads them."""
        return self.words * self.bits * self.cost.area_um2

    @property
    def leakage_nw(self) -> float | None:
        """Leakage of all of them."""
        leakage = self.cost.leakage_nw
        return None if leakage is None else self.words * self.bits * leakage

    @property
    def read_pj(self) -> float | None:
        """Energy of a read."""
        return None if self.cost.read_pj is None else self.bits * self.cost.read_pj

    @property
    def write_pj(self) -> float | None:
        """Energy of a write."""
        return None if self.cost.write_pj is None else self.bits * self.cost.write_pj


def _sum(values: list[float | None]) -> float | None:
    return None if None in values else sum(value for value in values if value is not None)


@dataclass(frozen=True)
class _Grain:
    """Bits of data that are written ``together``, and how many of them a macro may hold."""

    together: int
    most: int | None = None

    def usable(self, macro: Macro) -> int:
        """Grains of a word in one macro."""
        held = macro.bits // self.together
        return held if self.most is None else min(held, self.most)


@lru_cache(maxsize=1024)
def _compose(macros: tuple[Macro, ...], row_um2: float, grain: _Grain, words: int,
             bits: int) -> Composition:
    sizes = sorted({macro.words for macro in macros})
    side = {size: _side_by_side([macro for macro in macros if macro.words >= size], grain, bits)
            for size in sizes}
    unit = gcd(*sizes)
    # The cheapest cover of so many units: area, rows, macros; and the size of its last row.
    best: list[tuple[tuple[float, int, int], int]] = [((0.0, 0, 0), 0)]
    for units in range(1, -(-words // unit) + 1):
        choices = []
        for size in sizes:
            (area, rows, count), _ = best[max(units - size // unit, 0)]
            own, parts = side[size]
            choices.append(((area + own + (row_um2 if rows else 0.0), rows + 1, count + len(parts)),
                            size))
        best.append(min(choices))
    stack, units = [], len(best) - 1
    while units > 0:
        stack.append(best[units][1])
        units -= stack[-1] // unit
    rows, first = [], 0
    for size in sorted(stack, reverse=True):
        rows.append(Row(first, min(size, words - first), side[size][1]))
        first += size
    return Composition(words, bits, tuple(rows))


def _side_by_side(macros: list[Macro], grain: _Grain,
                  bits: int) -> tuple[float, tuple[Slice, ...]]:
    """The macros of least area that hold ``bits`` next to each other, and that area."""
    # The cheapest cover of so many grains: area, macros; and the last of them.
    best: list[tuple[float, int, int]] = [(0.0, 0, -1)]
    for count in range(1, bits // grain.together + 1):
        choices = []
        for index, macro in enumerate(macros):
            area, parts, _ = best[max(count - grain.usable(macro), 0)]
            choices.append((area + macro.area_um2, parts + 1, index))
        best.append(min(choices))
    chosen, count = [], len(best) - 1
    while count > 0:
        chosen.append(macros[best[count][2]])
        count -= grain.usable(chosen[-1])
    slices, first = [], 0
    for macro in sorted(chosen, key=grain.usable, reverse=True):
        held = grain.usable(macro) * grain.together
        slices.append(Slice(macro, first, min(held, bits - first)))
        first += held
    return best[-1][0], tuple(slices)


def compose(available: MacroMap, words: int, bits: int = 64) -> Composition | RegisterBank:
    """The bank of ``words`` of ``bits`` with byte write masks, of the least area.

    Counted are the macros and ``row_um2`` for every row beyond the first; of equal ones, that of
    fewest rows, then of fewest macros. Registers where they take less. A macro without a mask holds
    one byte of the words. Raises CompositionFault where no macro has bits enough for what is
    written together.
    """
    if words < 1 or bits < 8 or bits % 8:
        raise ValueError(f"Bank must be of at least 1 word of whole bytes, not {words}x{bits}")
    ports = available.ports
    if ports is None or (ports.mask is not None and ports.mask_bits == 1):
        grain = _Grain(1)
    else:
        grain = _Grain(8, None if ports.mask else 1)
    macros = tuple(macro for macro in available.macro if grain.usable(macro))
    if not macros:
        raise CompositionFault(
            f"{available.name}: macros must have at least {grain.together} bits, since bytes are "
            f"written, not {max(macro.bits for macro in available.macro)}")
    bank = _compose(macros, available.row_um2, grain, words, bits)
    if available.registers is not None:
        small = RegisterBank(words, bits, available.registers)
        if small.area_um2 < bank.area_um2 + available.row_um2 * (len(bank.rows) - 1):
            return small
    return bank
