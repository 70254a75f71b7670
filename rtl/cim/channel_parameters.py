# SPDX-License-Identifier: Apache-2.0
"""Requantiser parameters of one group of channels after another, in step with their sums."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..delay import delay
from ..postproc.parameters import ParameterRegister
from ..postproc.requantiser import Parameters, Requantiser
from ..sequencer.descriptor import ROW_BITS

__all__ = ["ChannelParameters"]


class ChannelParameters(wiring.Component):
    """Reads the program rows of the next ``lanes`` channels for every group of sums.

    A ``ParameterLoader`` has its set ready before it is known when that is needed. Here it is
    known ``DELAY`` cycles ahead, so that a set may follow the one before in the next cycle. After
    ``sets`` sets the first one comes again.

    *Timing*: ``shadow`` is for the group that is taken by the post-processor, with ``swap``,
    ``DELAY`` cycles after ``advance``, and each of its fields for the cycle in which that looks at
    it. ``pace`` reads a set, the last of them two cycles before; ``advance`` at most every ``pace``
    cycles. Reads must be served at once.

    *Parameters*: ``lanes``, ``width`` (program rows in a memory row, a divisor of at least a fourth
    of the lanes), ``row_width`` (address bits of a memory row).

    *Members*: ``start``, ``stop`` (level: read no more), ``base`` (memory row), ``sets``,
    ``advance``, ``read_enable``, ``read_row``, ``read_data``, ``shadow``.
    """

    DELAY = 6
    READ = 2  # cycles from a read to what it changes

    def __init__(self, *, lanes: int, width: int, row_width: int):
        self.lanes = lanes
        self.width = width
        self.pace = self.pace_of(lanes=lanes, width=width)
        super().__init__({
            "start": In(1),
            "stop": In(1),
            "base": In(row_width),
            "sets": In(16),
            "advance": In(1),
            "read_enable": Out(1),
            "read_row": Out(row_width),
            "read_data": In(data.ArrayLayout(ROW_BITS, width)),
            "shadow": Out(data.ArrayLayout(Parameters.size, lanes)),
        })

    @classmethod
    def pace_of(cls, *, lanes: int, width: int) -> int:
        """Cycles of a set, a power of two. Raises ValueError if it takes too long to read."""
        pace = lanes // width
        if lanes % width or pace not in (1, 2, 4):
            raise ValueError(f"Lanes must be 1, 2 or 4 times the {width} program rows of a cycle, "
                             f"not {lanes!r}")
        return pace

    def elaborate(self, platform) -> Module:
        m = Module()
        pace = self.pace
        row = Signal.like(self.read_row)
        loaded = Signal.like(self.sets)  # sets, since the first one
        read = Signal(range(max(pace, 2)))       # of the set
        opens = Signal()
        wrap = Signal()
        ahead = Signal(self.DELAY - self.READ + 1 - pace)
        m.d.sync += ahead.eq(Cat(self.advance, ahead[:-1]))
        m.d.comb += [
            opens.eq(ahead[-1]),
            self.read_enable.eq((opens | (read != 0)) & ~self.stop),
            self.read_row.eq(row),
            wrap.eq(loaded == self.sets - 1),
        ]
        arriving = Signal()
        arrived = Signal.like(read)
        m.d.sync += [arriving.eq(self.read_enable), arrived.eq(read)]
        with m.If(self.read_enable):
            m.d.sync += [read.eq(read + 1), row.eq(row + 1)]
            with m.If(read == pace - 1):
                m.d.sync += [read.eq(0), loaded.eq(Mux(wrap, 0, loaded + 1)),
                             row.eq(Mux(wrap, self.base, row + 1))]
        with m.If(self.start | self.stop):
            m.d.sync += [ahead.eq(0), read.eq(0), loaded.eq(0), row.eq(self.base)]

        later = {"bias": 0, "multiplier": 1, "shift": Requantiser.SHIFT_DELAY}
        for lane in range(self.lanes):
            part, position = divmod(lane, self.width)
            m.submodules[f"register_{lane}"] = register = ParameterRegister(width=Parameters.size)
            m.d.comb += [
                register.load.eq(arriving & (arrived == part)),
                register.i.eq(self.read_data[position][:Parameters.size]),
            ]
            fields = data.View(Parameters, register.o)
            shadow = data.View(Parameters, self.shadow[lane])
            for name, cycles in later.items():
                m.d.comb += shadow[name].eq(delay(m, f"{name}_{lane}", fields[name], cycles))
        return m
