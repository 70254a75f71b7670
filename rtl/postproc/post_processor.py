# SPDX-License-Identifier: Apache-2.0
"""Post-processor: drained accumulator rows become int8 output words."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..sequencer.descriptor import ROW_BITS, Descriptor
from .requantiser import Parameters, Requantiser

__all__ = ["PostProcessor"]


class PostProcessor(wiring.Component):
    """Requantises a row of ``columns`` accumulators in ``columns / lanes`` beats.

    *Timing*: a row is taken when ``valid`` is high, at most once every ``beats`` cycles; its
    first beat leaves ``LATENCY`` cycles later, the others follow in successive cycles. With
    ``swap`` the row, and those after it, use the parameters in ``shadow``, which must stay for
    ``Requantiser.SHIFT_DELAY`` cycles more.

    *Parameters*: ``columns``, ``lanes`` (divides ``columns``, multiple of 8),
    ``accumulator_bits``.

    *Members*: ``descriptor``, ``valid``, ``swap``, ``i``, ``shadow``, ``o_valid``, ``o``.
    """

    LATENCY = Requantiser.LATENCY

    def __init__(self, *, columns: int, lanes: int, accumulator_bits: int):
        if lanes % 8 or columns % lanes:
            raise ValueError(f"Post-processor lanes must be a multiple of 8 that divides "
                             f"{columns} columns, not {lanes!r}")
        self.columns = columns
        self.lanes = lanes
        self.beats = columns // lanes
        self.accumulator_bits = accumulator_bits
        super().__init__({
            "descriptor": In(Descriptor),
            "valid": In(1),
            "swap": In(1),
            "i": In(data.ArrayLayout(signed(accumulator_bits), columns)),
            "shadow": In(data.ArrayLayout(ROW_BITS, columns)),
            "o_valid": Out(1),
            "o": Out(data.ArrayLayout(signed(8), lanes)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        d = self.descriptor
        # The parameters in use change field by field, as the first row that needs them passes.
        active = Signal(data.ArrayLayout(Parameters, self.columns))
        swaps = Signal(Requantiser.SHIFT_DELAY)
        swap = Signal()
        m.d.comb += swap.eq(self.valid & self.swap)
        m.d.sync += swaps.eq(Cat(swap, swaps[:-1]))

        beat = Signal(range(max(self.beats, 2)))
        kept = Signal(data.ArrayLayout(signed(self.accumulator_bits), self.columns))
        running = Signal()
        m.d.comb += running.eq(self.valid | (beat != 0))
        with m.If(running):
            m.d.sync += beat.eq(Mux(beat == self.beats - 1, 0, beat + 1))
        if self.beats > 1:
            with m.If(self.valid):
                m.d.sync += kept.eq(self.i)

        valid = Signal(self.LATENCY)
        beats = [beat]
        for stage in range(1, Requantiser.SHIFT_DELAY + 1):
            delayed = Signal.like(beat, name=f"beat_{stage}")
            m.d.sync += delayed.eq(beats[-1])
            beats.append(delayed)
        m.d.sync += valid.eq(Cat(running, valid[:-1]))
        m.d.comb += self.o_valid.eq(valid[-1])

        for column in range(self.columns):
            shadow = data.View(Parameters, self.shadow[column][:Parameters.size])
            with m.If(swap):
                m.d.sync += active[column].bias.eq(shadow.bias)
            with m.If(swaps[0]):
                m.d.sync += active[column].multiplier.eq(shadow.multiplier)
            with m.If(swaps[Requantiser.SHIFT_DELAY - 1]):
                m.d.sync += active[column].shift.eq(shadow.shift)

        for lane in range(self.lanes):
            m.submodules[f"lane_{lane}"] = unit = Requantiser()
            for b in range(self.beats):
                column = b * self.lanes + lane
                shadow = data.View(Parameters, self.shadow[column][:Parameters.size])
                use = active[column]
                with m.If(beat == b):
                    m.d.comb += [
                        unit.i.eq(self.i[column] if b == 0 else kept[column]),
                        unit.parameters.bias.eq(Mux(swap, shadow.bias, use.bias)),
                    ]
                with m.If(beats[1] == b):
                    m.d.comb += unit.parameters.multiplier.eq(
                        Mux(swaps[0], shadow.multiplier, use.multiplier))
                with m.If(beats[Requantiser.SHIFT_DELAY] == b):
                    m.d.comb += unit.parameters.shift.eq(
                        Mux(swaps[-1], shadow.shift, use.shift))
            m.d.comb += [
                unit.rounding.eq(d.rounding),
                unit.zero_point.eq(d.zero_point),
                unit.low.eq(d.low),
                unit.high.eq(d.high),
                self.o[lane].eq(unit.o),
            ]
        return m
