# SPDX-License-Identifier: Apache-2.0
"""Post-processor: drained accumulator rows become int8 output words."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..cell import Cell
from ..sequencer.descriptor import Descriptor
from .requantiser import Parameters, Requantiser

__all__ = ["PostLane", "PostProcessor"]


class PostLane(Cell):
    """One lane: the parameters in use of its ``beats`` columns, and their requantiser.

    *Timing*: as ``PostProcessor``. Parameters change field by field, as the first row that needs
    them passes.

    *Members*: ``i`` (sums of its columns, lowest first), ``beat``, ``take`` (a row arrives),
    ``swap``, ``shadow``, ``rounding``, ``zero_point``, ``low``, ``high``, ``o``.
    """

    def __init__(self, *, beats: int, accumulator_bits: int, float_rounding: bool = False,
                 pipelined: bool = False):
        self.beats = beats
        self.pipelined = pipelined
        self.float_rounding = float_rounding
        self.accumulator_bits = accumulator_bits
        super().__init__({
            "i": In(accumulator_bits * beats),
            "beat": In(range(max(beats, 2))),
            "take": In(1),
            "swap": In(1),
            "shadow": In(Parameters.size * beats),
            "rounding": In(2),
            "zero_point": In(signed(8)),
            "low": In(signed(8)),
            "high": In(signed(8)),
            "o": Out(signed(8)),
        })

    @property
    def module_name(self) -> str:
        return (f"post_lane_{self.beats}_acc{self.accumulator_bits}"
                + "_float" * self.float_rounding + "_pipelined" * self.pipelined)

    def body(self, platform) -> Module:
        m = Module()
        swaps = Signal(Requantiser.SHIFT_DELAY)
        m.d.sync += swaps.eq(Cat(self.swap, swaps[:-1]))
        beats = [self.beat]
        for stage in range(1, Requantiser.SHIFT_DELAY + 1):
            delayed = Signal.like(self.beat, name=f"beat_{stage}")
            m.d.sync += delayed.eq(beats[-1])
            beats.append(delayed)
        kept = Signal(self.accumulator_bits * self.beats)
        with m.If(self.take):
            m.d.sync += kept.eq(self.i)

        m.submodules.requantiser = unit = Requantiser(
            float_rounding=self.float_rounding, pipelined=self.pipelined)
        for b in range(self.beats):
            shadow = data.View(Parameters, self.shadow.word_select(b, Parameters.size))
            active = Signal(Parameters, name=f"parameters_{b}")
            fields = (("bias", self.swap, 0), ("multiplier", swaps[0], 1),
                      ("shift", swaps[-1], Requantiser.SHIFT_DELAY))
            for name, swap, delay in fields:
                with m.If(swap):
                    m.d.sync += active[name].eq(shadow[name])
                with m.If(beats[delay] == b):
                    m.d.comb += unit.parameters[name].eq(Mux(swap, shadow[name], active[name]))
            with m.If(self.beat == b):
                m.d.comb += unit.i.eq((self.i if b == 0 else kept).word_select(
                    b, self.accumulator_bits).as_signed())
        m.d.comb += [
            unit.rounding.eq(self.rounding),
            unit.zero_point.eq(self.zero_point),
            unit.low.eq(self.low),
            unit.high.eq(self.high),
            self.o.eq(unit.o),
        ]
        return m


class PostProcessor(wiring.Component):
    """Requantises a row of ``columns`` accumulators in ``columns / lanes`` beats.

    *Timing*: a row is taken when ``valid`` is high, at most once every ``beats`` cycles; its
    first beat leaves ``latency`` cycles later, the others follow in successive cycles. With
    ``swap`` the row, and those after it, use the parameters in ``shadow``, which must stay for
    ``Requantiser.SHIFT_DELAY`` cycles more.

    *Parameters*: ``columns``, ``lanes`` (divides ``columns``, multiple of 8),
    ``accumulator_bits``, ``float_rounding`` and ``pipelined`` (of the requantisers).

    *Members*: ``descriptor``, ``valid``, ``swap``, ``i``, ``shadow``, ``o_valid``, ``o``.
    """

    latency = staticmethod(Requantiser.latency)

    def __init__(self, *, columns: int, lanes: int, accumulator_bits: int,
                 float_rounding: bool = False, pipelined: bool = False):
        if lanes % 8 or columns % lanes:
            raise ValueError(f"Post-processor lanes must be a multiple of 8 that divides "
                             f"{columns} columns, not {lanes!r}")
        self.columns = columns
        self.lanes = lanes
        self.beats = columns // lanes
        self.accumulator_bits = accumulator_bits
        self.float_rounding = float_rounding
        self.pipelined = pipelined
        super().__init__({
            "descriptor": In(Descriptor),
            "valid": In(1),
            "swap": In(1),
            "i": In(data.ArrayLayout(signed(accumulator_bits), columns)),
            "shadow": In(data.ArrayLayout(Parameters.size, columns)),
            "o_valid": Out(1),
            "o": Out(data.ArrayLayout(signed(8), lanes)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        d = self.descriptor
        beat = Signal(range(max(self.beats, 2)))
        running = Signal()
        m.d.comb += running.eq(self.valid | (beat != 0))
        with m.If(running):
            m.d.sync += beat.eq(Mux(beat == self.beats - 1, 0, beat + 1))
        valid = Signal(self.latency(self.pipelined))
        m.d.sync += valid.eq(Cat(running, valid[:-1]))
        m.d.comb += self.o_valid.eq(valid[-1])

        for index in range(self.lanes):
            m.submodules[f"lane_{index}"] = lane = PostLane(
                beats=self.beats, accumulator_bits=self.accumulator_bits,
                float_rounding=self.float_rounding, pipelined=self.pipelined)
            columns = range(index, self.columns, self.lanes)
            m.d.comb += [
                lane.i.eq(Cat(self.i[column] for column in columns)),
                lane.beat.eq(beat),
                lane.take.eq(self.valid),
                lane.swap.eq(self.valid & self.swap),
                lane.shadow.eq(Cat(self.shadow[column] for column in columns)),
                lane.rounding.eq(d.rounding),
                lane.zero_point.eq(d.zero_point),
                lane.low.eq(d.low),
                lane.high.eq(d.high),
                self.o[index].eq(lane.o),
            ]
        return m
