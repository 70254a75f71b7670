# SPDX-License-Identifier: Apache-2.0
"""The vector unit's datapath: one lane a channel, nine taps a cycle, its own requantisers."""

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..arith.dot_product import DotProduct
from ..arith.largest import largest, registered_largest
from ..arith.product_sum import ProductSum, sum_stages
from ..cell import Cell
from ..delay import delay
from ..operand.gather import piece_layout
from ..postproc.requantiser import Parameters, Requantiser
from ..sequencer.descriptor import Descriptor, Opcode, Rounding
from .window import WINDOW, column_tag

__all__ = ["VectorLane", "VectorUnit", "WindowRow"]


class WindowRow(Cell):
    """One window row of one channel block: the newest word, and ``WINDOW`` columns of words.

    *Timing*: ``load`` takes the newest word, ``move`` shifts it into the window (oldest column
    first), ``clear`` empties the columns that are there.

    *Members*: ``load``, ``i``, ``move``, ``clear``, ``o``.
    """

    def __init__(self):
        super().__init__({"load": In(1), "i": In(64), "move": In(1), "clear": In(1),
                          "o": Out(64 * WINDOW)})

    @property
    def module_name(self) -> str:
        return "window_row"

    def body(self, platform) -> Module:
        m = Module()
        newest = Signal(64)
        kept = Signal.like(self.o)
        m.d.comb += kept.eq(Mux(self.clear, 0, self.o))
        with m.If(self.load):
            m.d.sync += newest.eq(self.i)
        with m.If(self.move):
            m.d.sync += self.o.eq(Cat(kept[64:], newest))
        with m.Else():
            m.d.sync += self.o.eq(kept)
        return m


