# SPDX-License-Identifier: Apache-2.0
"""Serial line: 8 data bits, lowest first, no parity, one stop bit."""

from amaranth import Cat, Module, Signal
from amaranth.lib import cdc, data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["ReceivedByte", "UartReceiver", "UartTransmitter", "divisor_of"]

DATA_BITS = 8
LEAST_DIVISOR = 4
MOST_DIVISOR = 1 << 16
MISMATCH = 0.01


class ReceivedByte(data.StructLayout):
    """``data``; ``broken``: the stop bit was low, a framing error or a break."""

    def __init__(self):
        super().__init__({"data": DATA_BITS, "broken": 1})


def divisor_of(clock_hz: int, baud: int) -> int:
    """Clock cycles of a bit. ValueError where they are too few or too many, or where the nearest
    whole number misses the rate by more than 1 %."""
    for name, value in (("Clock", clock_hz), ("Baud rate", baud)):
        if not isinstance(value, int):
            raise TypeError(f"{name} must be an integer, not {value!r}")
        if value < 1:
            raise ValueError(f"{name} must be at least 1, not {value!r}")
    divisor = (2 * clock_hz + baud) // (2 * baud)
    if not LEAST_DIVISOR <= divisor <= MOST_DIVISOR:
        raise ValueError(f"Baud rate must be {LEAST_DIVISOR} to {MOST_DIVISOR} clock cycles, "
                         f"not {clock_hz / baud:.3g}")
    if abs(clock_hz / baud / divisor - 1) > MISMATCH:
        raise ValueError(f"Baud rate must be within {MISMATCH:.0%} of a whole divisor of the "
                         f"clock, not {baud!r} of {clock_hz!r}; take {clock_hz // divisor}")
    return divisor


def _check_divisor(divisor: int) -> None:
    if not isinstance(divisor, int):
        raise TypeError(f"UART divisor must be an integer, not {divisor!r}")
    if not LEAST_DIVISOR <= divisor <= MOST_DIVISOR:
        raise ValueError(f"UART divisor must be from {LEAST_DIVISOR} to {MOST_DIVISOR}, "
                         f"not {divisor!r}")


class UartReceiver(wiring.Component):
    """Bytes from a serial line, each bit sampled once in its middle.

    A start bit that is not low in its middle is noise and is ignored. After a low stop bit the
    line must go high before another byte is seen.

    *Timing*: ``o`` is valid for one cycle, in the middle of the stop bit, 2 cycles later for the
    synchroniser; there is no back-pressure.

    *Parameters*: ``divisor``, cycles of a bit, 4 to 65536. From 8 on the rates of both sides may
    differ by 2 %.

    *Members*: ``rx`` (asynchronous, idle high), ``o``.
    """

    rx: Signal
    o: stream.Interface

    def __init__(self, *, divisor: int):
        _check_divisor(divisor)
        self.divisor = divisor
        super().__init__({
            "rx": In(1, init=1),
            "o": Out(stream.Signature(ReceivedByte(), always_ready=True)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        line = Signal(init=1)
        m.submodules.synchroniser = cdc.FFSynchronizer(self.rx, line, init=1)
        left = Signal(range(self.divisor))
        bits = Signal(range(DATA_BITS + 1))
        shift = Signal(DATA_BITS)
        m.d.sync += left.eq(left - 1)
        m.d.comb += [self.o.payload.data.eq(shift), self.o.payload.broken.eq(~line)]

        with m.FSM():
            with m.State("Idle"):
                m.d.sync += [left.eq(self.divisor // 2 - 1), bits.eq(0)]
                with m.If(~line):
                    m.next = "Start"
            with m.State("Start"):
                with m.If(left == 0):
                    m.d.sync += left.eq(self.divisor - 1)
                    m.next = "Data"
                    with m.If(line):
                        m.next = "Idle"
            with m.State("Data"):
                with m.If(left == 0):
                    m.d.sync += [left.eq(self.divisor - 1), bits.eq(bits + 1)]
                    with m.If(bits == DATA_BITS):
                        m.d.comb += self.o.valid.eq(1)
                        m.next = "Await high"
                    with m.Else():
                        m.d.sync += shift.eq(Cat(shift[1:], line))
            with m.State("Await high"):
                m.d.sync += [left.eq(self.divisor // 2 - 1), bits.eq(0)]
                with m.If(line):
                    m.next = "Idle"
        return m


class UartTransmitter(wiring.Component):
    """Bytes onto a serial line.

    *Timing*: a byte takes ten bits of ``divisor`` cycles; ``i`` is ready between bytes.

    *Parameters*: ``divisor``, cycles of a bit, 4 to 65536.

    *Members*: ``i``, ``tx`` (idle high, from a flip-flop).
    """

    i: stream.Interface
    tx: Signal

    def __init__(self, *, divisor: int):
        _check_divisor(divisor)
        self.divisor = divisor
        super().__init__({"i": In(stream.Signature(DATA_BITS)), "tx": Out(1, init=1)})

    def elaborate(self, platform) -> Module:
        m = Module()
        left = Signal(range(self.divisor))
        shift = Signal(DATA_BITS + 1)  # data, then the stop bit; 0 once that has begun
        last = Signal()
        busy = Signal()
        m.d.comb += self.i.ready.eq(~busy)
        with m.If(~busy):
            with m.If(self.i.valid):
                m.d.sync += [
                    busy.eq(1), self.tx.eq(0), left.eq(self.divisor - 1),
                    shift.eq(Cat(self.i.payload, 1)), last.eq(0),
                ]
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        with m.Elif(last):
            m.d.sync += busy.eq(0)
        with m.Else():
            m.d.sync += [
                left.eq(self.divisor - 1), self.tx.eq(shift[0]), shift.eq(shift >> 1),
                last.eq(shift == 1),
            ]
        return m
