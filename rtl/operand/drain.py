# SPDX-License-Identifier: Apache-2.0
"""Drain control: when finished rows leave the engine."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Drain"]


class Drain(wiring.Component):
    """Drains the ``rows`` valid rows of each issued tile, one every ``beats`` cycles.

    The issuer keeps tiles far enough apart; this only delays and counts.

    *Timing*: a tile issued in cycle t has its first ``drain`` in ``t + drain_start``; the row is
    at the engine's output, with ``row_valid``, ``drain_latency`` cycles after its ``drain``.
    ``first`` marks the first row of a column tile.

    *Parameters*: ``rows``, ``beats``, ``drain_start`` (at least 1), ``drain_latency``.

    *Members*: ``issued``, ``issued_rows``, ``issued_new_columns``, ``drain``, ``remaining``
    (valid rows after this one), ``row_valid``, ``first``.
    """

    def __init__(self, *, rows: int, beats: int, drain_start: int, drain_latency: int):
        if drain_start < 1:
            raise ValueError(f"Drain start must be at least 1 cycle, not {drain_start!r}")
        self.rows = rows
        self.beats = beats
        self.drain_start = drain_start
        self.drain_latency = drain_latency
        super().__init__({
            "issued": In(1),
            "issued_rows": In(range(rows + 1)),
            "issued_new_columns": In(1),
            "drain": Out(1),
            "remaining": Out(range(rows)),
            "row_valid": Out(1),
            "first": Out(1),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        tile = data.StructLayout({"valid": 1, "rows": range(self.rows + 1), "new_columns": 1})
        arrived = Signal(tile)
        m.d.comb += [arrived.valid.eq(self.issued), arrived.rows.eq(self.issued_rows),
                     arrived.new_columns.eq(self.issued_new_columns)]
        for stage in range(self.drain_start):
            delayed = Signal(tile, name=f"tile_{stage}")
            m.d.sync += delayed.eq(arrived)
            arrived = delayed

        left = Signal(range(self.rows + 1))
        wait = Signal(range(max(self.beats, 2)))
        m.d.comb += [
            self.drain.eq(arrived.valid | ((left != 0) & (wait == 0))),
            self.remaining.eq(Mux(arrived.valid, arrived.rows, left) - 1),
        ]
        with m.If(self.drain):
            m.d.sync += [left.eq(self.remaining), wait.eq(self.beats - 1)]
        with m.Elif(wait != 0):
            m.d.sync += wait.eq(wait - 1)

        row = Signal(2)
        m.d.comb += row.eq(self.drain | ((arrived.valid & arrived.new_columns) << 1))
        for stage in range(self.drain_latency):
            delayed = Signal(2, name=f"row_{stage}")
            m.d.sync += delayed.eq(row)
            row = delayed
        m.d.comb += [self.row_valid.eq(row[0]), self.first.eq(row[1])]
        return m
