# SPDX-License-Identifier: Apache-2.0
"""Reads several words of one bank group at once, in as few cycles as their banks allow."""

from amaranth import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from ..cell import Cell

__all__ = ["BankArbiter", "Gather", "LaneSelect", "piece_layout", "request_layout"]


def request_layout(lanes: int, address_width: int, tag) -> data.StructLayout:
    """A gather request: bank group, word addresses, which lanes want a word (others pad), which
    of those need not read it because a neighbour's has been read before, a tag."""
    return data.StructLayout({
        "group": 1,
        "addresses": data.ArrayLayout(address_width, lanes),
        "inside": lanes,
        "shift": lanes,
        "tag": tag,
    })


def piece_layout(lanes: int, tag) -> data.StructLayout:
    """What one read cycle brought: ``write`` marks its lanes, ``shift`` those of them that take
    a neighbour's earlier word instead, ``done`` ends the request."""
    return data.StructLayout({
        "values": data.ArrayLayout(64, lanes),
        "write": lanes,
        "shift": lanes,
        "done": 1,
        "tag": tag,
    })


class BankArbiter(Cell):
    """Picks the lowest waiting lane whose word lies in this bank.

    *Timing*: combinational.

    *Members*: ``index`` (this bank), ``lane_banks`` and ``lines`` of every lane, ``pending``,
    ``enable``, ``line``, ``served`` (one-hot by lane).
    """

    def __init__(self, *, banks: int, lanes: int, line_width: int):
        self.banks = banks
        self.lanes = lanes
        self.line_width = line_width
        super().__init__({
            "index": In(exact_log2(banks)),
            "lane_banks": In(data.ArrayLayout(exact_log2(banks), lanes)),
            "lines": In(data.ArrayLayout(line_width, lanes)),
            "pending": In(lanes),
            "enable": Out(1),
            "line": Out(line_width),
            "served": Out(lanes),
        })

    @property
    def module_name(self) -> str:
        return f"bank_arbiter_{self.banks}_{self.lanes}_{self.line_width}"

    def body(self, platform) -> Module:
        m = Module()
        here = Signal(self.lanes)
        m.d.comb += [
            here.eq(Cat(self.pending[lane] & (self.lane_banks[lane] == self.index)
                        for lane in range(self.lanes))),
            self.served.eq(here & (~here + 1)),
            self.enable.eq(here.any()),
        ]
        for lane in reversed(range(self.lanes)):
            with m.If(here[lane]):
                m.d.comb += self.line.eq(self.lines[lane])
        return m


class LaneSelect(Cell):
    """One lane's word: the bank it was read from, or the pad value.

    Bytes become the array's operands here: with ``flip`` their sign bit is inverted, which turns
    int8 with zero point -128 into ``x - zero_point`` as an unsigned byte.

    *Timing*: combinational.

    *Members*: ``words``, ``bank``, ``inside``, ``flip``, ``pad_value``, ``value``.
    """

    def __init__(self, *, banks: int):
        self.bank_count = banks
        super().__init__({
            "words": In(data.ArrayLayout(64, banks)),
            "bank": In(exact_log2(banks)),
            "inside": In(1),
            "flip": In(1),
            "pad_value": In(8),
            "value": Out(64),
        })

    @property
    def module_name(self) -> str:
        return f"lane_select_{self.bank_count}"

    def body(self, platform) -> Module:
        m = Module()
        word = Signal(64)
        m.d.comb += [
            word.eq(Array(self.words[bank] for bank in range(self.bank_count))[self.bank]),
            self.value.eq(Mux(self.inside, word ^ Cat(0, 0, 0, 0, 0, 0, 0, self.flip).replicate(8),
                              self.pad_value.replicate(8))),
        ]
        return m