class VectorLane(Cell):
    """One channel: window weights and parameters in use, nine multipliers, a requantiser.

    *Timing*: the window of the cycle in which ``fire`` is high is summed at its end, or ``stages``
    cycles later; with ``emit`` the output follows ``Requantiser.latency + 1`` cycles after that.
    ``swap`` (bit 0: weights, bit 1: bias, 2: multiplier, 3: shift) takes parameters over from
    ``shadow``.

    With ``maximum`` the total is not a sum: it is the largest unsigned operand under an odd weight,
    0 where there is none.

    An element-wise sum (``addition``) fires three times with parameters in ``common``: with
    ``addend`` for each operand, the oldest byte of the window times ``2 ** ADD_SHIFT``, and with
    ``joined`` for the sum of the two, which ``join`` took in the cycle of the second's ``scaled``.
    With rounding ``FLOAT`` it is times ``2 ** FLOAT_ADD_SHIFT``, and ``offset`` is added to the
    first operand's ``scaled``, which is rounded to ``SIGNIFICANT`` bits: the inner of the two
    fused multiply-adds with which onnxruntime sums.

    *Parameters*: ``float_rounding`` (of the requantiser); ``pipelined``: products, every level of
    adders and the requantiser's stages end in registers.

    *Members*: ``window`` (bytes, oldest column first), ``fire``, ``first`` (of a sum),
    ``signed_activations``, ``maximum``, ``addition``, ``addend``, ``join``, ``joined``, ``common``
    (and, with ``float_rounding``, ``offset``), ``shadow`` (``Parameters``, then weights), ``swap``,
    ``rounding``, ``zero_point``, ``low``, ``high``, ``o``.
    """

    TAPS = WINDOW * WINDOW
    FIELDS = (Parameters.size, 8 * TAPS)
    ADD_SHIFT = 20  # LiteRT's left shift of ADD's operands
    FLOAT_ADD_SHIFT = 23
    SIGNIFICANT = 24

    @classmethod
    def stages(cls, pipelined: bool = False) -> int:
        """Cycles from a window to what its total takes of it."""
        return sum_stages(cls.TAPS) if pipelined else 0

    def __init__(self, *, float_rounding: bool = False, pipelined: bool = False):
        self.float_rounding = float_rounding
        self.pipelined = pipelined
        super().__init__({
            **({"offset": In(signed(32))} if float_rounding else {}),
            "window": In(8 * self.TAPS),
            "fire": In(1),
            "first": In(1),
            "signed_activations": In(1),
            "maximum": In(1),
            "addition": In(1),
            "addend": In(1),
            "join": In(1),
            "joined": In(1),
            "common": In(Parameters),
            "shadow": In(sum(self.FIELDS)),
            "swap": In(4),
            "rounding": In(2),
            "zero_point": In(signed(8)),
            "low": In(signed(8)),
            "high": In(signed(8)),
            "o": Out(signed(8)),
        })

    @property
    def module_name(self) -> str:
        return ("vector_lane" + "_float" * self.float_rounding
                + "_pipelined" * self.pipelined)

    def body(self, platform) -> Module:
        m = Module()
        shadow = data.View(Parameters, self.shadow[:Parameters.size])
        active = Signal(Parameters)
        weights = Signal(8 * self.TAPS)
        with m.If(self.swap[0]):
            m.d.sync += weights.eq(self.shadow[Parameters.size:])
        for bit, name in enumerate(("bias", "multiplier", "shift"), start=1):
            with m.If(self.swap[bit]):
                m.d.sync += active[name].eq(shadow[name])

        m.submodules.dot = dot = (
            ProductSum(taps=self.TAPS) if self.pipelined
            else DotProduct(taps=self.TAPS, accumulator_bits=32))
        m.submodules.requantiser = unit = Requantiser(
            float_rounding=self.float_rounding, pipelined=self.pipelined)
        total = Signal(signed(32))
        peak = Signal(8)
        candidates = []
        for tap in range(self.TAPS):
            operand = self.window.word_select(tap, 8)
            candidates.append(Mux(weights[8 * tap], operand, 0))
            m.d.comb += [
                dot.activations[tap].eq(operand),
                dot.weights[tap].eq(weights.word_select(tap, 8)),
            ]
        stages = self.stages(self.pipelined)
        fire, first, addend, of_addend, of_joined = (
            delay(m, name, value, stages) for name, value in (
                ("fire", self.fire), ("first", self.first), ("operand", self.window[:8]),
                ("addend", self.addend), ("joined", self.joined)))
        addend = addend.as_signed()
        m.d.comb += dot.signed_activations.eq(self.signed_activations)
        if self.pipelined:
            candidates = [registered_largest(m, candidates)]
            taken = Mux(first, 0, total) + dot.result
        else:
            m.d.comb += dot.accumulator.eq(Mux(first, 0, total))
            taken = dot.result
        m.d.comb += peak.eq(largest([Mux(first, 0, total[:8]), *candidates]))
        with m.If(fire):
            m.d.sync += total.eq(Mux(self.maximum, peak, taken))
        previous = Signal(signed(32))
        both = Signal(signed(32))
        shifted = addend << self.ADD_SHIFT
        scaled = unit.scaled
        if self.float_rounding:
            exact = self.rounding == Rounding.FLOAT
            shifted = Mux(exact, addend << self.FLOAT_ADD_SHIFT, shifted)
            scaled = Mux(exact, self._significant(m, scaled + self.offset), scaled)
        m.d.sync += previous.eq(scaled)
        with m.If(self.join):
            m.d.sync += both.eq(previous + unit.scaled)
        with m.If(fire & of_addend):
            m.d.sync += total.eq(shifted)
        with m.If(fire & of_joined):
            m.d.sync += total.eq(both)
        m.d.comb += [
            unit.i.eq(total),
            unit.parameters.eq(Mux(self.addition, self.common.as_value(), active.as_value())),
            unit.rounding.eq(self.rounding),
            unit.zero_point.eq(self.zero_point),
            unit.low.eq(self.low),
            unit.high.eq(self.high),
            self.o.eq(unit.o),
        ]
        return m

    def _significant(self, m: Module, sum: Value) -> Value:
        """``sum`` to ``SIGNIFICANT`` bits, half to even; below ``2 ** 31`` before and after."""
        value = Signal(signed(32))
        magnitude = Signal(31)
        dropped = Signal(range(32 - self.SIGNIFICANT))
        nudged = Signal(signed(32))
        m.d.comb += [value.eq(sum), magnitude.eq(Mux(value < 0, ~value, value))]
        for bits in range(1, 32 - self.SIGNIFICANT):
            with m.If(magnitude[self.SIGNIFICANT + bits - 1]):
                m.d.comb += dropped.eq(bits)
        below_half = ((1 << dropped) >> 1) - 1
        last = value.bit_select(dropped, 1)
        m.d.comb += nudged.eq(value + Mux(dropped == 0, 0, below_half + last))
        return (nudged >> dropped) << dropped


