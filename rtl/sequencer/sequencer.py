# SPDX-License-Identifier: Apache-2.0
"""Sequencer: reads the program image and runs its layers one after another."""

import enum

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .descriptor import (
    DESCRIPTOR_MAGIC,
    DESCRIPTOR_ROWS,
    FLAGS,
    HEADER_MAGIC,
    IMAGE_VERSION,
    ROW_BITS,
    TRAILER_MAGIC,
    Descriptor,
    Header,
    Opcode,
    Trailer,
)

__all__ = ["Cause", "Sequencer"]


class Cause(enum.IntEnum):
    """Why a run ended with an error."""

    NONE = 0
    NO_IMAGE = 1        # no header of this version at the program base
    FOREIGN_IMAGE = 2   # compiled for another spec
    TRUNCATED_IMAGE = 3  # the trailer is not this image's
    BAD_DESCRIPTOR = 4
    BUS = 5             # an AXI error response to the DMA
    WATCHDOG = 6
    DENSITY = 7         # more non-zeros in a block than the engine takes


class Sequencer(wiring.Component):
    """Fetches header, trailer and descriptors; starts a unit a layer; collects errors.

    A fused descriptor is kept for the vector unit while that of the next layer, the engine's, is
    fetched; then both units start. It ends there, in 0 cycles; the later layer is timed with both,
    and a run that shall stop after the first stops after the second.

    *Timing*: a layer lasts from its "next" state, ``fetch_cycles`` before the ``begin`` pulse,
    to the unit's ``done``; a fused one adds ``fused_cycles`` to the next. ``overhead_cycles``
    come on top, once a run.

    ``flags`` are ``conditions`` when a run starts. A layer whose condition does not hold is
    skipped, in ``fetch_cycles``. One that judges sets its flag when it ends: a result was ``over``,
    in a channel that is padded too, where results are the zero point.

    Where a layer must wait for transfers, it does so before ``begin``, and these cycles are not
    the layer's. A run ends well, and the next one goes on, when no transfer is under way; one that
    fails leaves those that are to be stopped (``transferring`` falls).

    *Parameters*: ``width`` (program rows in a memory row, at most ``DESCRIPTOR_ROWS``),
    ``program_row_width``, ``trailer_row_width``, ``flush_cycles`` (until every pipeline of the
    core has run empty after a stop), ``spec_hash``, ``slots`` (that the input may lie in, 1 or 2),
    ``engine_cause`` of an ``engine_error``.

    *Members*: ``slot`` (that the run's input lies in), ``conditions``, ``flags``, ``over`` (a
    result is above the layer's threshold), ``start``, ``stop`` (soft reset), ``program_base``
    (rows), ``trailer_base`` (rows of the memory that holds the trailer), ``last_layer``,
    ``watchdog`` (cycles, 0 for none), ``bus_error``, ``engine_error``, ``program_enable``,
    ``program_row``, ``program_data``, ``trailer_enable``, ``trailer_row``, ``trailer_data`` (low
    word of a row), ``transfer_row``, ``transfer_count``, ``launch`` (pulse: begin them),
    ``hold_transfers`` (level: begin no more), ``transferring`` (level: they may be under way for
    this run), ``transfers_done``, ``transfers_idle``, ``waiting`` (for them), ``descriptor`` (of
    the layer), ``vector_descriptor`` (of the vector unit's layer), ``fused`` (both run),
    ``consistent`` (the units can run it), ``begin`` (pulse), ``done`` (of the layer), ``flush``
    (level), ``running`` (a layer runs), ``busy``, ``finished``, ``failed`` (pulses), ``cause``,
    ``layer``, ``layer_cycles``, ``layer_ended``.
    """

    END = 1
    """Of the overhead, the cycle behind the last layer."""

    def __init__(self, *, width: int, program_row_width: int, trailer_row_width: int,
                 flush_cycles: int, spec_hash: int, slots: int = 1,
                 engine_cause: Cause = Cause.DENSITY):
        if slots not in (1, 2):
            raise ValueError(f"Slots must be 1 or 2, not {slots!r}")
        if width not in (1, 2, 4, 8):
            raise ValueError(f"Program rows in a memory row must be 1, 2, 4 or 8, not {width!r}")
        self.width = width
        self.slots = slots
        self.flush_cycles = flush_cycles
        self.spec_hash = spec_hash
        self.engine_cause = engine_cause
        super().__init__({
            "start": In(1),
            "stop": In(1),
            "program_base": In(program_row_width),
            "trailer_base": In(trailer_row_width),
            "last_layer": In(16),
            "slot": In(1),
            "watchdog": In(32),
            "conditions": In(FLAGS),
            "flags": Out(FLAGS),
            "over": In(1),
            "bus_error": In(1),
            "engine_error": In(1),
            "program_enable": Out(1),
            "program_row": Out(program_row_width),
            "program_data": In(data.ArrayLayout(ROW_BITS, width)),
            "trailer_enable": Out(1),
            "trailer_row": Out(trailer_row_width),
            "trailer_data": In(64),
            "transfer_row": Out(program_row_width),
            "transfer_count": Out(16),
            "launch": Out(1),
            "hold_transfers": Out(1),
            "transferring": Out(1),
            "transfers_done": In(16),
            "transfers_idle": In(1, init=1),
            "waiting": Out(1),
            "descriptor": Out(Descriptor),
            "vector_descriptor": Out(Descriptor),
            "fused": Out(1),
            "consistent": In(1, init=1),
            "begin": Out(1),
            "done": In(1),
            "flush": Out(1),
            "running": Out(1),
            "busy": Out(1),
            "finished": Out(1),
            "failed": Out(1),
            "cause": Out(8),
            "layer": Out(16),
            "layer_cycles": Out(32),
            "layer_ended": Out(1),
        })

    @property
    def reads(self) -> int:
        """Memory rows of a descriptor, and of the header."""
        return DESCRIPTOR_ROWS // self.width

    @staticmethod
    def overhead_cycles(width: int) -> int:
        """Busy cycles of a run outside its layers: header, trailer, the end."""
        return DESCRIPTOR_ROWS // width + 3 + Sequencer.END

    @staticmethod
    def fetch_cycles(width: int) -> int:
        """Cycles of a layer up to and without its ``begin`` pulse: next, fetch, check."""
        return DESCRIPTOR_ROWS // width + 3

    @staticmethod
    def fused_cycles(width: int) -> int:
        """Cycles in which the descriptor behind a fused one is fetched and checked."""
        return DESCRIPTOR_ROWS // width + 2

    def elaborate(self, platform) -> Module:
        m = Module()
        reads = self.reads
        buffer = Signal(DESCRIPTOR_ROWS * ROW_BITS)
        header = data.View(Header, buffer[:Header.size])
        trailer = data.View(Trailer, self.trailer_data)
        fetch_row = Signal.like(self.program_row)
        asked = Signal(range(reads + 1))
        arriving = Signal()
        layers = Signal(16)
        check = Signal(32)
        matches = Signal()
        whole = Signal()  # of the image: judged a cycle after its trailer came out of a slow memory
        alive = Signal(32)
        flushing = Signal(range(self.flush_cycles + 1))
        cause = Signal(8)

        m.d.comb += [
            self.descriptor.eq(buffer),
            self.transfer_row.eq(self.program_base + header.transfer_row),
            self.transfer_count.eq(header.transfers),
        ]
        with m.If(self.launch):
            m.d.sync += self.transferring.eq(1)
        m.d.sync += arriving.eq(self.program_enable)
        with m.If(arriving):
            m.d.sync += buffer.eq(
                (self.program_data.as_value() << (DESCRIPTOR_ROWS - self.width) * ROW_BITS)
                | (buffer >> self.width * ROW_BITS))

        fetching = Signal()
        m.d.comb += [
            self.program_enable.eq(fetching & (asked != reads)),
            self.program_row.eq(fetch_row),
        ]
        with m.If(self.program_enable):
            m.d.sync += [asked.eq(asked + 1), fetch_row.eq(fetch_row + self.width)]

        # From outside: these end a run wherever it is.
        interrupted = Signal()
        m.d.comb += interrupted.eq(
            self.stop | (self.watchdog.any() & (alive >= self.watchdog))
            | self.bus_error | self.engine_error)

        def unless_interrupted():
            with m.If(interrupted):
                m.d.sync += cause.eq(
                    Mux(self.stop, Cause.NONE,
                        Mux(self.bus_error, Cause.BUS,
                            Mux(self.engine_error, self.engine_cause, Cause.WATCHDOG))))
                m.next = "FLUSH"

        cycles = Signal.like(self.layer_cycles)
        goes_on = Signal()
        skips = Signal()
        judged = Signal()  # a result of the layer was over
        m.d.comb += skips.eq(self.descriptor.conditional & (
            self.flags.bit_select(self.descriptor.condition, 1)
            != self.descriptor.condition_value))
        skipped = Signal()
        m.d.comb += [
            self.layer_ended.eq((self.running & self.done) | goes_on | skipped),
            self.layer_cycles.eq(Mux(goes_on, 0, cycles)),
        ]
        with m.If(self.busy):
            m.d.sync += [alive.eq(alive + 1), cycles.eq(cycles + ~self.waiting)]

        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"):
                with m.If(self.start & ~self.stop):
                    m.d.sync += [fetch_row.eq(self.program_base), asked.eq(0), alive.eq(0),
                                 self.flags.eq(self.conditions),
                                 self.layer.eq(0), self.cause.eq(Cause.NONE),
                                 cause.eq(Cause.NONE)]
                    m.next = "HEADER"
            with m.State("HEADER"):
                m.d.comb += fetching.eq(1)
                with m.If((asked == reads) & arriving):
                    m.next = "CHECK-HEADER"
                unless_interrupted()
            with m.State("CHECK-HEADER"):
                m.d.sync += [layers.eq(header.layers), check.eq(header.check)]
                m.d.comb += [self.trailer_enable.eq(1),
                             self.trailer_row.eq(self.trailer_base + header.trailer_row)]
                if self.slots == 2:
                    with m.If(self.slot):
                        m.d.sync += fetch_row.eq(fetch_row + header.slot_rows)
                m.next = "TRAILER"
                with m.If((header.magic != HEADER_MAGIC) | (header.version != IMAGE_VERSION)):
                    m.d.sync += cause.eq(Cause.NO_IMAGE)
                    m.next = "FLUSH"
                with m.Elif(header.spec_hash != self.spec_hash):
                    m.d.sync += cause.eq(Cause.FOREIGN_IMAGE)
                    m.next = "FLUSH"
                unless_interrupted()
            with m.State("TRAILER"):
                m.d.comb += matches.eq((trailer.magic == TRAILER_MAGIC) & (trailer.check == check))
                m.d.sync += [asked.eq(0), whole.eq(matches)]
                with m.If(self.transfers_idle):
                    m.d.comb += self.launch.eq(matches)
                    m.next = "NEXT"
                with m.Else():
                    m.next = "SETTLE"
                unless_interrupted()
            with m.State("SETTLE"):  # transfers that are left of a run that failed
                m.d.comb += self.waiting.eq(1)
                with m.If(self.transfers_idle):
                    m.d.comb += self.launch.eq(whole)
                    m.next = "NEXT"
                unless_interrupted()
            with m.State("NEXT"):
                m.d.sync += [asked.eq(0), cycles.eq(2), self.fused.eq(0)]
                with m.If(~whole):
                    m.d.sync += cause.eq(Cause.TRUNCATED_IMAGE)
                    m.next = "FLUSH"
                with m.Elif((self.layer == layers) | (self.layer > self.last_layer)):
                    m.d.comb += [self.hold_transfers.eq(1), self.waiting.eq(~self.transfers_idle)]
                    with m.If(self.transfers_idle):
                        m.d.comb += self.finished.eq(~interrupted)
                        m.d.sync += self.transferring.eq(0)
                        m.next = "IDLE"
                with m.Else():
                    m.next = "FETCH"
                unless_interrupted()
            with m.State("FETCH"):
                m.d.comb += fetching.eq(1)
                with m.If((asked == reads) & arriving):
                    m.next = "CHECK"
                unless_interrupted()
            with m.State("CHECK"):
                d = self.descriptor
                with m.If((d.magic == DESCRIPTOR_MAGIC)
                          & ((d.opcode == Opcode.MATRIX) | (d.opcode == Opcode.WINDOW)
                             | (d.opcode == Opcode.ADD))
                          & ((d.source_group != d.destination_group)
                             | (d.opcode == Opcode.ADD))
                          & d.out_width.any() & d.out_height.any() & d.channel_blocks.any()
                          & d.kernel_width.any() & d.kernel_height.any()
                          & d.column_tiles.any() & d.destination_blocks.any()
                          & d.row_tiles.any() & d.pass_steps.any()
                          & d.span.any() & d.row_groups.any() & self.consistent
                          & (~self.fused | (d.opcode == Opcode.MATRIX))
                          & (~d.fused | ((d.opcode == Opcode.WINDOW)
                                         & (self.layer + 1 != layers)))):
                    m.d.sync += asked.eq(0)
                    with m.If(d.opcode != Opcode.MATRIX):
                        m.d.sync += self.vector_descriptor.eq(d)
                    with m.If(skips):
                        m.d.comb += skipped.eq(1)
                        m.d.sync += self.layer.eq(self.layer + 1)
                        m.next = "NEXT"
                    with m.Elif(d.fused):
                        m.d.comb += goes_on.eq(1)
                        m.d.sync += [self.fused.eq(1), self.layer.eq(self.layer + 1)]
                        m.next = "FETCH"
                    with m.Elif(self.transfers_done < d.transfers):
                        m.next = "WAIT"
                    with m.Else():
                        m.next = "BEGIN"
                with m.Else():
                    m.d.sync += cause.eq(Cause.BAD_DESCRIPTOR)
                    m.next = "FLUSH"
                unless_interrupted()
            with m.State("WAIT"):
                m.d.comb += self.waiting.eq(1)
                with m.If(self.transfers_done >= self.descriptor.transfers):
                    m.next = "BEGIN"
                unless_interrupted()
            with m.State("BEGIN"):
                m.d.comb += self.begin.eq(1)
                m.d.sync += judged.eq(0)
                m.next = "RUN"
                unless_interrupted()
            with m.State("RUN"):
                m.d.comb += self.running.eq(1)
                m.d.sync += judged.eq(judged | self.over)
                with m.If(self.done):
                    m.d.sync += self.layer.eq(self.layer + 1)
                    with m.If(self.descriptor.judges):
                        m.d.sync += self.flags.bit_select(self.descriptor.judged, 1).eq(
                            judged | self.over)
                    m.next = "NEXT"
                unless_interrupted()
            with m.State("FLUSH"):
                m.d.comb += [self.flush.eq(1), self.hold_transfers.eq(1)]
                m.d.sync += [flushing.eq(flushing + 1), self.transferring.eq(0)]
                with m.If(flushing == self.flush_cycles - 1):
                    m.d.sync += flushing.eq(0)
                    m.d.comb += self.failed.eq((cause != Cause.NONE) & ~self.stop)
                    m.d.sync += self.cause.eq(cause)
                    m.next = "IDLE"
                with m.If(self.stop):
                    m.d.sync += cause.eq(Cause.NONE)
        return m
