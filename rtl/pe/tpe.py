# SPDX-License-Identifier: Apache-2.0
"""Tensor processing elements: A x C dot-product units with output-stationary accumulators."""

from collections.abc import Callable, Iterator

from amaranth import Array, Module, Mux, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..arith.dot_product import DotProduct
from ..arith.fanout import buffered
from ..arith.product_sum import ProductSum
from ..arith.total import total as count
from ..cell import Cell
from ..delay import delay
from ..facts import BLOCK, PAIR_BITS, Encoding, EngineFacts

__all__ = ["Token", "Tpe"]

Operands = Callable[[int, int], Iterator[tuple[Value, Value, Value]]]

Token = data.StructLayout({"valid": 1, "first": 1, "last": 1, "start": 1})
"""Travels with a step's activations: ``first`` opens a sum, ``last`` closes it, ``start`` opens a
block of held activations, or comes with a word of weights to be held."""

class Tpe(Cell):
    """One TPE: ``acc[a][c] = (first ? 0 : acc[a][c]) + sum_s x[a][s] * w[c][s]``.

    Where the operands of product ``s`` come from, by ``Encoding`` of the weights:

    - dense: the ``depth`` channels of the step;
    - DBB: the ``nnz`` stored values of the block, each with a multiplexer that picks its activation
      *before* the operand register, so that only chosen operands toggle multipliers; value s is
      at position s or one of the 8 - ``nnz`` behind it (STA, section 2: 8:1 there);
    - time-unrolled DBB: one value a step; the block of activations is held from its ``start``
      token on and chosen from (VDBB, section 3);
    - held DBB weights: one activation and its position a step; the block of weights is held from
      its ``start`` token on, and the value at that position chosen, if there is one, by the rank
      of its bit in the mask (S2TA-AW's DP1M4, section 4).

    With ``zero_gating`` an accumulator rests while all its products are zero; sums are the same.

    With ``last`` the finished sums are also copied to the shadow accumulators, which form
    shift chains southwards: ``drain`` moves them down by one row. If read-out is not overlapped
    there are none, and the accumulators themselves form the chains: sums move through the adders,
    so that steps that are not valid must bring zeros on the side that is not held.

    *Timing*: operands are registered (and passed on east and south) at the end of the cycle in
    which they are presented, and accumulated in the next, or where one side is held in the one
    after that; ``sum_stages`` later if arithmetic is pipelined. Lock-step, no handshake.

    *Members*: ``west``, ``east`` (activations), ``token``, ``east_token``, ``north``, ``south``
    (weights), ``signed_activations``, ``drain``, ``east_drain``, ``north_sums``, ``south_sums``.
    """

    def __init__(self, facts: EngineFacts):
        self.facts = facts
        activations = data.ArrayLayout(facts.activation_bits, facts.a)
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
        ]
        held = f.holds_activations or f.holds_weights
        opens = self.token.valid & self.token.start
        moves = self.token.valid
        if not f.overlapped:  # the step behind the last one: its zeros
            moves = moves | self.east_token.valid
        east = Signal.like(self.west, name="activations", reset_less=True)
        south = Signal.like(self.north, name="weights", reset_less=True)
        with m.If(opens if f.holds_activations else moves):
            m.d.sync += east.eq(self.west)
        with m.If(opens if f.holds_weights else moves):
            m.d.sync += south.eq(self.north)
        m.d.comb += [self.east.eq(east), self.south.eq(south)]
        token = self.east_token
        if held:
            token = Signal(Token)
            moves = self.east_token.valid | (0 if f.overlapped else token.valid)
            m.d.sync += [self.east_token.start.eq(self.token.start), token.eq(self.east_token)]

        form = {Encoding.DENSE: self._dense, Encoding.MASK: self._chosen,
                Encoding.INDEX: self._held_activations, Encoding.HELD: self._held_weights}
        operands = form[f.encoding](m, moves)
        token = data.View(Token, delay(m, "token", token.as_value(), f.sum_stages))
        keeps = ~token.first if f.overlapped else ~(token.first | self.drain)
        for c in range(f.c):
            above = self.north_sums[c]
            for a in range(f.a):
                m.submodules[f"dot_{a}_{c}"] = dot = (
                    ProductSum(taps=f.products) if f.pipelined else DotProduct(
                        taps=f.products, accumulator_bits=f.accumulator_bits))
                accumulator = Signal(signed(f.accumulator_bits), name=f"accumulator_{a}_{c}",
                                     reset_less=True)
                total = Signal.like(accumulator, name=f"total_{a}_{c}")
                useful = 0  # whether the sum changes
                m.d.comb += dot.signed_activations.eq(self.signed_activations)
                for s, (activation, weight, present) in enumerate(operands(a, c)):
                    useful = useful | (activation.any() & present)
                    m.d.comb += [dot.activations[s].eq(activation), dot.weights[s].eq(weight)]
                adds = token.valid
                if f.zero_gating:
                    adds = adds & (token.first | delay(m, f"useful_{a}_{c}", useful, f.sum_stages))
                keep = buffered(m, f"keep_{a}_{c}", keeps)
                kept = accumulator & keep.replicate(f.accumulator_bits)
                finished = accumulator
                if f.overlapped:
                    finished = Signal.like(accumulator, name=f"shadow_{a}_{c}")
                    with m.If(token.valid & token.last):
                        m.d.sync += finished.eq(total)
                    with m.Elif(self.drain):
                        m.d.sync += finished.eq(above)
                else:  # sums move down through the adders: all products are 0 meanwhile
                    adds = adds | self.drain
                    move = buffered(m, f"move_{a}_{c}", self.drain)
                    kept = kept | (above & move.replicate(f.accumulator_bits))
                if f.pipelined:
                    m.d.comb += total.eq(kept.as_signed() + dot.result)
                else:
                    m.d.comb += [dot.accumulator.eq(kept), total.eq(dot.result)]
                with m.If(adds):
                    m.d.sync += accumulator.eq(total)
                above = finished
            m.d.comb += self.south_sums[c].eq(above)
        return m

    # Each form gives a function from row a and column c to the products' operands: activation,
    # weight, and whether there is a weight at all.

    def _dense(self, m: Module, moves: Value) -> Operands:
        def operands(a: int, c: int):
            for s in range(self.facts.depth):
                weight = self.south[c].word_select(s, 8)
                yield self.east[a].word_select(s, 8), weight.as_signed(), weight.any()
        return operands

    def _chosen(self, m: Module, moves: Value) -> Operands:
        def operands(a: int, c: int):
            for s in range(self.facts.nnz):
                weight = self.south[c].word_select(s, PAIR_BITS)[:8]
                place = self.north[c].word_select(s, PAIR_BITS)[8:]
                reach = self.west[a][8 * s:8 * (s + self.facts.reach)]
                operand = _registered(m, moves, _pick(reach, place), f"operand_{a}_{c}_{s}")
                yield operand, weight.as_signed(), weight.any()
        return operands

    def _held_activations(self, m: Module, moves: Value) -> Operands:
        weights = [_registered(m, moves, self.south[c][:8], f"weight_{c}")
                   for c in range(self.facts.c)]

        def operands(a: int, c: int):
            index = self.south[c][8:]
            operand = _registered(m, moves, _pick(self.east[a], index), f"operand_{a}_{c}")
            yield operand, weights[c].as_signed(), weights[c].any()
        return operands

    def _held_weights(self, m: Module, moves: Value) -> Operands:
        f = self.facts
        values = [_registered(m, moves, self.east[a][:8], f"operand_{a}") for a in range(f.a)]
        # Of each position, which stored value is its own: the rank of its bit in the mask.
        ranks = [Signal(data.ArrayLayout(range(max(f.nnz, 2)), BLOCK), name=f"ranks_{c}")
                 for c in range(f.c)]
        for c, rank in enumerate(ranks):
            for position in range(1, BLOCK):
                m.d.comb += rank[position].eq(count(self.south[c][:position]))

        def operands(a: int, c: int):
            mask, slots = self.south[c][:BLOCK], self.south[c][BLOCK:]
            position = self.east[a][8:]
            hit = mask.bit_select(position, 1)
            value = Array(slots.word_select(s, 8) for s in range(f.nnz))[ranks[c][position]]
            weight = _registered(m, moves, Mux(hit, value, 0), f"weight_{a}_{c}")
            yield values[a], weight.as_signed(), _registered(m, moves, hit, f"hit_{a}_{c}")
        return operands


def _pick(octets: Value, index: Value) -> Value:
    """Byte ``index`` of ``octets``."""
    return Array(octets.word_select(k, 8) for k in range(len(octets) // 8))[index]


def _registered(m: Module, enable: Value, value: Value, name: str) -> Signal:
    """``value`` a cycle later, taken over while ``enable``."""
    register = Signal(len(value), name=name, reset_less=True)
    with m.If(enable):
        m.d.sync += register.eq(value)
    return register
