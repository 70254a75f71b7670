# SPDX-License-Identifier: Apache-2.0
"""Weight decompressor: stored words become the engine's operands."""

from amaranth import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..arith.total import total
from ..cell import Cell
from ..facts import BLOCK, INDEX_BITS, PAIR_BITS, Encoding, EngineFacts

__all__ = ["Decompressor", "MaskDecoder"]


class MaskDecoder(Cell):
    """One column's DBB word {mask, values} becomes ``nnz`` pairs of value (8) and index (3).

    Pair s reaches the positions from s to s + 8 - ``nnz``; its index counts from s. Since positions
    ascend, each value has a pair that reaches it: the first that is not before its rank. Pairs
    without one are 0. ``excess``: the mask has more bits than there are values.

    *Timing*: combinational.

    *Members*: ``i``, ``o``, ``excess``.
    """

    def __init__(self, *, nnz: int):
        self.nnz = nnz
        super().__init__({"i": In(BLOCK + 8 * nnz), "o": Out(PAIR_BITS * nnz),
                          "excess": Out(1)})

    @property
    def module_name(self) -> str:
        return f"mask_decoder_nnz{self.nnz}"

    def body(self, platform) -> Module:
        m = Module()
        mask = self.i[:BLOCK]
        stored = [self.i.word_select(s + 1, 8) for s in range(self.nnz)]
        left = mask  # without the bits of the values before
        pairs = []
        for s in range(self.nnz):
            index = Signal(INDEX_BITS, name=f"index_{s}")
            value = Signal(8, name=f"value_{s}")
            following = Signal(BLOCK, name=f"mask_{s}")
            farthest = s + BLOCK - self.nnz
            for position in reversed(range(s, farthest)):
                with m.If(left[position]):
                    m.d.comb += [index.eq(position - s), value.eq(stored[s])]
            rank = total(mask[:farthest]) if farthest else Const(0, 1)
            with m.If(mask[farthest] & (rank <= s)):
                m.d.comb += [index.eq(BLOCK - self.nnz), value.eq(Array(stored[:s + 1])[rank])]
            m.d.comb += following.eq(left & (left - 1))
            left = following
            pairs += [value, index]
        m.d.comb += [self.o.eq(Cat(pairs)), self.excess.eq(left.any())]
        return m


class Decompressor(wiring.Component):
    """A stored weight row becomes one step's operands for every column.

    Words with a mask go through a ``MaskDecoder`` a column, unless they are held; all others
    pass unchanged. With ``dense_rows`` a row of a ``dense`` block has values only, a byte a column,
    and its place in the block is their position.

    *Timing*: combinational, one row a step; ``violation`` a cycle later: a row that was
    ``valid`` has a block with more non-zeros than it has values.

    *Parameters*: ``facts``, ``dense_rows`` (only of pairs of value and position).

    *Members*: ``i``, ``valid``, ``dense``, ``first`` (of its block), ``o``, ``violation``.
    """

    def __init__(self, facts: EngineFacts, *, dense_rows: bool = False):
        if dense_rows and facts.encoding is not Encoding.INDEX:
            raise ValueError(f"Weights must have positions for rows without them, not be of "
                             f"encoding {facts.encoding}")
        self.facts = facts
        self.dense_rows = dense_rows
        super().__init__({
            "i": In(data.ArrayLayout(facts.stored_bits, facts.columns)),
            "valid": In(1),
            "dense": In(1),
            "first": In(1),
            "o": Out(data.ArrayLayout(facts.operand_bits, facts.columns)),
            "violation": Out(1),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        excess = Signal(self.facts.columns)
        place = Signal(INDEX_BITS)  # of the row in its block
        following = Signal(INDEX_BITS)
        m.d.comb += place.eq(Mux(self.first, 0, following))
        with m.If(self.valid):
            m.d.sync += following.eq(place + 1)
        for column in range(self.facts.columns):
            if self.facts.encoding is Encoding.MASK:
                m.submodules[f"column_{column}"] = decoder = MaskDecoder(nnz=self.facts.nnz)
                m.d.comb += [decoder.i.eq(self.i[column]), self.o[column].eq(decoder.o),
                             excess[column].eq(decoder.excess)]
            else:
                m.d.comb += self.o[column].eq(self.i[column])
            if self.dense_rows:
                with m.If(self.dense):
                    value = self.i.as_value().word_select(column, 8)
                    m.d.comb += self.o[column].eq(Cat(value, place))
            if self.facts.encoding is Encoding.HELD:
                m.d.comb += excess[column].eq(sum(self.i[column][:BLOCK]) > self.facts.nnz)
        m.d.sync += self.violation.eq(self.valid & excess.any())
        return m
