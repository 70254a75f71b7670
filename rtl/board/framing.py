# SPDX-License-Identifier: Apache-2.0
"""Frames on a byte stream: flags, escapes and a check, as HDLC has them (RFC 1662, section 4.2).

A frame is ``FLAG``, its content, the CRC-32 of the content (that of Ethernet and zlib, lowest byte
first), ``FLAG``. A byte of content or CRC that is ``FLAG`` or ``ESCAPE`` is sent as ``ESCAPE`` and
the byte with bit 5 inverted. ``FLAG`` is therefore nowhere else, and whatever went wrong before,
the next one is the border of a frame. Two in a row have nothing between them.
"""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from .uart import ReceivedByte

__all__ = ["CRC_BYTES", "ESCAPE", "FLAG", "FLIP", "ContentByte", "Deframer", "Framer",
           "SerialCrc"]

FLAG = 0x7E
ESCAPE = 0x7D
FLIP = 0x20
CRC_BYTES = 4
BYTE = 8


class ContentByte(StructLayout):
    """``data``; ``last`` of a frame."""

    def __init__(self):
        super().__init__({"data": BYTE, "last": 1})


class SerialCrc(wiring.Component):
    """CRC-32 of Ethernet and zlib, bit by bit, whose register also shifts out: a third of the gates
    of ``amaranth.lib.crc``, which cannot.

    *Timing*: with ``valid`` one bit a cycle: fed into the register, or with ``unload`` taken out
    of it, ``o`` being the CRC's lowest bit left. ``start`` begins another.

    *Parameters*: none.

    *Members*: ``start``, ``valid``, ``unload``, ``i`` (lowest bit of a byte first), ``o``,
    ``holds``: what was fed ends with the CRC of what came before.
    """

    POLYNOMIAL = 0xEDB8_8320  # lowest bit first
    RESIDUE = 0xDEBB_20E3
    BITS = 8 * CRC_BYTES

    start: Signal
    valid: Signal
    unload: Signal
    i: Signal
    o: Signal
    holds: Signal

    def __init__(self):
        super().__init__({"start": In(1), "valid": In(1), "unload": In(1), "i": In(1),
                          "o": Out(1), "holds": Out(1)})

    def elaborate(self, platform) -> Module:
        m = Module()
        register = Signal(self.BITS, init=-1)
        feedback = Signal()
        m.d.comb += [
            feedback.eq((register[0] ^ self.i) & ~self.unload),
            self.o.eq(~register[0]),
            self.holds.eq(register == self.RESIDUE),
        ]
        with m.If(self.start):
            m.d.sync += register.eq(-1)
        with m.Elif(self.valid):
            m.d.sync += register.eq((register >> 1) ^ Mux(feedback, self.POLYNOMIAL, 0))
        return m


