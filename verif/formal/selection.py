# SPDX-License-Identifier: Apache-2.0
"""Selection by index: a TPE meets each value with the activation of its position, and sums up.

Two properties share the abstraction of the multipliers: ``OpenDotProduct`` shows what a TPE's
dot product is given, and its result is arbitrary in every cycle. With the contract of
``DotProduct``, which is tested against integer arithmetic, they make the contract of the TPE.
"""

from amaranth import Cat, Elaboratable, Module, Mux, Signal, Value, signed
from amaranth.asserts import AnyConst, AnySeq
from amaranth.hdl import Assert, Assume, Cover, Fragment
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In

from ...rtl.arith.dot_product import DotProduct
from ...rtl.facts import BLOCK, PAIR_BITS, EngineFacts
from ...rtl.pe.tpe import Token, Tpe
from .decoding import encode

__all__ = ["HeldWeightsAreRanked", "OperandsAreChosen", "SumsAreKept"]

Pair = data.StructLayout({"value": signed(8), "index": range(BLOCK)})


class OpenDotProduct:
    """Technology for one 1 x 1 TPE, whose dot product's ports are signals of this object."""

    def __init__(self, facts: EngineFacts):
        self.activations = Signal(data.ArrayLayout(8, facts.products))
        self.signed_activations = Signal()
        self.weights = Signal(data.ArrayLayout(signed(8), facts.products))
        self.accumulator = Signal(signed(facts.accumulator_bits))
        self.result = Signal(signed(facts.accumulator_bits))

    def get_dot_product(self, dot: DotProduct) -> Module:
        m = Module()
        m.d.comb += [
            self.activations.eq(dot.activations),
            self.signed_activations.eq(dot.signed_activations),
            self.weights.eq(dot.weights),
            self.accumulator.eq(dot.accumulator),
            dot.result.eq(AnySeq(self.result.shape())),
            self.result.eq(dot.result),
        ]
        return m


class InTechnology(Elaboratable):
    """``component`` elaborated for a technology of its own."""

    def __init__(self, component: wiring.Component, technology):
        self.component = component
        self.technology = technology

    def elaborate(self, platform) -> Fragment:
        return Fragment.get(self.component, self.technology)


class TpeProperty(wiring.Component):
    """A 1 x 8 x 1 TPE in free surroundings, beside the steps that it is given.

    *Parameters*: ``tpe``.

    *Members*: ``west``, ``token``, ``north``, ``drain``, ``north_sum``: arbitrary in every cycle.
    """

    def __init__(self, tpe: Tpe):
        self.tpe = tpe
        super().__init__({
            "west": In(tpe.facts.activation_bits),
            "token": In(Token),
            "north": In(tpe.facts.operand_bits),
            "drain": In(1),
            "north_sum": In(signed(tpe.facts.accumulator_bits)),
        })

    def surround(self, m: Module) -> tuple[OpenDotProduct, Value]:
        """Connect the TPE; returns its dot product and whether activations are signed."""
        tpe = self.tpe
        dot = OpenDotProduct(tpe.facts)
        m.submodules.tpe = InTechnology(tpe, dot)
        signed_activations = AnyConst(1)
        m.d.comb += [
            tpe.west[0].eq(self.west),
            tpe.token.eq(self.token),
            tpe.north[0].eq(self.north),
            tpe.drain.eq(self.drain),
            tpe.north_sums[0].eq(self.north_sum),
            tpe.signed_activations.eq(signed_activations),
        ]
        return dot, signed_activations

    def in_step(self, m: Module, value: Value, name: str) -> Value:
        """``value`` as late as the dot product sees the step that is presented with it."""
        for stage in range(self.tpe.facts.latency):
            register = Signal.like(value, name=f"{name}_{stage}")
            m.d.sync += register.eq(value)
            value = register
        return value


