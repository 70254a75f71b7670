# SPDX-License-Identifier: Apache-2.0
"""Dynamic activation pruning: a block's largest magnitudes, one a step, largest first."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from ..cell import Cell
from ..facts import BLOCK, INDEX_BITS, PAIR_BITS

__all__ = ["Maximum", "PrunedRow"]


class Maximum(Cell):
    """The largest magnitude among the bytes of a block that are ``alive``; of equals the lowest.

    ``o`` is the byte and its position; both are 0 where none is alive.

    *Timing*: combinational, ``BLOCK - 1`` comparators.

    *Members*: ``i``, ``alive``, ``is_signed``, ``o``, ``chosen`` (one-hot).
    """

    def __init__(self):
        super().__init__({"i": In(8 * BLOCK), "alive": In(BLOCK), "is_signed": In(1),
                          "o": Out(PAIR_BITS), "chosen": Out(BLOCK)})

    @property
    def module_name(self) -> str:
        return "dap_maximum"

    def body(self, platform) -> Module:
        m = Module()
        candidates = []  # magnitude with "alive" above it, position
        for position in range(BLOCK):
            octet = self.i.word_select(position, 8)
            magnitude = Signal(8, name=f"magnitude_{position}")
            m.d.comb += magnitude.eq(Mux(self.is_signed & octet[7], -octet.as_signed(), octet))
            candidates.append((Cat(magnitude, self.alive[position])
                               & self.alive[position].replicate(9), position))
        while len(candidates) > 1:
            winners = []
            for low, high in zip(candidates[::2], candidates[1::2], strict=True):
                better = Signal(name=f"better_{len(candidates)}_{len(winners)}")
                m.d.comb += better.eq(high[0] > low[0])
                winners.append(tuple(Mux(better, above, below)
                                     for below, above in zip(low, high, strict=True)))
            candidates = winners
        position = Signal(INDEX_BITS)
        m.d.comb += [
            position.eq(candidates[0][1]),
            self.chosen.eq(self.alive & (1 << position)),
        ]
        with m.If(self.alive.any()):
            m.d.comb += self.o.eq(Cat(self.i.word_select(position, 8), position))
        return m


class PrunedRow(Cell):
    """One row's channel block as a stream: its largest magnitudes, one a step, then the next.

    A block that is issued for ``b`` steps is thereby pruned to its ``b`` largest magnitudes: the
    stages of the paper's cascade follow one another in time, so that one stage is enough
    (S2TA, section 4: the DAP unit). Order does not matter to a sum. The paper prunes before the
    SRAM write; here tensors are stored whole, so that each reader may have its own bound.

    *Timing*: ``move`` makes the next block the present one. ``o`` is a value
    and its position; ``step`` goes on to the next largest. While ``open`` is high, all of
    ``positions`` are candidates again.

    *Members*: ``following`` (the next block), ``move``, ``step``, ``open``, ``positions``,
    ``is_signed``, ``o``.
    """

    def __init__(self):
        super().__init__({"following": In(8 * BLOCK), "move": In(1), "step": In(1),
                          "open": In(1), "positions": In(BLOCK), "is_signed": In(1),
                          "o": Out(PAIR_BITS)})

    @property
    def module_name(self) -> str:
        return "pruned_row"

    def body(self, platform) -> Module:
        m = Module()
        present = Signal(8 * BLOCK)
        left = Signal(BLOCK)
        with m.If(self.move):
            m.d.sync += present.eq(self.following)
        m.submodules.maximum = maximum = Maximum()
        m.d.comb += [
            maximum.i.eq(present),
            maximum.alive.eq(Mux(self.open, self.positions, left)),
            maximum.is_signed.eq(self.is_signed),
            self.o.eq(maximum.o),
        ]
        with m.If(self.step):
            m.d.sync += left.eq(maximum.alive & ~maximum.chosen)
        return m
