# SPDX-License-Identifier: Apache-2.0
"""Counts the products with a zero operand, at the array's edge."""

from amaranth import Array, Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..arith.total import total
from ..facts import BLOCK, INDEX_BITS, PAIR_BITS, Encoding, EngineFacts

__all__ = ["GatingCount"]


class GatingCount(wiring.Component):
    """How many products of a step have a zero operand, and which.

    An accumulator rests where all products of its dot product do (``Tpe``).

    In an output-stationary array every row's operand meets every column's weight, so the zeros
    at the edge tell all: ``weight`` counts rows for each weight slot that is zero, and
    ``activation`` the rows whose operand is zero for each slot that is not. Of held weights, a
    slot is zero where the mask has no bit at the row's position.

    *Timing*: counts follow their step by ``LATENCY`` cycles and are 0 without one. Held weights
    lie at ``weights`` during all steps that use them.

    *Members*: ``valid``, ``activations``, ``weights`` (operands of a step, as the engine gets
    them), ``activation``, ``weight``.
    """

    LATENCY = 2

    def __init__(self, facts: EngineFacts):
        self.facts = f = facts
        super().__init__({
            "valid": In(1),
            "activations": In(data.ArrayLayout(f.activation_bits, f.rows)),
            "weights": In(data.ArrayLayout(f.operand_bits, f.columns)),
            "activation": Out(range(f.multipliers + 1)),
            "weight": Out(range(f.multipliers + 1)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        f = self.facts
        valid = Signal()
        m.d.sync += valid.eq(self.valid)
        form = {Encoding.DENSE: self._dense, Encoding.MASK: self._pairs,
                Encoding.INDEX: self._pairs, Encoding.HELD: self._held}
        activation, weight = form[f.encoding](m)
        with m.If(valid):
            m.d.sync += [self.activation.eq(activation), self.weight.eq(weight)]
        with m.Else():
            m.d.sync += [self.activation.eq(0), self.weight.eq(0)]
        return m

    # Each form gives the two counts of the step of a cycle ago.

    def _zero_rows(self, m: Module) -> data.View:
        """Rows whose operand is zero, by channel of the block."""
        f = self.facts
        rows = Signal(data.ArrayLayout(unsigned(f.rows.bit_length()), f.depth))
        for k in range(f.depth):
            m.d.sync += rows[k].eq(total(
                self.activations[row].word_select(k, 8) == 0 for row in range(f.rows)))
        return rows

    def _dense(self, m: Module) -> tuple[Value, Value]:
        f = self.facts
        zero_rows = self._zero_rows(m)
        columns = self._columns(m, lambda word, k: word.word_select(k, 8).any(), f.depth)
        return (total(zero_rows[k] * columns[k] for k in range(f.depth)),
                f.rows * total(f.columns - columns[k] for k in range(f.depth)))

    def _columns(self, m: Module, present, count: int) -> data.View:
        """Columns with a weight, for each of ``count`` places of their words."""
        f = self.facts
        columns = Signal(data.ArrayLayout(unsigned(f.columns.bit_length()), count))
        for k in range(count):
            m.d.sync += columns[k].eq(total(present(self.weights[column], k)
                                          for column in range(f.columns)))
        return columns

    def _pairs(self, m: Module) -> tuple[Value, Value]:
        f = self.facts
        zero_rows = self._zero_rows(m)
        slots = [self.weights[column].word_select(s, PAIR_BITS)
                 for column in range(f.columns) for s in range(f.nnz)]
        starts = [s if f.encoding is Encoding.MASK else 0 for s in range(f.nnz)] * f.columns
        hits = Signal(len(slots))
        indices = Signal(data.ArrayLayout(unsigned(INDEX_BITS), len(slots)))
        m.d.sync += [hits.eq(Cat(slot[:8].any() for slot in slots)),
                     indices.as_value().eq(Cat(slot[8:] for slot in slots))]
        saved = []
        for slot in range(len(slots)):
            count = Signal(f.rows.bit_length(), name=f"saved_{slot}")
            with m.If(hits[slot]):
                reach = Array(zero_rows[k] for k in range(starts[slot], f.depth))
                m.d.comb += count.eq(reach[indices[slot]])
            saved.append(count)
        return total(saved), f.rows * total(~hits[slot] for slot in range(len(slots)))

    def _held(self, m: Module) -> tuple[Value, Value]:
        f = self.facts
        columns = self._columns(m, lambda word, k: word[k], BLOCK)
        choices = Array(columns[k] for k in range(BLOCK))
        saved, hits = [], []
        for row in range(f.rows):
            pair = Signal(PAIR_BITS, name=f"pair_{row}")
            hit = Signal(f.columns.bit_length(), name=f"hits_{row}")
            m.d.sync += pair.eq(self.activations[row])
            m.d.comb += hit.eq(choices[pair[8:]])
            saved.append(Mux(pair[:8].any(), 0, hit))
            hits.append(hit)
        return total(saved), f.rows * f.columns - total(hits)
