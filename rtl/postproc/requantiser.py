# SPDX-License-Identifier: Apache-2.0
"""Requantisation of one lane: where rounding happens."""

from amaranth import Module, Mux, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..cell import Cell
from ..sequencer.descriptor import Rounding
from .stages import stages

__all__ = ["Parameters", "Requantiser"]

Parameters = data.StructLayout({
    "multiplier": 32,
    "bias": signed(32),
    "shift": 5,
})
"""Per-channel constants: Q31 multiplier (0 ... 2**31 - 1), bias, right shift (0 ... 31)."""


class Requantiser(Cell):
    """``o = clamp(zero_point + round((i + bias) * multiplier / 2 ** (31 + shift)), low, high)``.

    Rounding is a property of the layer. With ``p = (i + bias) * multiplier``:

    - ``DOUBLE`` (gemmlowp, LiteRT's CONV_2D, DEPTHWISE_CONV_2D, ADD): ``h = (p + 2**30) >> 31``,
      then ``h / 2**shift`` rounded half away from zero;
    - ``SINGLE`` (LiteRT's FULLY_CONNECTED): ``p / 2**(31 + shift)`` rounded half away from zero;
    - ``MAGNITUDE`` (average pool): ``|i| + bias`` in place of ``i + bias``, the product truncated,
      the sign restored;
    - ``FLOAT`` (onnxruntime), with ``float_rounding``: ``p`` rounded to 24 significant bits, then
      ``p / 2**(31 + shift)``, both half to even; see ``_nearest_even``.

    DOUBLE and SINGLE need of ``p`` only ``p >> 30``, and for ties whether the rest is zero.

    ``scaled`` is the rounded quotient alone, ``scaled_latency`` cycles behind ``i`` (not for
    ``MAGNITUDE``); for ``FLOAT``, of the two integers beside it the odd one, so that it can be
    rounded again.

    *Timing*: ``latency`` cycles, one value a cycle, no back-pressure. ``multiplier`` is looked at
    one cycle after ``i`` and ``bias``, ``shift`` ``SHIFT_DELAY`` cycles after them.

    *Parameters*: ``float_rounding`` (without it, ``FLOAT`` is not to be asked for); ``pipelined``
    (short stages, for FPGAs: see ``stages``), not with ``float_rounding``.

    *Members*: ``i``, ``parameters``, ``rounding``, ``zero_point``, ``low``, ``high``, ``scaled``,
    ``o``.
    """

    SHIFT_DELAY = 4
    FRACTION = 26  # bits of the quotient's fraction that FLOAT looks at

    @staticmethod
    def latency(pipelined: bool = False) -> int:
        """Cycles from ``i`` to ``o``."""
        return 10 if pipelined else 6

    @staticmethod
    def scaled_latency(pipelined: bool = False) -> int:
        """Cycles from ``i`` to ``scaled``."""
        return 8 if pipelined else 5

    def __init__(self, *, float_rounding: bool = False, pipelined: bool = False):
        if float_rounding and pipelined:
            raise ValueError("Requantiser must not be pipelined if it rounds as float32 does")
        self.float_rounding = float_rounding
        self.pipelined = pipelined
        super().__init__({
            "i": In(signed(32)),
            "parameters": In(Parameters),
            "rounding": In(2),
            "zero_point": In(signed(8)),
            "low": In(signed(8)),
            "high": In(signed(8)),
            "scaled": Out(signed(32)),
            "o": Out(signed(8)),
        })

    @property
    def module_name(self) -> str:
        return ("requantiser" + "_float" * self.float_rounding
                + "_pipelined" * self.pipelined)

    def body(self, platform) -> Module:
        m = Module()
        if self.pipelined:
            stages(m, self)
            return m
        magnitude = self.rounding == Rounding.MAGNITUDE
        double = self.rounding == Rounding.DOUBLE

        total = Signal(signed(32))
        negative = Signal(3)
        m.d.sync += [
            total.eq(Mux(magnitude & (self.i < 0), -self.i, self.i) + self.parameters.bias),
            negative.eq((negative << 1) | (self.i < 0)),
        ]

        product = Signal(signed(64))
        product_kept = Signal(signed(64))
        m.d.sync += [
            product.eq(total * self.parameters.multiplier[:31]),
            product_kept.eq(product),
        ]

        upper = Signal(signed(34))  # p >> 30
        exact = Signal()  # nothing of p below that
        value = Signal(signed(34))
        reflect = Signal(2)
        m.d.comb += upper.eq(product_kept >> 30)
        m.d.sync += [
            value.eq(Mux(double, (upper + 1) >> 1, upper)),
            exact.eq(double | (product_kept[:30] == 0)),
            reflect.eq((reflect << 1) | (magnitude & negative[2])),
        ]

        places = Signal(range(33))
        half = Signal(33)
        nudged = Signal(signed(35))
        rounded = Signal(signed(33))
        m.d.comb += [
            places.eq(self.parameters.shift + Mux(double, 0, 1)),
            half.eq((1 << places) >> 1),
            nudged.eq(value + Mux(magnitude, 0, half)
                      - (exact & ~magnitude & (value < 0) & (places != 0))),
        ]
        settled = nudged >> places
        if self.float_rounding:
            floor = value >> places
            rest = ~exact | (floor << places != value)
            settled = Mux(self.rounding == Rounding.FLOAT, floor | rest, settled)
        m.d.sync += rounded.eq(settled)
        m.d.comb += self.scaled.eq(rounded)

        quotient = Mux(reflect[1], -rounded, rounded)
        if self.float_rounding:
            nearest = self._nearest_even(m, product_kept)
            quotient = Mux(self.rounding == Rounding.FLOAT, nearest, quotient)
        shifted = Signal(signed(35))
        m.d.comb += shifted.eq(quotient + self.zero_point)
        with m.If(shifted < self.low):
            m.d.sync += self.o.eq(self.low)
        with m.Elif(shifted > self.high):
            m.d.sync += self.o.eq(self.high)
        with m.Else():
            m.d.sync += self.o.eq(shifted)
        return m

    def _nearest_even(self, m: Module, product: Value) -> Value:
        """The quotient with the rounding ``FLOAT``, exact below 2**8, beyond it of its sign.

        Rounding to 24 significant bits moves only those products across the middle between two
        integers, or onto it, that are nearer to it than half of the last bit kept: of a quotient
        of b integer bits, by at most 2**(b - 25). They count as ties; all others are rounded as
        they are. Below 1/2 the last bit is worth half of that above.
        """
        fraction = self.FRACTION
        kept = Signal(signed(64))
        low = 31 - fraction
        places = self.parameters.shift + low  # of the product, dropped
        m.d.sync += kept.eq(product)
        value = Signal(signed(64 - low))
        rest = Signal()  # something of the product was dropped
        m.d.sync += [value.eq(kept >> places), rest.eq((kept & ((1 << places) - 1)).any())]

        whole = Signal(signed(64 - 31))
        whole_bits = Signal(9)  # of the magnitude, one-hot: how many
        m.d.comb += whole.eq(value >> fraction)
        magnitude = Signal(8)
        m.d.comb += magnitude.eq(Mux(whole < 0, ~whole, whole))
        with m.If(magnitude == 0):
            m.d.comb += whole_bits.eq(1)
        for bit in range(8):
            with m.If(magnitude[bit:] == 1):
                m.d.comb += whole_bits.eq(2 << bit)
        nearer, farther = Signal(11), Signal(11)  # reach towards zero, and away from it
        m.d.comb += [farther.eq(whole_bits << 1),
                     nearer.eq(Mux(whole_bits[0], 1, whole_bits << 1))]
        middle = Signal(signed(fraction))
        m.d.comb += middle.eq(value[:fraction] - (1 << fraction - 1))
        below, above = Signal(11), Signal(11)
        negative = whole < 0
        tie = Signal()
        m.d.comb += [
            below.eq(Mux(negative, farther, nearer)),
            above.eq(Mux(negative, nearer, farther)),
            tie.eq((middle + below >= 0)
                   & ((middle < above) | ((middle == above) & ~rest))),
        ]
        return whole + Mux(tie, whole[0], middle >= 0)