class Gather(wiring.Component):
    """Serves requests for up to ``lanes`` words from ``banks`` single-port banks.

    A request takes as many read cycles as the fullest bank has words of it, and at least one.
    Every read cycle brings one piece, one cycle later; lanes that read nothing come with the
    first.

    *Timing*: a request that is taken in cycle t reads from t+1 on; a piece waits at the memory's
    output for ``o.ready`` and holds further reads meanwhile. One request a cycle without bank
    conflicts. While ``stop`` is high, requests and pieces are dropped.

    *Parameters*: ``banks``, ``lanes`` (at most ``banks``), ``address_width``, ``tag`` (shape).

    *Members*: ``i``, ``o``, ``stop``, ``flip``, ``pad_value``, ``read_group``, ``read_enable``,
    ``read_lines``, ``read_data``, ``reading`` (a read cycle), ``conflict`` (one that leaves words
    of its request waiting).
    """

    DELAY = 1
    """Cycles from a read to its piece."""

    def __init__(self, *, banks: int, lanes: int, address_width: int, tag):
        self.banks = banks
        self.lanes = lanes
        self.bank_bits = exact_log2(banks)
        self.address_width = address_width
        self.tag = tag
        super().__init__({
            "i": In(stream.Signature(request_layout(lanes, address_width, tag))),
            "o": Out(stream.Signature(piece_layout(lanes, tag))),
            "stop": In(1),
            "flip": In(1),
            "pad_value": In(8),
            "read_group": Out(1),
            "read_enable": Out(banks),
            "read_lines": Out(data.ArrayLayout(address_width - self.bank_bits, banks)),
            "read_data": In(data.ArrayLayout(64, banks)),
            "reading": Out(1),
            "conflict": Out(1),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        held = Signal(request_layout(self.lanes, self.address_width, self.tag))
        pending = Signal(self.lanes)  # words still to be read
        fresh = Signal()              # no read cycle of this request has passed yet
        busy = Signal()
        served = Signal(self.lanes)
        read = Signal()
        finish = Signal()

        m.d.comb += [
            read.eq(busy & (~self.o.valid | self.o.ready)),
            finish.eq(read & ((pending & ~served) == 0)),
            self.reading.eq(read),
            self.conflict.eq(read & ~finish),
            self.i.ready.eq(~busy | finish),
            self.read_group.eq(held.group),
        ]
        with m.If(read):
            m.d.sync += [pending.eq(pending & ~served), fresh.eq(0)]
        with m.If(finish):
            m.d.sync += busy.eq(0)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [held.eq(self.i.payload),
                         pending.eq(self.i.payload.inside & ~self.i.payload.shift),
                         busy.eq(1), fresh.eq(1)]

        lane_banks = [held.addresses[lane][:self.bank_bits] for lane in range(self.lanes)]
        served_by = []
        for bank in range(self.banks):
            m.submodules[f"arbiter_{bank}"] = arbiter = BankArbiter(
                banks=self.banks, lanes=self.lanes,
                line_width=self.address_width - self.bank_bits)
            m.d.comb += [
                arbiter.index.eq(bank),
                arbiter.pending.eq(pending),
                self.read_enable[bank].eq(read & arbiter.enable),
                self.read_lines[bank].eq(arbiter.line),
            ]
            for lane in range(self.lanes):
                m.d.comb += [
                    arbiter.lane_banks[lane].eq(lane_banks[lane]),
                    arbiter.lines[lane].eq(held.addresses[lane][self.bank_bits:]),
                ]
            served_by.append(arbiter.served)
        taken = served_by[0]
        for other in served_by[1:]:
            taken = taken | other
        m.d.comb += served.eq(taken)

        # The piece that the memories bring: its lanes' banks, pads with the first piece.
        valid = Signal()
        piece_banks = Signal(data.ArrayLayout(self.bank_bits, self.lanes))
        inside = Signal(self.lanes)
        write = Signal(self.lanes)
        shift = Signal(self.lanes)
        idle = Signal(self.lanes)
        done = Signal()
        m.d.comb += idle.eq(~held.inside | held.shift)
        tag = Signal(self.tag)
        with m.If(self.o.ready):
            m.d.sync += valid.eq(0)
        with m.If(read):
            m.d.sync += [
                valid.eq(1),
                piece_banks.eq(Cat(lane_banks)),
                inside.eq(held.inside),
                write.eq(served | (idle & fresh.replicate(self.lanes))),
                shift.eq(held.shift),
                done.eq(finish),
                tag.eq(held.tag),
            ]
        m.d.comb += [
            self.o.valid.eq(valid),
            self.o.payload.write.eq(write),
            self.o.payload.shift.eq(shift),
            self.o.payload.done.eq(done),
            self.o.payload.tag.eq(tag),
        ]
        with m.If(self.stop):
            m.d.sync += [busy.eq(0), valid.eq(0)]
        for lane in range(self.lanes):
            m.submodules[f"lane_{lane}"] = select = LaneSelect(banks=self.banks)
            m.d.comb += [
                select.words.eq(self.read_data),
                select.bank.eq(piece_banks[lane]),
                select.inside.eq(inside[lane]),
                select.flip.eq(self.flip),
                select.pad_value.eq(self.pad_value),
                self.o.payload.values[lane].eq(select.value),
            ]
        return m
