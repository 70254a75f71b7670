# SPDX-License-Identifier: Apache-2.0
"""Pruning keeps the largest: which elements of a block a pruned row hands over."""

from collections.abc import Callable

from amaranth import Cat, Module, Mux, Signal
from amaranth.asserts import AnyConst, Initial
from amaranth.hdl import Assert, Assume, Cover
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from ...rtl.facts import BLOCK
from ...rtl.operand.dap import PrunedRow

__all__ = ["LargestAreKept"]


class LargestAreKept(wiring.Component):
    """After k steps the k elements handed over are the largest magnitudes of the block.

    Of any block, signed or not, of any positions allowed: what has been handed over is allowed,
    is larger than what has not, of equals it is lower, and each comes once with its own value;
    when none is left come zeros.

    *Timing*: one block from its first step on; a depth of ``BLOCK`` + 2 is all of it.

    *Parameters*: ``make``, which makes the ``PrunedRow``.

    *Members*: ``step``: arbitrary in every cycle.
    """

    def __init__(self, make: Callable[[], PrunedRow] = PrunedRow):
        self.row = make()
        super().__init__({"step": In(1)})

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.row = row = self.row
        block, positions, is_signed = AnyConst(8 * BLOCK), AnyConst(BLOCK), AnyConst(1)
        present = Signal()
        kept = Signal(BLOCK)
        with m.If(Initial()):
            m.d.sync += present.eq(1)
        m.d.comb += [
            row.following.eq(block),
            row.move.eq(Initial()),
            row.positions.eq(positions),
            row.is_signed.eq(is_signed),
            row.open.eq(kept == 0),  # until the first step
            row.step.eq(self.step & present),
        ]
        octets = [block.word_select(k, 8) for k in range(BLOCK)]
        magnitudes = []
        for k, octet in enumerate(octets):
            magnitude = Signal(8, name=f"magnitude_of_{k}")
            m.d.comb += magnitude.eq(Mux(is_signed & octet[7], ~octet + 1, octet))
            magnitudes.append(magnitude)
        left = positions & ~kept
        value, position = row.o[:8], row.o[8:]
        with m.If(present & left.any()):
            for k in range(BLOCK):
                with m.If(position == k):
                    m.d.comb += [
                        Assert(left[k], "an element comes once, if allowed"),
                        Assert(value == octets[k], "it comes with its value"),
                        *(Assert(~left[j] | ((magnitudes[k] >= magnitudes[j]) if k < j else
                                             (magnitudes[k] > magnitudes[j])),
                                 "no larger one is left") for j in range(BLOCK) if j != k),
                    ]
                    with m.If(row.step):
                        m.d.sync += kept[k].eq(1)
        with m.Elif(present):
            m.d.comb += Assert(row.o == 0, "zeros when none is left")
        m.d.comb += [
            Assume(positions.any()),
            Cover(present & (kept == 0b01000101) & (positions == 0xFF), "three are kept"),
            Cover(present & ~left.any() & (positions == 0xFF), "all have come"),
            Cover(present & Cat(kept[0], kept[1]).all() & ~kept[2]
                  & (magnitudes[1] == magnitudes[2]) & magnitudes[1].any()
                  & positions[2], "a tie is decided"),
        ]
        return m