class OperandsAreChosen(TpeProperty):
    """Each value of a valid step meets the activation at its index, extended as its type says.

    The activation is chosen from the step's own block, or in a ``held`` TPE from the block of the
    last valid ``start`` token, whatever passes by meanwhile.

    *Timing*: ``latency`` cycles after a step. Inductive: holds for any number of cycles.
    """

    def elaborate(self, platform) -> Module:
        m = Module()
        facts = self.tpe.facts
        dot, signed_activations = self.surround(m)
        west = block = self.west
        if facts.holds_activations:
            held = Signal.like(west)
            block = Mux(self.token.valid & self.token.start, west, held)
            m.d.sync += held.eq(block)
            m.d.comb += Assert(self.tpe.east[0] == held, "the held block is passed on")
        block = self.in_step(m, block, "block")
        passing = self.in_step(m, west, "passing")
        pairs = data.View(data.ArrayLayout(Pair, facts.nnz),
                          self.in_step(m, self.north, "pairs"))
        valid = self.in_step(m, self.token.valid, "valid")
        for s in range(facts.nnz):
            m.d.comb += Assert(~valid | (dot.weights[s] == pairs[s].value), f"value {s} is used")
            start = 0 if facts.holds_activations else s
            for index in range(facts.reach):
                with m.If(valid & (pairs[s].index == index)):
                    m.d.comb += Assert(
                        dot.activations[s] == block.word_select(start + index, 8),
                        f"activation {s} is that of position {start + index}")
        first = dot.activations[0]
        m.d.comb += [
            Assert(dot.signed_activations == signed_activations, "activations keep their type"),
            Cover(valid & (first == 128) & (pairs[0].index == facts.reach - 1), "least int8"),
            Cover(valid & (first == 255) & (pairs[0].index == 1), "greatest byte"),
        ]
        if facts.holds_activations:
            m.d.comb += Cover(valid & (block != passing) & first.any(), "another block passes by")
        return m


class SumsAreKept(TpeProperty):
    """Valid steps add to the sum that ``first`` opened; ``last`` hands it over, ``drain`` on.

    What a step makes of a sum is arbitrary, so that no two sums can be mistaken. Only with
    ``zero_gating``, or where sums move through the adders, it is assumed that a step whose products
    are all 0 leaves the sum as it is. For these it is assumed as well, as the engine sees to it,
    that what is not a valid step brings zeros on the side that is not held, that sums do not move
    while a step adds to them, nor ahead of the first step. Nothing is asked of a sum that was never
    opened, nor moved from above.

    *Timing*: a sum is compared in every cycle; proven up to the depth, since the accumulator
    of a TPE shows only with ``last``.
    """

    def elaborate(self, platform) -> Module:
        m = Module()
        facts = self.tpe.facts
        dot, _ = self.surround(m)
        token = self.in_step(m, self.token, "step")
        idle = ~Cat(dot.activations[s].any() & dot.weights[s].any()
                    for s in range(facts.products)).any()
        if facts.zero_gating or not facts.overlapped:
            m.d.comb += Assume(~idle | (dot.result == dot.accumulator))
        if facts.zero_gating:
            m.d.comb += Cover(idle & token.valid & ~token.first & dot.result.any(),
                              "step of zeros")

        accumulator = Signal(signed(facts.accumulator_bits))
        opened = Signal()
        steps = Signal(4)
        with m.If(token.valid):
            m.d.sync += [accumulator.eq(dot.result), opened.eq(opened | token.first),
                         steps.eq(Mux(token.first, 1, steps + 1))]
        finished, known = accumulator, opened
        if facts.overlapped:
            finished = Signal(signed(facts.accumulator_bits))
            known = Signal()
            with m.If(token.valid & token.last):
                m.d.sync += [finished.eq(dot.result), known.eq(opened | token.first)]
            with m.Elif(self.drain):
                m.d.sync += [finished.eq(self.north_sum), known.eq(1)]
        else:
            brings = self.north if facts.holds_activations else self.west
            stepped = Signal()
            m.d.comb += [Assume(self.token.valid | ~brings.any()),
                         Assume(~self.drain | (stepped & ~token.valid))]
            with m.If(token.valid):
                m.d.sync += stepped.eq(1)
            with m.If(self.drain):
                m.d.sync += [accumulator.eq(self.north_sum), opened.eq(1)]
        moved = Signal()
        m.d.sync += moved.eq(self.drain)
        m.d.comb += [
            Assert(~token.valid | (dot.accumulator == Mux(token.first, 0, accumulator))
                   | ~(token.first | opened), "the sum goes on"),
            Assert(~known | (self.tpe.south_sums[0] == finished), "the sum is handed over"),
            Cover(token.valid & token.last & (steps == 3) & accumulator.any(), "fourth step"),
            Cover(moved & (finished == -1), "drained from above"),
            Cover(moved & token.valid & token.first & accumulator.any(), "the next sum at once"),
        ]
        return m


