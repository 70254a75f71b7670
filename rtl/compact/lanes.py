# SPDX-License-Identifier: Apache-2.0
"""The compact core's multiply-accumulate lanes."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .parameters import LANES

__all__ = ["Lanes"]


class Lanes(wiring.Component):
    """``LANES`` accumulators of signed products, and the word of activations that they work on.

    A lane multiplies its byte of ``word`` by an activation: the lowest byte of the held word, or,
    with ``own_channel``, its own. ``load_biases`` sets two lanes at a time from halves of ``word``.

    Each lane is written so that a DSP block takes it whole: product, sum, and load.

    *Timing*: everything at the end of the cycle. ``shift`` moves the held word on by a byte.

    *Parameters*: ``accumulator_bits``.

    *Members*: ``word`` (from memory), ``hold`` (keep it as activations), ``shift``, ``held``,
    ``multiply``, ``own_channel``, ``load_biases`` (one bit a pair of lanes), ``sums``.
    """

    def __init__(self, *, accumulator_bits: int):
        self.accumulator_bits = accumulator_bits
        super().__init__({
            "word": In(64),
            "hold": In(1),
            "shift": In(1),
            "held": Out(64),
            "multiply": In(1),
            "own_channel": In(1),
            "load_biases": In(LANES // 2),
            "sums": Out(data.ArrayLayout(signed(accumulator_bits), LANES)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        with m.If(self.hold):
            m.d.sync += self.held.eq(self.word)
        with m.Elif(self.shift):
            m.d.sync += self.held.eq(self.held >> 8)
        for lane in range(LANES):
            total = Signal(signed(self.accumulator_bits), name=f"sum_{lane}", reset_less=True)
            activation = Signal(signed(16), name=f"activation_{lane}")
            weight = Signal(signed(16), name=f"weight_{lane}")
            load = self.load_biases[lane // 2]
            m.d.comb += [
                activation.eq(Mux(self.own_channel, self.held.word_select(lane, 8),
                                  self.held[:8]).as_signed()),
                weight.eq(self.word.word_select(lane, 8).as_signed()),
                self.sums[lane].eq(total),
            ]
            with m.If(self.multiply | load):
                m.d.sync += total.eq(Mux(
                    load, self.word.word_select(lane % 2, 32).as_signed(),
                    total + activation * weight))
        return m