class VectorUnit(wiring.Component):
    """Multiplies a ``WINDOW`` x ``WINDOW`` window of each of ``lanes`` channels and requantises.

    Per lane: ``sum = first ? window . weights : sum + window . weights``; on *emit* the sum goes
    through the lane's requantiser. Depthwise convolution fires once an output; pooling sums with
    unit weights, or takes the largest. An element-wise sum takes its two operands, each one word a
    channel block, in neighbouring cycles, and the requantisers three times (``_addition``).

    Each lane's parameters are two program rows: ``Parameters``, then ``WINDOW ** 2`` weights,
    column by column of the window, top to bottom; a kernel narrower than the window uses its
    last columns.

    *Timing*: a column that is complete in cycle t fires in t + 1, and its output leaves in
    ``t + latency``. No back-pressure.

    *Parameters*: ``lanes`` (multiple of 8), ``gather_lanes``, ``tag_width``, ``float_rounding``
    and ``pipelined`` (of the lanes).

    *Members*: ``start``, ``descriptor``, ``i`` (pieces), ``shadow`` (parameters), ``swap`` (they
    were taken over), ``o_valid``, ``o_tile_end`` (of its tile in this channel group), ``o``.
    """

    COLUMN_DELAY = 2  # from a column's last read to its being complete
    OPERAND_DELAY = WINDOW - 1  # a word becomes an operand of ADD in the window's oldest column

    @staticmethod
    def swap_delay(pipelined: bool = False) -> int:
        """Cycles from a column's last read to the taking over of its group's parameters."""
        return VectorUnit.COLUMN_DELAY + 1 + VectorLane.stages(pipelined)

    @staticmethod
    def latency(pipelined: bool = False) -> int:
        """Cycles from a complete column to its output."""
        return 2 + VectorLane.stages(pipelined) + Requantiser.latency(pipelined)

    @staticmethod
    def join_delay(pipelined: bool = False) -> int:
        """Cycles from a sum's second operand to its being joined: once the operand is ``scaled``,
        in the pause of ``AdditionWalker``."""
        return Requantiser.scaled_latency(pipelined) + 2

    @staticmethod
    def add_latency(pipelined: bool = False) -> int:
        """Cycles from a sum's second operand, complete, to the output."""
        return (VectorUnit.OPERAND_DELAY + VectorUnit.join_delay(pipelined)
                + VectorUnit.latency(pipelined))

    def __init__(self, *, lanes: int, gather_lanes: int, tag_width: int,
                 float_rounding: bool = False, pipelined: bool = False):
        self.lanes = lanes
        self.float_rounding = float_rounding
        self.pipelined = pipelined
        self.stages = VectorLane.stages(pipelined)
        self.blocks = lanes // 8
        super().__init__({
            "start": In(1),
            "descriptor": In(Descriptor),
            "i": In(stream.Signature(piece_layout(gather_lanes, tag_width))),
            "shadow": In(data.ArrayLayout(sum(VectorLane.FIELDS), lanes)),
            "swap": Out(1),
            "o_valid": Out(1),
            "o_tile_end": Out(1),
            "o": Out(data.ArrayLayout(signed(8), lanes)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        d = self.descriptor
        words = WINDOW * self.blocks

        # A column gathers over one or more pieces.
        arrived = data.View(column_tag, self.i.payload.tag[:column_tag.size])
        complete = Signal()
        tag = Signal(column_tag)
        m.d.comb += self.i.ready.eq(1)
        m.d.sync += complete.eq(self.i.valid & self.i.payload.done)
        with m.If(self.i.valid):
            m.d.sync += tag.eq(arrived)
        fired = Signal(column_tag)
        fire = Signal()
        addition = Signal()
        m.d.comb += addition.eq(d.opcode == Opcode.ADD)
        addends, join, joined, common = self._addition(m, fired)
        m.d.comb += fire.eq(fired.fire | addends.any() | joined)
        m.d.sync += fired.eq(Mux(complete, tag.as_value(), 0))
        window = []
        for index in range(words):
            m.submodules[f"window_{index}"] = row = WindowRow()
            m.d.comb += [
                row.load.eq(self.i.valid & self.i.payload.write[index]),
                row.i.eq(self.i.payload.values[index]),
                row.move.eq(complete | addition),
                row.clear.eq(fired.clear | self.start),
            ]
            window.append(row.o)

        # Parameters change field by field as the new group's first output passes.
        swaps = Signal(Requantiser.SHIFT_DELAY + 1 + self.stages)
        m.d.sync += swaps.eq(Cat(complete & tag.group_first, swaps[:-1]))
        m.d.comb += self.swap.eq(swaps[self.stages])

        emits = Signal(data.ArrayLayout(2, self.latency(self.pipelined) - 1))  # valid, tile end
        m.d.sync += emits.as_value().eq(Cat((fire & fired.emit) | joined, fired.tile_end,
                                            emits.as_value()[:-2]))
        m.d.comb += Cat(self.o_valid, self.o_tile_end).eq(emits[-1])

        for index in range(self.lanes):
            block, byte = divmod(index, 8)
            m.submodules[f"lane_{index}"] = lane = VectorLane(
                float_rounding=self.float_rounding, pipelined=self.pipelined)
            m.d.comb += [
                lane.window.eq(Cat(window[dy * self.blocks + block].word_select(8 * x + byte, 8)
                                   for x in range(WINDOW) for dy in range(WINDOW))),
                lane.fire.eq(fire),
                lane.first.eq(fired.first),
                lane.signed_activations.eq(d.signed_activations),
                lane.maximum.eq(d.maximum),
                lane.addition.eq(addition),
                lane.addend.eq(addends.any()),
                lane.join.eq(join),
                lane.joined.eq(joined),
                lane.common.eq(common),
                lane.shadow.eq(self.shadow[index]),
                *([lane.offset.eq(d.row_group_step)] if self.float_rounding else ()),
                lane.swap.eq(Cat(complete & tag.group_first, swaps[self.stages],
                                 swaps[self.stages + 1], swaps[-1])),
                lane.rounding.eq(d.rounding),
                lane.zero_point.eq(d.zero_point),
                lane.low.eq(d.low),
                lane.high.eq(d.high),
                self.o[index].eq(lane.o),
            ]
        return m

    def _addition(self, m: Module, fired) -> tuple[Value, Value, Value, Value]:
        """When an element-wise sum fires (operands, by bit; join; their sum), its parameters.

        The parameters follow what fires: bias, multiplier and shift at the delays at which the
        requantiser looks at them.
        """
        d = self.descriptor
        addends = Signal(2)
        operands = Signal(2 * self.OPERAND_DELAY)
        m.d.sync += operands.eq(Cat(fired.addend, operands[:-2]))
        m.d.comb += addends.eq(operands[-2:])

        taken = self.stages + Requantiser.scaled_latency(self.pipelined)
        trail = Signal(max(taken, self.join_delay(self.pipelined)) + 1)
        m.d.sync += trail.eq(Cat(addends[1], trail[:-1]))
        join, joined = trail[taken], trail[self.join_delay(self.pipelined) - 1]

        passes = Signal(data.ArrayLayout(3, Requantiser.SHIFT_DELAY + 1 + self.stages))
        m.d.sync += passes.as_value().eq(Cat(addends, joined, passes.as_value()[:-3]))
        common = Signal(Parameters)
        at_bias, at_multiplier, at_shift = (
            passes[self.stages], passes[self.stages + 1], passes[-1])
        point = _by_pass(at_bias, (d.first_zero_point, d.second_zero_point, 0))
        bias = -point << VectorLane.ADD_SHIFT
        if self.float_rounding:
            bias = Mux(d.rounding == Rounding.FLOAT, -point << VectorLane.FLOAT_ADD_SHIFT, bias)
        m.d.comb += [
            common.bias.eq(bias),
            common.multiplier.eq(_by_pass(at_multiplier, d.sum_multipliers)),
            common.shift.eq(_by_pass(at_shift, d.sum_shifts)),
        ]
        return addends, join, joined, common


def _by_pass(taken: Value, values) -> Value:
    """The value of the pass whose bit is set; of the sum's where none is."""
    return Mux(taken[0], values[0], Mux(taken[1], values[1], values[2]))
