# SPDX-License-Identifier: Apache-2.0
"""Registers as data, and the AXI4-Lite slave that holds them."""

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth import Module, Signal, Value
from amaranth.hdl import ShapeLike
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .axi import AxiLite, Response

__all__ = ["ACCESSES", "WORD_BITS", "Field", "Register", "RegisterFile", "Table"]

ACCESSES = ("rw", "ro", "pulse", "w1c")
WORD_BITS = 32


@dataclass(frozen=True)
class Field:
    """Bits ``offset`` to ``offset + width - 1`` of a register."""

    name: str
    offset: int
    width: int = 1
    doc: str = ""


@dataclass(frozen=True)
class Register:
    """One 32-bit word at byte ``offset``.

    ``access``: "rw" keeps what is written; "ro" shows hardware's value; "pulse" strobes the bits
    written as 1 and reads 0; "w1c" keeps bits that hardware sets until they are written as 1.
    ``fields``: named parts; without any the word is one number. Bits outside of all fields read 0.
    ``reset``: value after reset; of a "ro" register the value shown while its port is unconnected.
    """

    name: str
    offset: int
    access: str
    fields: tuple[Field, ...] = ()
    doc: str = ""
    reset: int = 0

    def __post_init__(self):
        if self.access not in ACCESSES:
            raise ValueError(f"Access of register {self.name} must be one of "
                             f"{', '.join(ACCESSES)}, not {self.access!r}")
        if self.offset < 0 or self.offset % (WORD_BITS // 8):
            raise ValueError(f"Offset of register {self.name} must be a multiple of "
                             f"{WORD_BITS // 8}, not {self.offset!r}")
        taken = 0
        for field in self.fields:
            bits = (1 << field.width) - 1 << field.offset
            if field.width < 1 or field.offset < 0 or bits >> WORD_BITS:
                raise ValueError(f"Field {self.name}.{field.name} must be within {WORD_BITS} "
                                 f"bits, not {field.width!r} at {field.offset!r}")
            if bits & taken:
                raise ValueError(f"Field {self.name}.{field.name} must be free of other fields' "
                                 f"bits, not at {field.offset!r}")
            taken |= bits
        if self.reset & ~self.mask:
            raise ValueError(f"Reset value of register {self.name} must be within its fields, "
                             f"not {self.reset!r}")

    @property
    def mask(self) -> int:
        """The bits that exist."""
        if not self.fields:
            return (1 << WORD_BITS) - 1
        return sum((1 << field.width) - 1 << field.offset for field in self.fields)

    @property
    def shape(self) -> ShapeLike:
        """Shape of the register's ports: its fields by name, or 32 plain bits."""
        if not self.fields:
            return WORD_BITS
        return data.FlexibleLayout(WORD_BITS, {
            field.name: data.Field(field.width, field.offset) for field in self.fields})


@dataclass(frozen=True)
class Table:
    """``words`` read-only 32-bit words from byte ``offset`` on, held by a memory elsewhere.

    ``words`` is a power of two from 2 on, ``offset`` a multiple of the table's size.
    """

    name: str
    offset: int
    words: int
    doc: str = ""

    def __post_init__(self):
        if self.words < 2 or self.words & self.words - 1:
            raise ValueError(f"Words of table {self.name} must be a power of two from 2 on, "
                             f"not {self.words!r}")
        if self.offset % self.size:
            raise ValueError(f"Offset of table {self.name} must be a multiple of {self.size}, "
                             f"not {self.offset!r}")

    @property
    def size(self) -> int:
        """Bytes of the table."""
        return self.words * WORD_BITS // 8


class RegisterFile(wiring.Component):
    """AXI4-Lite slave that holds ``registers`` and reads ``table``.

    An address is that of its 32-bit word (the low two bits do not count). SLVERR answers an access
    to a word that does not exist and a write to a read-only one; neither has an effect. Bytes
    without strobe are left alone. A ``sparse`` file answers OKAY to all: what is not there reads
    zero and ignores what is written.

    *Timing*: one write and one read at a time, independent of each other; a write or a pulse is
    at its port in the cycle in which ``bvalid`` rises, the answer to a read two cycles after
    ``araddr`` was taken. No combinational paths. ``i_table_data`` is sampled one cycle after
    ``o_table_index`` was presented. "w1c": hardware's set wins over a clear in the same cycle.

    *Parameters*: ``registers``, ``table`` or None, ``address_width`` in bits of a byte address,
    ``sparse``.

    *Members*: ``s_axil``; for each register, in lower case, ``o_<name>`` ("rw": value, "pulse":
    one-cycle strobes, "w1c": value) and ``i_<name>`` ("ro": value, "w1c": bits to set), of its
    ``shape``; with a table ``o_table_index`` and ``i_table_data``.
    """

    s_axil: wiring.PureInterface
    o_table_index: Signal
    i_table_data: Signal

    def __init__(self, registers: Sequence[Register], *, table: Table | None = None,
                 address_width: int = 12, sparse: bool = False):
        self.registers = tuple(registers)
        self.sparse = sparse
        self.table = table
        self.address_width = address_width
        self._check()
        members = {"s_axil": In(AxiLite(address_width))}
        for register in self.registers:
            name = register.name.lower()
            if register.access != "ro":
                members[f"o_{name}"] = Out(register.shape)
            if register.access == "ro":
                members[f"i_{name}"] = In(register.shape, init=_init(register))
            if register.access == "w1c":
                members[f"i_{name}"] = In(register.shape)
        if table is not None:
            members["o_table_index"] = Out(range(table.words))
            members["i_table_data"] = In(WORD_BITS)
        super().__init__(members)

    def _check(self):
        names = [register.name.lower() for register in self.registers]
        words = {register.offset for register in self.registers}
        if len(set(names)) != len(names) or {"table_index", "table_data"} & set(names):
            raise ValueError(f"Register names must be unique, not {names!r}")
        if len(words) != len(names):
            raise ValueError(f"Register offsets must be unique, not "
                             f"{[register.offset for register in self.registers]!r}")
        end = max(words, default=0) + WORD_BITS // 8
        if self.table is not None:
            table = range(self.table.offset, self.table.offset + self.table.size)
            inside = sorted(words.intersection(table))
            if inside:
                raise ValueError(f"Register offsets must be outside of table {self.table.name}, "
                                 f"not {inside!r}")
            end = max(end, table.stop)
        if end > 1 << self.address_width:
            raise ValueError(f"Address width must be enough for {end} bytes, "
                             f"not {self.address_width!r}")

    def elaborate(self, platform) -> Module:
        m = Module()
        self._elaborate_write(m)
        self._elaborate_read(m)
        return m

    def _elaborate_write(self, m: Module):
        bus = self.s_axil
        word = Signal(self.address_width - 2)
        value = Signal(WORD_BITS)
        strobe = Signal(WORD_BITS // 8)
        have_address = Signal()
        have_value = Signal()
        commit = Signal()
        mapped = Signal(init=self.sparse)
        bits = Signal(WORD_BITS)
        m.d.comb += [
            bus.awready.eq(~have_address),
            bus.wready.eq(~have_value),
            commit.eq(have_address & have_value & ~bus.bvalid),
        ]
        for byte in range(WORD_BITS // 8):
            m.d.comb += bits.word_select(byte, 8).eq(strobe[byte].replicate(8))
        with m.If(bus.awvalid & bus.awready):
            m.d.sync += [word.eq(bus.awaddr[2:]), have_address.eq(1)]
        with m.If(bus.wvalid & bus.wready):
            m.d.sync += [value.eq(bus.wdata), strobe.eq(bus.wstrb), have_value.eq(1)]
        with m.If(bus.bvalid & bus.bready):
            m.d.sync += bus.bvalid.eq(0)
        with m.If(commit):
            m.d.sync += [
                have_address.eq(0),
                have_value.eq(0),
                bus.bvalid.eq(1),
                bus.bresp.eq(Response.OKAY),
            ]
            with m.If(~mapped):
                m.d.sync += bus.bresp.eq(Response.SLVERR)

        for register in self.registers:
            if register.access == "ro":
                continue
            name = register.name.lower()
            hit = word == register.offset // (WORD_BITS // 8)
            with m.If(hit):
                m.d.comb += mapped.eq(1)
            if register.access == "rw":
                state = self._state(m, register)
                with m.If(commit & hit):
                    m.d.sync += state.eq((state & ~bits | value & bits) & register.mask)
                continue
            written = Signal(WORD_BITS, name=f"written_{name}")
            with m.If(commit & hit):
                m.d.comb += written.eq(value & bits & register.mask)
            if register.access == "pulse":
                m.d.sync += self._port(f"o_{name}").eq(written)
            else:
                state = self._state(m, register)
                m.d.sync += state.eq(state & ~written
                                     | self._port(f"i_{name}") & register.mask)

    def _state(self, m: Module, register: Register) -> Signal:
        """The flip-flops of a register, shown at its output port."""
        name = register.name.lower()
        state = Signal(WORD_BITS, name=name, init=register.reset)
        m.d.comb += self._port(f"o_{name}").eq(state)
        return state

    def _port(self, name: str) -> Value:
        return Value.cast(getattr(self, name))

    def _elaborate_read(self, m: Module):
        bus = self.s_axil
        word = Signal(self.address_width - 2)
        shown = Signal(WORD_BITS)
        mapped = Signal(init=self.sparse)
        in_table = Signal()
        for register in self.registers:
            name = register.name.lower()
            with m.If(word == register.offset // (WORD_BITS // 8)):
                m.d.comb += mapped.eq(1)
                if register.access != "pulse":
                    side = "i" if register.access == "ro" else "o"
                    m.d.comb += shown.eq(self._port(f"{side}_{name}") & register.mask)
        if self.table is not None:
            index_bits = len(self.o_table_index)
            m.d.comb += [
                self.o_table_index.eq(word),
                in_table.eq(word[index_bits:] == self.table.offset // self.table.size),
            ]

        with m.FSM():
            with m.State("Idle"):
                m.d.comb += bus.arready.eq(1)
                with m.If(bus.arvalid):
                    m.d.sync += word.eq(bus.araddr[2:])
                    m.next = "Look up"
            with m.State("Look up"):
                m.d.sync += [
                    bus.rdata.eq(shown),
                    bus.rresp.eq(Response.SLVERR),
                ]
                with m.If(mapped | in_table):
                    m.d.sync += bus.rresp.eq(Response.OKAY)
                m.next = "Answer"
                with m.If(in_table):
                    m.next = "Fetch"
            with m.State("Fetch"):
                if self.table is not None:
                    m.d.sync += bus.rdata.eq(self.i_table_data)
                m.next = "Answer"
            with m.State("Answer"):
                m.d.comb += bus.rvalid.eq(1)
                with m.If(bus.rready):
                    m.next = "Idle"


def _init(register: Register):
    if not register.fields:
        return register.reset
    return {field.name: register.reset >> field.offset & (1 << field.width) - 1
            for field in register.fields}