class HeldWeightsAreRanked(wiring.Component):
    """Each streamed activation meets the weight of its position, or 0 where there is none.

    The weights are those of any block of at most NNZ non-zeros, stored as mask and values, that
    came with the last valid ``start`` token, whatever passes by meanwhile.

    *Timing*: ``latency`` cycles after a step. Inductive: holds for any number of cycles.

    *Parameters*: ``tpe``, 1 x 8 x 1, which holds weights.

    *Members*: ``value``, ``position`` (from the west), ``block``, ``filling`` (of unused slots),
    ``token``: arbitrary in every cycle.
    """

    def __init__(self, tpe: Tpe):
        self.tpe = tpe
        super().__init__({
            "value": In(8), "position": In(range(BLOCK)), "token": In(Token),
            "block": In(data.ArrayLayout(8, BLOCK)),
            "filling": In(data.ArrayLayout(8, tpe.facts.nnz)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        tpe, facts = self.tpe, self.tpe.facts
        dot = OpenDotProduct(facts)
        m.submodules.tpe = InTechnology(tpe, dot)
        signed_activations = AnyConst(1)
        block = [self.block[position] for position in range(BLOCK)]
        stored = encode(block, [self.filling[s] for s in range(facts.nnz)])
        opens = self.token.valid & self.token.start
        m.d.comb += [
            Assume(sum(element.any() for element in block) <= facts.nnz),
            tpe.west[0].eq(Cat(self.value, self.position)),
            tpe.north[0].eq(stored),
            tpe.token.eq(self.token),
            tpe.signed_activations.eq(signed_activations),
        ]
        held = Signal.like(Value.cast(self.block))
        filling = Signal.like(Value.cast(self.filling))
        known = Signal()  # a block has come
        with m.If(opens):
            m.d.sync += [held.eq(self.block), filling.eq(self.filling), known.eq(1)]
        step = Signal(PAIR_BITS)
        valid = Signal()
        m.d.sync += [step.eq(Cat(self.value, self.position)), valid.eq(self.token.valid)]
        elements = [held.word_select(position, 8) for position in range(BLOCK)]
        word = encode(elements, [filling.word_select(s, 8) for s in range(facts.nnz)])
        m.d.comb += [
            Assert(~known | (tpe.south[0] == word), "the held block is passed on"),
            Assert(sum(element.any() for element in elements) <= facts.nnz, "it is bounded"),
            Assert(~valid | (tpe.east[0] == step), "the activation is passed on"),
        ]

        # The choice is made in the step after, and registered.
        seen = Signal()
        octet = Signal(8)
        weight = Signal(8)
        m.d.sync += [seen.eq(valid & known), octet.eq(step[:8])]
        with m.Switch(step[8:]):
            for position in range(BLOCK):
                with m.Case(position):
                    m.d.sync += weight.eq(held.word_select(position, 8))
        m.d.comb += [
            Assert(~seen | (dot.weights[0] == weight.as_signed()), "weight of the position"),
            Assert(~seen | (dot.activations[0] == octet), "the activation is used"),
            Assert(dot.signed_activations == signed_activations, "activations keep their type"),
            Cover(seen & (weight == 0x80) & (octet == 255), "largest operands"),
            Cover(seen & (weight == 0) & octet.any() & held.any(), "a miss"),
        ]
        return m
