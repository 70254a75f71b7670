# SPDX-License-Identifier: Apache-2.0
"""Tensor processing elements: A x C dot-product units with output-stationary accumulators."""

from amaranth import Array, Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..arith.dot_product import DotProduct
from ..cell import Cell
from ..facts import INDEX_BITS, EngineFacts

__all__ = ["Token", "Tpe"]

Token = data.StructLayout({"valid": 1, "first": 1, "last": 1, "start": 1})
"""Travels with a step's activations: ``first`` opens a sum, ``last`` closes it, ``start`` opens a
block."""

PAIR = 8 + INDEX_BITS  # a value and its position in the block


class Tpe(Cell):
    """One TPE: ``acc[a][c] = (first ? 0 : acc[a][c]) + sum_s x[a][s] * w[c][s]``.

    Dense: ``s`` runs over the ``depth`` channels of the step. DBB: over the ``nnz`` stored
    values of the block, each with an 8:1 multiplexer that picks its activation *before* the
    operand register, so that only chosen operands toggle the multipliers. Time-unrolled DBB
    (``held``): one value a step; the block of activations is held from its ``start`` token on
    and chosen from, and value and token wait a cycle for the choice.

    With ``zero_gating`` an accumulator rests while all its products are zero; sums are the same.

    With ``last`` the finished sums are also copied to the shadow accumulators, which form
    shift chains southwards: ``drain`` moves them down by one row.

    *Timing*: operands are registered (and passed on east and south) at the end of the cycle in
    which they are presented, and accumulated in the next, or if held in the one after that.
    Lock-step, no handshake.

    *Members*: ``west``, ``east`` (activations), ``token``, ``east_token``, ``north``, ``south``
    (weights), ``signed_activations``, ``drain``, ``east_drain``, ``north_sums``, ``south_sums``.
    """

    def __init__(self, facts: EngineFacts):
        self.facts = facts
        activations = data.ArrayLayout(8 * facts.depth, facts.a)
        weights = data.ArrayLayout(facts.operand_bits, facts.c)
        sums = data.ArrayLayout(signed(facts.accumulator_bits), facts.c)
        super().__init__({
            "west": In(activations),
            "east": Out(activations),
            "token": In(Token),
            "east_token": Out(Token),
            "north": In(weights),
            "south": Out(weights),
            "signed_activations": In(1),
            "drain": In(1),
            "east_drain": Out(1),
            "north_sums": In(sums),
            "south_sums": Out(sums),
        })

    @property
    def module_name(self) -> str:
        return f"tpe_{self.facts.label}"

    def body(self, platform) -> Module:
        m = Module()
        f = self.facts
        m.d.sync += [
            *(self.east_token[name].eq(self.token[name]) for name in ("valid", "first", "last")),
            self.east_drain.eq(self.drain),
            self.south.eq(self.north),
        ]
        token = self.east_token
        if f.held:
            with m.If(self.token.valid & self.token.start):
                m.d.sync += self.east.eq(self.west)
            token = Signal(Token)
            m.d.sync += [self.east_token.start.eq(self.token.start), token.eq(self.east_token)]
        else:
            m.d.sync += self.east.eq(self.west)

        weights = [[self._weight(m, c, s) for s in range(f.nnz)] for c in range(f.c)]
        for c in range(f.c):
            above = self.north_sums[c]
            for a in range(f.a):
                m.submodules[f"dot_{a}_{c}"] = dot = DotProduct(
                    taps=f.nnz, accumulator_bits=f.accumulator_bits)
                accumulator = Signal(signed(f.accumulator_bits), name=f"accumulator_{a}_{c}")
                shadow = Signal(signed(f.accumulator_bits), name=f"shadow_{a}_{c}")
                useful = token.first  # whether the sum changes
                for s in range(f.nnz):
                    operand = self._operand(m, a, c, s)
                    useful = useful | (operand.any() & weights[c][s].any())
                    m.d.comb += [
                        dot.activations[s].eq(
                            Cat(operand, operand[7] & self.signed_activations).as_signed()),
                        dot.weights[s].eq(weights[c][s]),
                    ]
                m.d.comb += dot.accumulator.eq(Mux(token.first, 0, accumulator))
                with m.If(token.valid & (useful if f.zero_gating else 1)):
                    m.d.sync += accumulator.eq(dot.result)
                with m.If(token.valid & token.last):
                    m.d.sync += shadow.eq(dot.result)
                with m.Elif(self.drain):
                    m.d.sync += shadow.eq(above)
                above = shadow
            m.d.comb += self.south_sums[c].eq(above)
        return m

    def _weight(self, m: Module, c: int, s: int) -> Value:
        """Value ``s`` of column ``c``, in step with its operand."""
        if not self.facts.compressed:
            return self.south[c].word_select(s, 8).as_signed()
        value = self.south[c].word_select(s, PAIR)[:8].as_signed()
        if not self.facts.held:
            return value
        waited = Signal(signed(8), name=f"weight_{c}")
        m.d.sync += waited.eq(value)
        return waited

    def _operand(self, m: Module, a: int, c: int, s: int) -> Value:
        """The registered activation byte that meets value ``s`` of column ``c`` in row ``a``."""
        if not self.facts.compressed:
            return self.east[a].word_select(s, 8)
        block, pairs = ((self.east, self.south) if self.facts.held else (self.west, self.north))
        operand = Signal(8, name=f"operand_{a}_{c}_{s}")
        index = pairs[c].word_select(s, PAIR)[8:]
        m.d.sync += operand.eq(
            Array(block[a].word_select(k, 8) for k in range(self.facts.depth))[index])
        return operand
