# SPDX-License-Identifier: Apache-2.0
"""Counts the products that zero gating saves, at the array's edge."""

from amaranth import Array, Cat, Module, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..facts import EngineFacts

__all__ = ["GatingCount"]


class GatingCount(wiring.Component):
    """How many multipliers a step leaves at rest, and why.

    In an output-stationary array every row's operand meets every column's weight, so the zeros
    at the edge tell all: ``weight`` counts rows for each weight slot that is zero, and
    ``activation`` the rows whose operand is zero for each slot that is not.

    *Timing*: counts follow their step by ``LATENCY`` cycles and are 0 without one.

    *Members*: ``valid``, ``activations``, ``weights`` (operands of a step, as the engine gets
    them), ``activation``, ``weight``.
    """

    LATENCY = 2

    def __init__(self, facts: EngineFacts):
        self.facts = f = facts
        super().__init__({
            "valid": In(1),
            "activations": In(data.ArrayLayout(8 * f.depth, f.rows)),
            "weights": In(data.ArrayLayout(f.operand_bits, f.columns)),
            "activation": Out(range(f.multipliers + 1)),
            "weight": Out(range(f.multipliers + 1)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        f = self.facts
        valid = Signal()
        zero_rows = Signal(data.ArrayLayout(unsigned(f.rows.bit_length()), f.depth))
        m.d.sync += valid.eq(self.valid)
        for k in range(f.depth):
            m.d.sync += zero_rows[k].eq(sum(
                self.activations[row].word_select(k, 8) == 0 for row in range(f.rows)))

        if f.compressed:
            pair = f.operand_bits // f.nnz
            slots = [self.weights[column].word_select(s, pair)
                     for column in range(f.columns) for s in range(f.nnz)]
            hits = Signal(len(slots))
            indices = Signal(data.ArrayLayout(unsigned(pair - 8), len(slots)))
            m.d.sync += [hits.eq(Cat(slot[:8].any() for slot in slots)),
                         indices.as_value().eq(Cat(slot[8:] for slot in slots))]
            positions = Array(zero_rows[k] for k in range(f.depth))
            saved = []
            for slot in range(len(slots)):
                count = Signal(f.rows.bit_length(), name=f"saved_{slot}")
                with m.If(hits[slot]):
                    m.d.comb += count.eq(positions[indices[slot]])
                saved.append(count)
            misses = sum(~hits[slot] for slot in range(len(slots)))
        else:
            columns = Signal(data.ArrayLayout(unsigned(f.columns.bit_length()), f.depth))
            for k in range(f.depth):
                m.d.sync += columns[k].eq(sum(
                    self.weights[column].word_select(k, 8).any() for column in range(f.columns)))
            saved = [zero_rows[k] * columns[k] for k in range(f.depth)]
            misses = sum(f.columns - columns[k] for k in range(f.depth))

        with m.If(valid):
            m.d.sync += [self.activation.eq(sum(saved)), self.weight.eq(f.rows * misses)]
        with m.Else():
            m.d.sync += [self.activation.eq(0), self.weight.eq(0)]
        return m
