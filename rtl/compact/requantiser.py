# SPDX-License-Identifier: Apache-2.0
"""The compact core's requantisers: bit by bit, all lanes side by side."""

from amaranth import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from .descriptor import MULTIPLIER_ROWS
from .parameters import LANES

__all__ = ["SerialRequantiser"]

KEPT_BITS = 9
"""Bits of a quotient that matter: larger ones are clamped whatever the zero point."""
ADD_BITS = KEPT_BITS + 1
"""Bits of a quotient that is not too large, with the zero point and a carry added."""
ROWS = 64


class SerialRequantiser(wiring.Component):
    """``o = clamp(zero_point + round(i * multiplier / 2 ** (31 + shift)), low, high)``, by lane.

    ``i`` has its bias already. Rounding is gemmlowp's two (``Rounding.DOUBLE``) or, with
    ``single``, one of the whole product (``Rounding.SINGLE``), as in ``postproc/requantiser.py``.
    The product is summed from the lowest bit of the multiplier on and moves right; of the bits that
    leave it are kept the last one and whether one before was set. Then each lane moves on by its
    shift, and the zero point is added and the bounds are compared, again from the lowest bit on.

    Multipliers and shifts are ``ROWS`` rows of a bit a lane: row ``b`` has bit ``b`` of the
    multipliers, row ``MULTIPLIER_ROWS + k`` says whether the lane's shift is more than ``k``.

    *Timing*: ``busy`` from the cycle behind ``start`` on for ``cycles(scale_rows)`` cycles; ``o``
    is held until the next ``start``. All other inputs hold while ``busy``. ``stop`` ends it.

    *Parameters*: ``accumulator_bits``.

    *Members*: ``write`` (a row), ``row`` (its number), ``bits``, ``start``, ``stop``, ``i``,
    ``single``, ``scale_rows``, ``zero_point``, ``low``, ``high``, ``busy``, ``o`` (a byte a lane).
    """

    def __init__(self, *, accumulator_bits: int):
        self.accumulator_bits = accumulator_bits
        super().__init__({
            "write": In(1),
            "row": In(range(ROWS)),
            "bits": In(LANES),
            "start": In(1),
            "stop": In(1),
            "i": In(data.ArrayLayout(signed(accumulator_bits), LANES)),
            "single": In(1),
            "scale_rows": In(6),
            "zero_point": In(signed(8)),
            "low": In(signed(8)),
            "high": In(signed(8)),
            "busy": Out(1),
            "o": Out(8 * LANES),
        })

    @staticmethod
    def cycles(scale_rows: int) -> int:
        """Busy cycles: multiply, turn, shift, round, add, select."""
        return (MULTIPLIER_ROWS - 1) + 1 + scale_rows + 1 + ADD_BITS + 8

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.rows = rows = memory.Memory(shape=unsigned(LANES), depth=ROWS, init=[])
        write = rows.write_port()
        read = rows.read_port()
        step = Signal(range(ROWS))
        bit = Signal(range(ADD_BITS))
        multiply, turn, scale, round_, add, select = (
            Signal(name=name) for name in ("multiply", "turn", "scale", "rounds", "add", "select"))
        m.d.comb += [
            write.addr.eq(self.row), write.data.eq(self.bits), write.en.eq(self.write),
            read.addr.eq(step), read.en.eq(1),
        ]

        def unless_stopped():
            with m.If(self.stop):
                m.next = "IDLE"

        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"):
                with m.If(self.start):
                    m.next = "MULTIPLY"
            with m.State("MULTIPLY"):
                m.d.comb += multiply.eq(1)
                with m.If(step == MULTIPLIER_ROWS - 1):
                    m.next = "TURN"
                unless_stopped()
            with m.State("TURN"):
                m.d.comb += turn.eq(1)
                m.next = "ROUND"
                with m.If(self.scale_rows.any()):
                    m.next = "SCALE"
                unless_stopped()
            with m.State("SCALE"):
                m.d.comb += scale.eq(1)
                with m.If(step == MULTIPLIER_ROWS + self.scale_rows):
                    m.next = "ROUND"
                unless_stopped()
            with m.State("ROUND"):
                m.d.comb += round_.eq(1)
                m.next = "ADD"
                unless_stopped()
            with m.State("ADD"):
                m.d.comb += add.eq(1)
                with m.If(bit == ADD_BITS - 1):
                    m.next = "SELECT"
                unless_stopped()
            with m.State("SELECT"):
                m.d.comb += select.eq(1)
                with m.If(bit == 7):
                    m.next = "IDLE"
                unless_stopped()
        m.d.sync += [
            step.eq(Mux(self.start | multiply | turn | scale, step + 1, 0)),
            bit.eq(Mux(add & (bit != ADD_BITS - 1) | select, bit + 1, 0)),
        ]

        # The bit of each constant that is added or compared; behind bit 7, its sign.
        zero, low, high = Signal(), Signal(), Signal()
        for serial, value in ((zero, self.zero_point), (low, self.low), (high, self.high)):
            m.d.comb += serial.eq(Mux(bit[3], value[7],
                                      value.bit_select(bit[:3], 1)))
        sign = Signal()  # the bit is that of the sign
        m.d.comb += sign.eq(bit == ADD_BITS - 1)

        width = self.accumulator_bits
        for lane in range(LANES):
            def signal(shape, name, lane=lane):
                return Signal(shape, name=f"{name}_{lane}", reset_less=True)

            value = signal(signed(width), "value")
            product = signal(signed(width), "product")
            total = signal(signed(width + 1), "total")
            last, sticky, carry, wide = (signal(1, name) for name in (
                "last", "sticky", "carry", "wide"))
            above, below = signal(1, "above"), signal(1, "below")
            leaving, result, chosen, top = (signal(1, name) for name in (
                "leaving", "result", "chosen", "top"))
            row = read.data[lane]
            m.d.comb += [
                total.eq(Mux(row & multiply, product + value, product)),
                leaving.eq(total[0] ^ (carry & scale)),
                result.eq(product[0] ^ carry ^ zero),
                chosen.eq(Mux(Mux(wide, ~value[-1], above), high,
                              Mux(Mux(wide, value[-1], below), low, product[width - ADD_BITS]))),
                top.eq(Mux(add, result, Mux(select, chosen, total[-1]))),
                self.o.word_select(lane, 8).eq(product[width - 8:]),
            ]
            moves = multiply | add | select | (scale & row)
            with m.If(self.start):
                m.d.sync += [value.eq(self.i[lane]), product.eq(0)]
            with m.Elif(moves):
                m.d.sync += product.eq(Cat(total[1:-1], top))
            with m.If(self.start | turn):
                m.d.sync += carry.eq(last & ~self.single & turn)
            with m.Elif(scale & row):
                m.d.sync += carry.eq(product[0] & carry)
            with m.Elif(round_):
                m.d.sync += carry.eq(carry | (last & (sticky | ~value[-1])))
            with m.Elif(add):
                m.d.sync += carry.eq((product[0] & carry) | (product[0] & zero) | (carry & zero))
            with m.If(self.start | (turn & ~self.single)):
                m.d.sync += [last.eq(0), sticky.eq(0)]
            with m.Elif(multiply | (scale & row)):
                m.d.sync += [last.eq(leaving), sticky.eq(sticky | last)]
            with m.If(round_):
                kept = product[KEPT_BITS - 1:]
                m.d.sync += [wide.eq(kept.any() & ~kept.all()), above.eq(0), below.eq(0)]
            with m.If(add):
                with m.If(result != high):
                    m.d.sync += above.eq(result ^ sign)
                with m.If(result != low):
                    m.d.sync += below.eq(~result ^ sign)
        return m
