# SPDX-License-Identifier: Apache-2.0
"""Where tensors, and stripes of them, lie in the activation memory, and from when to when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from ....rtl.parameters import AcceleratorParameters
from ..allocate import extent
from ..layout import TensorLayout
from .stripes import Rows

__all__ = ["Buffer", "Node", "place_buffers"]

MOST_TRIES = 64


class Node:
    """Buffers that lie in one bank group: the ``other`` one than ``parent``'s, if it has one."""

    def __init__(self, parent: "Node | None" = None):
        self.parent = parent
        self.group: int | None = None

    @property
    def root(self) -> "Node":
        """The node that decides."""
        return self if self.parent is None else self.parent.root

    def settle(self) -> int | None:
        """Its group, as far as the root's is known."""
        if self.parent is None:
            return self.group
        group = self.parent.settle()
        return None if group is None else 1 - group


@dataclass(eq=False)
class Buffer:
    """Rows of a tensor in the activation memory (``layout``, base and group when placed), in use
    from part ``born`` to part ``dies``, both included.

    ``early`` and ``late``: so that loads run ahead and stores behind, it should be there from an
    earlier and up to a later part.
    """

    rows: Rows
    layout: TensorLayout
    node: Node
    born: int
    dies: int
    early: int | None = None
    late: int | None = None

    def view(self, rows: Rows, channels: Rows | None = None) -> TensorLayout:
        """The layout of some of its rows, and of some of its channels from a block's start on."""
        layout = self.layout
        if rows != self.rows:
            layout = replace(layout, height=rows[1] - rows[0],
                             base=layout.base + (rows[0] - self.rows[0]) * layout.pitch)
        if channels is not None and channels != (0, layout.channels):
            layout = replace(layout, channels=channels[1] - channels[0], order=(),
                             base=layout.base + channels[0] // 8 * layout.plane)
        return layout

    def use(self, part: int) -> None:
        """A part reads or writes it."""
        self.born, self.dies = min(self.born, part), max(self.dies, part)

    def shares(self, other: "Buffer", p: AcceleratorParameters) -> bool:
        """Both take some word."""
        return (self.layout.group == other.layout.group
                and self.layout.base < other.layout.base + extent(other.layout, p)
                and other.layout.base < self.layout.base + extent(self.layout, p))


def place_buffers(buffers: Sequence[Buffer], fixed: Sequence[Buffer],
                  p: AcceleratorParameters) -> bool:
    """Place ``buffers`` beside those that are ``fixed``; False where they do not fit.

    First fit in order of birth, for every choice of bank groups, with room to load early and to
    store late if there is any.
    """
    roots = list({id(buffer.node.root): buffer.node.root for buffer in buffers
                  if buffer.node.settle() is None}.values())
    for early, late in ((True, True), (True, False), (False, True), (False, False)):
        for count, groups in enumerate(product((0, 1), repeat=len(roots))):
            if count == MOST_TRIES:
                break
            for root, group in zip(roots, groups, strict=True):
                root.group = group
            if _first_fit(buffers, fixed, p, early, late):
                return True
    return False


def _span(buffer: Buffer, early: bool, late: bool) -> tuple[int, int]:
    born = buffer.early if early and buffer.early is not None else buffer.born
    dies = buffer.late if late and buffer.late is not None else buffer.dies
    return min(born, buffer.born), max(dies, buffer.dies)


def _first_fit(buffers: Sequence[Buffer], fixed: Sequence[Buffer], p: AcceleratorParameters,
               early: bool, late: bool) -> bool:
    spans = {id(buffer): _span(buffer, early, late) for buffer in buffers}
    bases: dict[int, tuple[int, int]] = {}
    for buffer in sorted(buffers, key=lambda item: spans[id(item)]):
        group = buffer.node.settle()
        assert group is not None
        born, dies = spans[id(buffer)]
        size = extent(buffer.layout, p)
        base = 0
        for start, end in sorted(_rivals(buffers, fixed, bases, spans, group, born, dies, p)):
            if base + size <= start:
                break
            base = max(base, end)
            # Whole lines, so that bank conflicts do not depend on the base.
            base = -(-base // p.banks) * p.banks
        if base + size > p.group_words:
            return False
        bases[id(buffer)] = group, base
    for buffer in buffers:
        group, base = bases[id(buffer)]
        buffer.layout = replace(buffer.layout, group=group, base=base)
        buffer.born, buffer.dies = spans[id(buffer)]
    return True


def _rivals(buffers, fixed, bases, spans, group: int, born: int, dies: int,
            p: AcceleratorParameters) -> Iterator[tuple[int, int]]:
    """First word and end of what lies in ``group`` at the same time."""
    for other in fixed:
        if other.layout.group == group and other.born <= dies and born <= other.dies:
            yield other.layout.base, other.layout.base + extent(other.layout, p)
    for other in buffers:
        if id(other) in bases and bases[id(other)][0] == group:
            first, last = spans[id(other)]
            if first <= dies and born <= last:
                base = bases[id(other)][1]
                yield base, base + extent(other.layout, p)
