# SPDX-License-Identifier: Apache-2.0
"""The vector unit's datapath: one lane a channel, nine taps a cycle, its own requantisers."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..arith.dot_product import DotProduct
from ..operand.gather import piece_layout
from ..postproc.requantiser import Parameters, Requantiser
from ..sequencer.descriptor import ROW_BITS, Descriptor
from .window import WINDOW, column_tag

__all__ = ["VectorUnit"]


class VectorUnit(wiring.Component):
    """Multiplies a ``WINDOW`` x ``WINDOW`` window of each of ``lanes`` channels and requantises.

    Per lane: ``sum = first ? window . weights : sum + window . weights``; on *emit* the sum goes
    through the lane's requantiser. Depthwise convolution fires once an output; pooling sums with
    unit weights.

    Each lane's parameters are two program rows: ``Parameters``, then ``WINDOW ** 2`` weights,
    column by column of the window, top to bottom; a kernel narrower than the window uses its
    last columns.

    *Timing*: a column that is complete in cycle t fires in t + 1, and its output leaves in
    ``t + LATENCY``. No back-pressure.

    *Parameters*: ``lanes`` (multiple of 8), ``gather_lanes``, ``tag_width``.

    *Members*: ``start``, ``descriptor``, ``i`` (pieces), ``shadow`` (parameters), ``swap`` (they
    were taken over), ``o_valid``, ``o``.
    """

    COLUMN_DELAY = 2  # from a column's last read to its being complete
    SWAP_DELAY = COLUMN_DELAY + 1
    LATENCY = 2 + Requantiser.LATENCY

    def __init__(self, *, lanes: int, gather_lanes: int, tag_width: int):
        self.lanes = lanes
        self.blocks = lanes // 8
        super().__init__({
            "start": In(1),
            "descriptor": In(Descriptor),
            "i": In(stream.Signature(piece_layout(gather_lanes, tag_width))),
            "shadow": In(data.ArrayLayout(2 * ROW_BITS, lanes)),
            "swap": Out(1),
            "o_valid": Out(1),
            "o": Out(data.ArrayLayout(signed(8), lanes)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        d = self.descriptor
        words = WINDOW * self.blocks
        taps = WINDOW * WINDOW

        # A column gathers over one or more pieces.
        arrived = data.View(column_tag, self.i.payload.tag[:column_tag.size])
        newest = [Signal(64, name=f"column_{i}") for i in range(words)]
        complete = Signal()
        tag = Signal(column_tag)
        m.d.comb += self.i.ready.eq(1)
        m.d.sync += complete.eq(self.i.valid & self.i.payload.done)
        with m.If(self.i.valid):
            m.d.sync += tag.eq(arrived)
            for lane in range(words):
                with m.If(self.i.payload.write[lane]):
                    m.d.sync += newest[lane].eq(self.i.payload.values[lane])

        # The window: oldest column first.
        window = [[Signal(64, name=f"window_{x}_{i}") for i in range(words)]
                  for x in range(WINDOW)]
        fired = Signal(column_tag)
        fire = Signal()
        m.d.comb += fire.eq(fired.fire)
        m.d.sync += fired.eq(Mux(complete, tag.as_value(), 0))
        with m.If(complete):
            for x in range(WINDOW):
                for i in range(words):
                    older = window[x + 1][i] if x + 1 < WINDOW else newest[i]
                    if x + 1 < WINDOW:
                        older = Mux(fired.clear, 0, older)
                    m.d.sync += window[x][i].eq(older)
        with m.Elif(fired.clear):
            m.d.sync += [window[x][i].eq(0) for x in range(WINDOW) for i in range(words)]
        with m.If(self.start):
            m.d.sync += [window[x][i].eq(0) for x in range(WINDOW) for i in range(words)]

        # Parameters change field by field as the new group's first output passes.
        swaps = Signal(Requantiser.SHIFT_DELAY + 1)
        m.d.sync += swaps.eq(Cat(complete & tag.group_first, swaps[:-1]))
        m.d.comb += self.swap.eq(swaps[0])

        emits = Signal(Requantiser.LATENCY + 1)
        m.d.sync += emits.eq(Cat(fire & fired.emit, emits[:-1]))
        m.d.comb += self.o_valid.eq(emits[-1])

        for lane in range(self.lanes):
            block, byte = divmod(lane, 8)
            row, kernel = self.shadow[lane][:ROW_BITS], self.shadow[lane][ROW_BITS:]
            shadow = data.View(Parameters, row[:Parameters.size])
            active = Signal(Parameters, name=f"parameters_{lane}")
            weights = Signal(8 * taps, name=f"weights_{lane}")
            with m.If(complete & tag.group_first):
                m.d.sync += weights.eq(kernel)
            with m.If(swaps[0]):
                m.d.sync += active.bias.eq(shadow.bias)
            with m.If(swaps[1]):
                m.d.sync += active.multiplier.eq(shadow.multiplier)
            with m.If(swaps[Requantiser.SHIFT_DELAY]):
                m.d.sync += active.shift.eq(shadow.shift)

            m.submodules[f"dot_{lane}"] = dot = DotProduct(taps=taps, accumulator_bits=32)
            m.submodules[f"requantiser_{lane}"] = unit = Requantiser()
            total = Signal(signed(32), name=f"sum_{lane}")
            for x in range(WINDOW):
                for dy in range(WINDOW):
                    tap = x * WINDOW + dy
                    operand = window[x][dy * self.blocks + block].word_select(byte, 8)
                    m.d.comb += [
                        dot.activations[tap].eq(
                            Cat(operand, operand[7] & d.signed_activations).as_signed()),
                        dot.weights[tap].eq(weights.word_select(tap, 8)),
                    ]
            m.d.comb += dot.accumulator.eq(Mux(fired.first, 0, total))
            with m.If(fire):
                m.d.sync += total.eq(dot.result)
            m.d.comb += [
                unit.i.eq(total),
                unit.parameters.eq(active),
                unit.rounding.eq(d.rounding),
                unit.zero_point.eq(d.zero_point),
                unit.low.eq(d.low),
                unit.high.eq(d.high),
                self.o[lane].eq(unit.o),
            ]
        return m
