# SPDX-License-Identifier: Apache-2.0
"""What happens at the array in a run: events that its energy follows from, and waits."""

from amaranth import Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .contract import MacroParameters

__all__ = ["ArrayCounters", "ArrayCounts"]

ArrayCounts = data.StructLayout({
    "conversions": 32,
    "conversion_cycles": 32,  # in which one was under way
    "rows_driven": 64,        # enabled rows of all conversions
    "adcs_converted": 64,     # enabled ADCs of all conversions
    "weights_written": 32,    # eight neighbouring columns at once
    "stall_load": 32,         # cycles in which conversions waited for weights to be written
})


class ArrayCounters(wiring.Component):
    """Adds up what happens at the array; ``clear`` starts over.

    *Timing*: an event is in ``counts`` one cycle later.

    *Parameters*: ``p``, the macro's.

    *Members*: ``clear``, ``fire``, ``busy``, ``rows``, ``adcs`` (of the conversion), ``written``,
    ``stall_load``, ``counts``.
    """

    def __init__(self, p: MacroParameters):
        super().__init__({
            "clear": In(1),
            "fire": In(1),
            "busy": In(1),
            "rows": In(range(p.rows + 1)),
            "adcs": In(range(p.adcs + 1)),
            "written": In(1),
            "stall_load": In(1),
            "counts": Out(ArrayCounts),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        c = self.counts
        increments = {
            "conversions": self.fire,
            "conversion_cycles": self.busy | self.fire,
            "weights_written": self.written,
            "stall_load": self.stall_load,
        }
        for name, increment in increments.items():
            m.d.sync += c[name].eq(c[name] + increment)
        with m.If(self.fire):
            m.d.sync += [c.rows_driven.eq(c.rows_driven + self.rows),
                         c.adcs_converted.eq(c.adcs_converted + self.adcs)]
        with m.If(self.clear):
            m.d.sync += c.eq(0)
        return m
