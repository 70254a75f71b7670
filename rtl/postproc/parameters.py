# SPDX-License-Identifier: Apache-2.0
"""Per-channel parameters: loaded for the next channels while the present ones are in use."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..cell import Cell
from ..sequencer.descriptor import ROW_BITS
from .requantiser import Requantiser

__all__ = ["ParameterLoader", "ParameterRegister"]


class ParameterRegister(Cell):
    """The bits of one program row that are of use, kept when ``load`` is high.

    *Members*: ``load``, ``i``, ``o``.
    """

    def __init__(self, *, width: int):
        self.width = width
        super().__init__({"load": In(1), "i": In(width), "o": Out(width)})

    @property
    def module_name(self) -> str:
        return f"parameter_register_{self.width}"

    def body(self, platform) -> Module:
        m = Module()
        with m.If(self.load):
            m.d.sync += self.o.eq(self.i)
        return m


class ParameterLoader(wiring.Component):
    """Loads the program rows of ``lanes`` channels into shadow registers, over and over.

    A *row* here is ``ROW_BITS``; the program memory delivers ``width`` of them in a cycle. After
    ``start`` the first set is loaded from row ``base`` on. ``claim`` says that work which needs the
    set is on its way (it is no longer ``ready`` for other work), ``swap`` that the shadow set was
    taken over and that the next one, which follows it in memory, may be loaded so that the
    pipeline behind can look at all of this one (``HOLD`` cycles). After ``sets`` sets the first one
    comes again.

    *Timing*: a set is ``ready`` ``SETUP + lanes * rows_per_lane / width`` cycles after ``start``
    and ``HOLD`` cycles more after ``swap``, later by the cycles in which reads are not granted; it
    can be taken over from the next cycle on.

    *Parameters*: ``lanes``, ``fields`` (of each of a lane's rows, the low bits that are kept),
    ``width``, ``row_width`` (address bits of a memory
    row, which holds ``width`` rows).

    *Members*: ``start``, ``stop`` (no further set is loaded), ``base``, ``sets`` (0 for no end),
    ``claim``, ``swap``, ``ready``, ``read_enable``, ``read_grant``, ``read_row``,
    ``read_data``, ``shadow``.
    """

    SETUP = 1
    HOLD = Requantiser.SHIFT_DELAY - 2  # what is read changes the set two cycles later

    def __init__(self, *, lanes: int, fields: tuple[int, ...], width: int, row_width: int):
        rows_per_lane = len(fields)
        if lanes * rows_per_lane % width:
            raise ValueError(f"Parameter rows a cycle must be a divisor of "
                             f"{lanes * rows_per_lane}, not {width!r}")
        self.lanes = lanes
        self.fields = fields
        self.width = width
        super().__init__({
            "start": In(1),
            "stop": In(1),
            "base": In(row_width),
            "sets": In(16),
            "claim": In(1),
            "swap": In(1),
            "ready": Out(1),
            "read_enable": Out(1),
            "read_grant": In(1, init=1),
            "read_row": Out(row_width),
            "read_data": In(data.ArrayLayout(ROW_BITS, width)),
            "shadow": Out(data.ArrayLayout(sum(fields), lanes)),
        })

    @property
    def reads(self) -> int:
        """Memory reads of one set, which is also the cycles that they take."""
        return self.lanes * len(self.fields) // self.width

    @classmethod
    def load_cycles(cls, *, lanes: int, rows_per_lane: int, width: int) -> int:
        """From ``start`` to ``ready``."""
        return cls.SETUP + lanes * rows_per_lane // width

    def elaborate(self, platform) -> Module:
        m = Module()
        row = Signal.like(self.read_row)
        asked = Signal(range(self.reads + 1))
        arriving = Signal()
        arrived = Signal(range(self.reads + 1))
        loading = Signal()
        hold = Signal(range(self.HOLD + 1))
        claimed = Signal()
        granted = Signal()
        loaded = Signal(16)  # sets, since the first one
        wrap = Signal()
        m.d.comb += [
            granted.eq(self.read_enable & self.read_grant),
            wrap.eq((loaded == self.sets - 1) & (asked == self.reads - 1)),
            self.read_enable.eq(loading & (asked != self.reads)),
            self.read_row.eq(row),
            self.ready.eq(loading & (asked == self.reads) & ~claimed),
        ]
        m.d.sync += arriving.eq(granted)
        with m.If(granted):
            m.d.sync += [asked.eq(asked + 1), row.eq(Mux(wrap, self.base, row + 1))]
            with m.If(asked == self.reads - 1):
                m.d.sync += loaded.eq(Mux(wrap, 0, loaded + 1))
        with m.If(arriving):
            m.d.sync += arrived.eq(arrived + 1)
        parts = []
        for index in range(self.lanes * len(self.fields)):
            read, position = divmod(index, self.width)
            width = self.fields[index % len(self.fields)]
            m.submodules[f"register_{index}"] = register = ParameterRegister(width=width)
            m.d.comb += [
                register.load.eq(arriving & (arrived == read)),
                register.i.eq(self.read_data[position][:width]),
            ]
            parts.append(register.o)
        m.d.comb += self.shadow.as_value().eq(Cat(parts))

        with m.If(self.start | self.swap):
            m.d.sync += claimed.eq(0)
        with m.Elif(self.claim):
            m.d.sync += claimed.eq(1)
        with m.If(self.start):
            m.d.sync += [row.eq(self.base), loading.eq(1), asked.eq(0), arrived.eq(0),
                         loaded.eq(0), hold.eq(0)]
        with m.Elif(self.stop):
            m.d.sync += [loading.eq(0), hold.eq(0)]
        with m.Elif(self.swap):
            m.d.sync += [loading.eq(0), arrived.eq(0), hold.eq(self.HOLD)]
        with m.Elif(hold != 0):
            m.d.sync += hold.eq(hold - 1)
            with m.If(hold == 1):
                m.d.sync += [loading.eq(1), asked.eq(0)]
        return m
