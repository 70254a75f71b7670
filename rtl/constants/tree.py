# SPDX-License-Identifier: Apache-2.0
"""Sums of many shifted values as carry-save trees of full adders, which is how an ASIC adds."""

from collections.abc import Callable
from dataclasses import dataclass

from amaranth import Const, Module, Value

from ..arith.arithmetic import Arithmetic
from ..arith.carry_save import CarrySaveAdder, FinalAdder
from ..arith.dots import Dots
from .bit_heap import Bit, BitHeap

__all__ = ["Tree", "tree_of", "tree_sum"]


@dataclass(frozen=True)
class Tree:
    """``constant + sum of columns' bits * 2 ** column``, modulo ``2 ** width``. ``level``: how many
    trees deep it is, at least 1."""

    width: int
    level: int
    constant: int
    columns: tuple[tuple[Bit, ...], ...]

    @property
    def bits(self) -> tuple[Bit, ...]:
        """All that it adds."""
        return tuple(bit for column in self.columns for bit in column)

    @property
    def size(self) -> int:
        """Adders: each takes one bit away."""
        return max(0, len(self.bits) - self.width)


def tree_of(heap: BitHeap, levels: list[int]) -> Tree:
    """The tree of ``heap``; ``levels``: of every source there is."""
    columns = tuple(tuple(heap.columns.get(column, ())) for column in range(heap.width))
    deepest = max((levels[bit.source] for column in columns for bit in column), default=0)
    return Tree(heap.width, deepest + 1, heap.constant % (1 << heap.width), columns)


def tree_sum(m: Module, name: str, tree: Tree, at: Callable[[Bit], Value], platform) -> Value:
    """The sum, of adders that are submodules of a new one, ``name``; ``at`` gives bits that are
    not inverted. The ``platform``'s arithmetic says which adders."""
    arithmetic = getattr(platform, "arithmetic", None)
    explicit = isinstance(arithmetic, Arithmetic)
    m.submodules[name] = inside = Module()
    dots = Dots(tree.width, tree.constant)
    for column, bits in enumerate(tree.columns):
        if tree.constant >> column & 1 and not bits:  # the constant goes into bits that are there
            dots.add(column, Const(1, 1))
            dots.constant -= 1 << column
        for bit in bits:
            if bit.inverted:
                dots.add_inverse(column, at(bit.true))
            else:
                dots.add(column, at(bit))
    adder = CarrySaveAdder(inside, inverting=explicit and arithmetic.inverting,
                           final=arithmetic.final if explicit else FinalAdder.RIPPLE)
    return adder.total(dots)