class Deframer(wiring.Component):
    """Takes frames apart and checks them.

    ``o`` gives content and CRC, byte by byte, as they come; ``start`` says that whatever came
    before belongs to no frame; ``end`` that a frame is complete, and ``good`` then whether its CRC
    holds and none of its bytes was broken. What comes before the first flag, behind a frame, or
    while ``enable`` is low is ignored. A frame in which nothing comes for ``timeout`` cycles is
    dropped without ``end``.

    *Timing*: bytes at ``i`` are at least ``MIN_GAP`` cycles apart; ``o`` is valid for one cycle,
    that of the byte, ``end`` up to ``MIN_GAP`` cycles after the flag. No back-pressure.

    *Parameters*: ``timeout`` in cycles, at least ``MIN_GAP``; rounded up to a power of two.

    *Members*: ``i``, ``enable``, ``o``, ``start``, ``end``, ``good``.
    """

    MIN_GAP = 12

    i: stream.Interface
    enable: Signal
    o: stream.Interface
    start: Signal
    end: Signal
    good: Signal

    def __init__(self, *, timeout: int):
        if not isinstance(timeout, int):
            raise TypeError(f"Time-out must be an integer, not {timeout!r}")
        if timeout < self.MIN_GAP:
            raise ValueError(f"Time-out must be at least {self.MIN_GAP} cycles, not {timeout!r}")
        self.timeout = timeout
        super().__init__({
            "i": In(stream.Signature(ReceivedByte(), always_ready=True)),
            "enable": In(1),
            "o": Out(stream.Signature(BYTE, always_ready=True)),
            "start": Out(1),
            "end": Out(1),
            "good": Out(1),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.check = check = SerialCrc()
        inside = Signal()
        empty = Signal()
        escaped = Signal()
        broken = Signal()
        ending = Signal()
        shift = Signal(BYTE)
        bits = Signal(range(BYTE + 1))
        waited = Signal((self.timeout - 1).bit_length() + 1)
        byte = self.i.payload

        m.d.comb += [
            check.i.eq(shift[0]),
            check.valid.eq(bits != 0),
            self.end.eq(ending),
            self.good.eq(check.holds & ~broken),
            self.o.payload.eq(Mux(escaped, byte.data ^ FLIP, byte.data)),
        ]
        m.d.sync += [ending.eq(0), waited.eq(waited + 1)]
        with m.If(bits != 0):
            m.d.sync += [shift.eq(shift >> 1), bits.eq(bits - 1)]

        def open_frame() -> None:
            m.d.comb += [self.start.eq(1), check.start.eq(1)]
            m.d.sync += [inside.eq(1), empty.eq(1), escaped.eq(0), broken.eq(0)]

        with m.If(self.i.valid):
            m.d.sync += waited.eq(0)
            with m.If((byte.data == FLAG) & ~byte.broken):
                with m.If(inside & ~empty):
                    # An escaped flag is none: the frame was cut off there.
                    m.d.sync += [ending.eq(1), inside.eq(0), broken.eq(broken | escaped)]
                with m.Else():
                    open_frame()
            with m.Elif(inside):
                m.d.sync += [empty.eq(0), broken.eq(broken | byte.broken)]
                with m.If((byte.data == ESCAPE) & ~escaped):
                    m.d.sync += escaped.eq(1)
                with m.Else():
                    m.d.comb += self.o.valid.eq(1)
                    m.d.sync += [escaped.eq(0), shift.eq(self.o.payload), bits.eq(BYTE)]
        with m.Elif(waited[-1]):
            m.d.sync += inside.eq(0)
        with m.If(~self.enable):
            m.d.sync += inside.eq(0)
        return m


class Framer(wiring.Component):
    """Makes frames.

    *Timing*: one byte at ``o`` at a time, at least 8 cycles apart; ``i`` is ready between bytes. A
    frame begins with its first byte and may pause between bytes.

    *Parameters*: none.

    *Members*: ``i``, ``o``.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self):
        super().__init__({
            "i": In(stream.Signature(ContentByte())),
            "o": Out(stream.Signature(BYTE)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.check = check = SerialCrc()
        shift = Signal(BYTE)
        special = Signal()
        bits = Signal(range(BYTE))
        last = Signal()
        checking = Signal()
        place = Signal(range(CRC_BYTES + 1))
        m.d.comb += [
            check.i.eq(shift[0]),
            special.eq((shift == FLAG) | (shift == ESCAPE)),
        ]

        def send(value) -> None:
            m.d.comb += [self.o.payload.eq(value), self.o.valid.eq(1)]

        with m.FSM():
            with m.State("Idle"):
                m.d.comb += check.start.eq(1)
                m.d.sync += [checking.eq(0), place.eq(0)]
                with m.If(self.i.valid):
                    send(FLAG)
                    with m.If(self.o.ready):
                        m.next = "Take"
            with m.State("Take"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [shift.eq(self.i.payload.data), last.eq(self.i.payload.last)]
                with m.If(self.i.valid):
                    m.next = "Send"
            with m.State("Send"):
                send(Mux(special, ESCAPE, shift))
                with m.If(self.o.ready):
                    m.next = "Check"
                    with m.If(special):
                        m.next = "Send flipped"
            with m.State("Send flipped"):
                send(shift ^ FLIP)
                with m.If(self.o.ready):
                    m.next = "Check"
            with m.State("Check"):
                # Content goes into the CRC, which then comes out byte by byte.
                m.d.comb += [check.valid.eq(1), check.unload.eq(checking)]
                m.d.sync += [shift.eq(Cat(shift[1:], check.o)), bits.eq(bits + 1)]
                with m.If(bits == BYTE - 1):
                    m.next = "Take"
                    with m.If(checking):
                        m.d.sync += place.eq(place + 1)
                        m.next = "Send"
                        with m.If(place == CRC_BYTES):
                            m.next = "Close"
                    with m.Elif(last):
                        m.d.sync += checking.eq(1)
                        m.next = "Check"
            with m.State("Close"):
                send(FLAG)
                with m.If(self.o.ready):
                    m.next = "Idle"
        return m
