# SPDX-License-Identifier: Apache-2.0
"""Sums of many shifted values as bits in columns, which rows of carry chains compress.

A position of a carry chain behind look-up tables of six inputs adds one bit and a function of five
others (Kumm, Zipf, "Efficient high speed compression trees on Xilinx FPGAs", MBMV 2014). So five
bits of neighbouring columns, counted in a table of three outputs, leave with three tables, where
plain additions need five.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import product

__all__ = ["Bit", "BitHeap", "Row", "Table", "compress"]

INPUTS = 5
"""Of a table, beside the bit that the chain adds."""
POSITIONS = 3
"""Most outputs of a table."""
FLAT = 3
"""Bits in every column, from which on additions follow that take a bit off each."""
THRIFTY = 1.3
"""Bits that a look-up table must take away, for a row not to wait for others to join."""


@dataclass(frozen=True, order=True)
class Bit:
    """Bit ``index`` of a source, or its inverse. Sources are inputs, then rows."""

    source: int
    index: int
    inverted: bool = False

    @property
    def true(self) -> "Bit":
        """The bit, not inverted."""
        return Bit(self.source, self.index)

    def __invert__(self) -> "Bit":
        return Bit(self.source, self.index, not self.inverted)


@dataclass(frozen=True)
class Table:
    """``constant`` and the ``weights`` of the bits that are set, from ``position`` of a row on, in
    ``size`` positions."""

    position: int
    size: int
    constant: int
    bits: tuple[tuple[Bit, int], ...]

    @property
    def variables(self) -> tuple[Bit, ...]:
        """Of what it is a function: bits that are not inverted."""
        return tuple(sorted({bit.true for bit, _ in self.bits}))

    @property
    def totals(self) -> tuple[int, ...]:
        """What it counts, by the number that ``variables`` make, the first lowest."""
        found = [self.constant]
        for variable in self.variables:
            clear, put = (sum(weight for bit, weight in self.bits if bit == each)
                          for each in (~variable, variable))
            found = [total + clear for total in found] + [total + put for total in found]
        return tuple(found)


@dataclass(frozen=True)
class Row:
    """``carry + sum of (direct + tables) * 2 ** position``, of ``width`` bits: a carry chain.

    ``carry``: a bit, 0 or 1. ``direct``: of each position a bit that is not inverted, or None.
    ``level``: how many rows deep it is, at least 1.
    """

    width: int
    level: int
    carry: Bit | int
    direct: tuple[Bit | None, ...]
    tables: tuple[Table, ...]

    @property
    def bits(self) -> tuple[Bit, ...]:
        """All that it adds."""
        found = [bit for bit in (self.carry, *self.direct) if isinstance(bit, Bit)]
        return (*found, *(bit for table in self.tables for bit, _ in table.bits))

    @property
    def size(self) -> int:
        """Look-up tables: of positions where something is counted, but for a bit by itself."""
        needed = 0
        for table in self.tables:
            for offset in range(min(table.size, self.width - table.position)):
                outputs = [total >> offset & 1 for total in table.totals]
                alone = self.direct[table.position + offset] is None and outputs == [0, 1]
                needed += len(set(outputs)) > 1 and not alone
        return needed


@dataclass
class BitHeap:
    """``constant + sum of bits * 2 ** column``, less than ``2 ** width``, or modulo that."""

    width: int
    constant: int = 0
    columns: dict[int, list[Bit]] = field(default_factory=lambda: defaultdict(list))

    def add(self, bits: Iterable[tuple[int, Bit]], constant: int, shift: int,
            negative: bool) -> None:
        """Add ``constant`` and ``bits`` (with their columns), shifted, or subtract them."""
        for column, bit in bits:
            if column + shift < self.width:
                self.columns[column + shift].append(~bit if negative else bit)
            self.constant -= (1 << column + shift) if negative else 0
        self.constant += (-constant if negative else constant) << shift

    def is_high(self) -> bool:
        """Whether any column has more than one bit, that of the constant counted."""
        ones = self.ones()
        return any(len(self.columns.get(column, ())) + (column in ones) > 1
                   for column in range(self.width))

    def ones(self) -> set[int]:
        """Columns in which the constant, modulo ``2 ** width``, has a bit."""
        return {column for column in range(self.width) if self.constant >> column & 1}


@cache
def _choices(size: int) -> tuple[tuple[int, ...], ...]:
    """How many bits of each column a table of ``size`` positions may count."""
    most = (1 << size) - 1
    return tuple(counts for counts in product(range(INPUTS + 1), repeat=size)
                 if 0 < sum(counts) <= INPUTS
                 and sum(count << offset for offset, count in enumerate(counts)) <= most)


@cache
def _best_table(sizes: int, left: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """The table of at most ``sizes`` positions, of columns with so many bits ``left``, that takes
    away most for its outputs: its size and what it counts."""
    best, found = (0.0, 0), (1, ())
    for size in range(1, sizes + 1):
        for counts in _choices(size):
            if all(count <= most for count, most in zip(counts, left, strict=False)):
                gain = sum(counts) + 1e-3 * sum(
                    count * most for count, most in zip(counts, left, strict=False))
                key = (gain / size, size)
                if key > best:
                    best, found = key, (size, counts)
    return found


class _Builder:
    """One row out of ``columns``, from which it takes the bits."""

    def __init__(self, columns: dict[int, list[Bit]], ones: set[int], width: int, most: int):
        self.columns = {column: list(bits) for column, bits in columns.items()}
        self.ones = set(ones)
        self.width = width
        self.most = most
        self.direct: list[Bit | None] = []
        self.tables: list[Table] = []
        self.carry: Bit | int = 0
        self.cost = 0
        self.taken: list[tuple[int, Bit | int]] = []

    def take(self, column: int, bit: Bit | None = None) -> Bit | int:
        """Remove ``bit``, or else one that is better counted than added, from ``column``."""
        if bit is None and column in self.ones:
            self.ones.remove(column)
            taken = 1
        else:
            bits = self.columns[column]
            taken = bit or next((each for each in bits if each.inverted), bits[-1])
            self.columns[column].remove(taken)
        self.taken.append((column, taken))
        return taken

    def height(self, column: int) -> int:
        """Bits there."""
        return len(self.columns.get(column, ())) + (column in self.ones)

    def build(self, low: int, level: int) -> tuple[Row, int]:
        """The row from column ``low`` on, and how many fewer bits there are with it."""
        column = low
        if self.height(low) >= 3:
            self.carry = self.take(low)
        while column < self.width and self.height(column):
            column += self._position(low, column)
        width = min(column - low + 1, self.width - low)
        self.direct += [None] * (width - len(self.direct))
        row = Row(width, level, self.carry, tuple(self.direct), tuple(self.tables))
        return row, len(self.taken) - width

    def _position(self, low: int, column: int) -> int:
        """Take the direct bits and a table of the positions from ``column`` on; their number."""
        direct = {at: self._straight(at) for at in range(column, column + POSITIONS)}
        size, counts = self._counts(column, direct)
        for at in range(column, column + size):
            bit = direct[at]
            self.direct.append(None if bit is None else self.take(at, bit))
        taken = [(self.take(column + offset), 1 << offset)
                 for offset, count in enumerate(counts) for _ in range(count)]
        if taken:
            self.tables.append(Table(
                column - low, size, sum(weight for bit, weight in taken if bit == 1),
                tuple((bit, weight) for bit, weight in taken if bit != 1)))
            self.cost += size
        return size

    def _straight(self, column: int) -> Bit | None:
        """A bit that can be added as it is."""
        if column >= self.width:
            return None
        return next((bit for bit in self.columns.get(column, ()) if not bit.inverted), None)

    def _counts(self, column: int, direct: dict[int, Bit | None]) -> tuple[int, tuple[int, ...]]:
        """The table that takes away most for its outputs: its size and what it counts."""
        heights = [self.height(at) for at in direct]
        sizes = min(self.most, self.width - column)
        while sizes > 1 and not all(heights[1:sizes]):
            sizes -= 1
        return _best_table(sizes, tuple(height - (bit is not None) for height, bit in zip(
            heights, direct.values(), strict=True)))


class _Compressor:
    """All rows of a heap."""

    def __init__(self, heap: BitHeap, levels: Sequence[int]):
        self.width = heap.width
        self.levels = list(levels)
        self.first = len(levels)
        self.waiting = {column: list(heap.columns.get(column, ())) for column in range(heap.width)}
        self.ones = heap.ones()
        self.rows: list[Row] = []

    def run(self) -> None:
        """Rows until no column has more than one bit."""
        level = 0
        while any(map(self._is_high, self.waiting.items())):
            ready = {column: [bit for bit in bits if self.levels[bit.source] <= level]
                     for column, bits in self.waiting.items()}
            complete = ready == self.waiting
            if not self._thrifty_rows(ready, level + 1) and complete:
                self._any_row(ready, level + 1)
            level += 1

    def _is_high(self, column: tuple[int, list[Bit]]) -> bool:
        place, bits = column
        return len(bits) + (place in self.ones) > 1

    def _thrifty_rows(self, ready: dict[int, list[Bit]], level: int) -> int:
        """All rows of the bits in ``ready`` that are worth their tables; their number."""
        made, low = 0, 0
        while low < self.width:
            if ready[low] and self._is_high((low, ready[low])):
                builder = _Builder(ready, self.ones, self.width, POSITIONS)
                row, gain = builder.build(low, level)
                if gain > 0 and gain >= THRIFTY * builder.cost:
                    self._use(builder, row, low, ready)
                    made += 1
                    continue
            low += 1
        return made

    def _any_row(self, ready: dict[int, list[Bit]], level: int) -> None:
        """The row of the lowest bits; of one position each if there are few."""
        low = next(filter(self._is_high, ready.items()))[0]
        most = 1 if max(map(len, ready.values())) <= FLAT else POSITIONS
        builder = _Builder(ready, self.ones, self.width, most)
        row, _ = builder.build(low, level)
        self._use(builder, row, low, ready)

    def _use(self, builder: "_Builder", row: Row, low: int, ready: dict[int, list[Bit]]) -> None:
        """Make ``row``."""
        self.ones = builder.ones
        for column, bit in builder.taken:
            if bit != 1:
                ready[column].remove(bit)
                self.waiting[column].remove(bit)
        for index in range(row.width):
            self.waiting[low + index].append(Bit(len(self.levels), index))
        self.levels.append(row.level)
        self.rows.append(row)


def compress(heap: BitHeap, levels: Sequence[int]) -> tuple[list[Row], list[Bit | int]]:
    """Rows that make of the heap at most one bit a column, and these: of every column a bit, 0 or
    1.

    ``levels``: of every source there is; the rows are the next sources.
    """
    compressor = _Compressor(heap, levels)
    compressor.run()
    return compressor.rows, [bits[0] if bits else int(column in compressor.ones)
                             for column, bits in compressor.waiting.items()]
