# SPDX-License-Identifier: Apache-2.0
"""Tensor processing elements: A x C dot-product units with output-stationary accumulators."""

from amaranth import Array, Cat, Module, Mux, Signal, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..arith.dot_product import DotProduct
from ..cell import Cell
from ..engine.facts import EngineFacts

__all__ = ["Token", "Tpe"]

Token = data.StructLayout({"valid": 1, "first": 1, "last": 1})
"""Travels with a step's activations: ``first`` opens a sum, ``last`` closes it."""


class Tpe(Cell):
    """One TPE: ``acc[a][c] = (first ? 0 : acc[a][c]) + sum_s x[a][s] * w[c][s]``.

    Dense: ``s`` runs over the ``depth`` channels of the step. DBB: over the ``nnz`` stored
    values of the block, each with an 8:1 multiplexer that picks its activation *before* the
    operand register, so that only chosen operands toggle the multipliers.

    With ``last`` the finished sums are also copied to the shadow accumulators, which form
    shift chains southwards: ``drain`` moves them down by one row.

    *Timing*: operands are registered (and passed on east and south) at the end of the cycle in
    which they are presented, and accumulated in the next. Lock-step, no handshake.

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
            self.east.eq(self.west),
            self.east_token.eq(self.token),
            self.east_drain.eq(self.drain),
            self.south.eq(self.north),
        ]
        token = self.east_token

        for c in range(f.c):
            above = self.north_sums[c]
            for a in range(f.a):
                m.submodules[f"dot_{a}_{c}"] = dot = DotProduct(
                    taps=f.nnz, accumulator_bits=f.accumulator_bits)
                accumulator = Signal(signed(f.accumulator_bits), name=f"accumulator_{a}_{c}")
                shadow = Signal(signed(f.accumulator_bits), name=f"shadow_{a}_{c}")
                for s in range(f.nnz):
                    operand = self._operand(m, a, c, s)
                    m.d.comb += [
                        dot.activations[s].eq(
                            Cat(operand, operand[7] & self.signed_activations).as_signed()),
                        dot.weights[s].eq(self._weight(self.south, c, s)),
                    ]
                m.d.comb += dot.accumulator.eq(Mux(token.first, 0, accumulator))
                with m.If(token.valid):
                    m.d.sync += accumulator.eq(dot.result)
                with m.If(token.valid & token.last):
                    m.d.sync += shadow.eq(dot.result)
                with m.Elif(self.drain):
                    m.d.sync += shadow.eq(above)
                above = shadow
            m.d.comb += self.south_sums[c].eq(above)
        return m

    def _weight(self, word, c: int, s: int):
        """Value ``s`` of column ``c``."""
        if self.facts.compressed:
            return word[c].word_select(s, 11)[:8].as_signed()
        return word[c].word_select(s, 8).as_signed()

    def _operand(self, m: Module, a: int, c: int, s: int):
        """The registered activation byte that meets value ``s`` of column ``c`` in row ``a``."""
        if not self.facts.compressed:
            return self.east[a].word_select(s, 8)
        operand = Signal(8, name=f"operand_{a}_{c}_{s}")
        index = self.north[c].word_select(s, 11)[8:]
        m.d.sync += operand.eq(
            Array(self.west[a].word_select(k, 8) for k in range(self.facts.depth))[index])
        return operand
