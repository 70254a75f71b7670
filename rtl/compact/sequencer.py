# SPDX-License-Identifier: Apache-2.0
"""The compact core's sequencer: reads the program image, and whatever a layer needs, in turn."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..sequencer.descriptor import (
    DESCRIPTOR_MAGIC,
    HEADER_MAGIC,
    IMAGE_VERSION,
    TRAILER_MAGIC,
    Trailer,
)
from ..sequencer.sequencer import Cause
from .descriptor import (
    BIAS_WORDS,
    DESCRIPTOR_WORDS,
    HEADER_WORDS,
    MULTIPLIER_ROWS,
    WORDS_READ,
    CompactDescriptor,
    row_words,
)
from .parameters import LANES, CompactParameters
from .requantiser import SerialRequantiser
from .walker import Walker

__all__ = ["Sequencer"]

# Words of the header that are read, as ``Header`` has them; the hash is between the two.
FIRST_WORD = data.StructLayout({"magic": 32, "version": 16, "layers": 16})
LAST_WORD = data.StructLayout({"check": 32, "trailer_row": 32})


class Sequencer(wiring.Component):
    """Runs the layers of a program image: one state machine, one access of memory a cycle.

    For each group of 8 output channels it loads the requantiser's rows; for each pixel it reads
    biases, then for each tap a word of activations and the weights that meet it. While the
    requantisers work on a pixel, the next one is summed; a result is written when the next one's
    sum is there.

    *Timing*: ``OVERHEAD``, ``FETCH`` for each layer and ``group_cycles`` for each of its groups are
    all cycles of a run. ``stop`` ends it at once.

    *Parameters*: a ``CompactParameters``.

    *Members*: as ``rtl/sequencer/sequencer.py`` has them: ``start``, ``stop``, ``last_layer``,
    ``watchdog``, ``busy``, ``finished``, ``failed``, ``cause``, ``layer``, ``cycles`` (of the
    run), ``layer_cycles``, ``layer_ended``. Memory: ``lock``, ``free``, ``enable``, ``write``,
    ``address``, ``read_data``. Lanes: ``hold``, ``held``, ``shift``, ``multiply``,
    ``own_channel``, ``load_biases``. Requantisers: ``write_row``, ``row``, ``capture``,
    ``requantising``; ``descriptor``.
    """

    OVERHEAD = 6
    """Busy cycles of a run outside its layers: the header, the trailer, the end."""
    FETCH = 1 + DESCRIPTOR_WORDS + 1
    """Cycles from the end of one layer to the first group of the next."""
    ROW_WORD = 2 + LANES
    """Cycles for a word of the requantisers' rows."""

    def __init__(self, parameters: CompactParameters):
        self.parameters = p = parameters
        self.word_width = (p.memory_words - 1).bit_length()
        super().__init__({
            "start": In(1), "stop": In(1), "last_layer": In(16), "watchdog": In(32),
            "busy": Out(1), "finished": Out(1), "failed": Out(1), "cause": Out(8),
            "layer": Out(16), "cycles": Out(32), "layer_cycles": Out(32), "layer_ended": Out(1),
            "lock": Out(1), "free": In(1), "enable": Out(1), "write": Out(1),
            "address": Out(self.word_width), "read_data": In(64),
            "hold": Out(1), "held": In(64), "shift": Out(1), "multiply": Out(1),
            "own_channel": Out(1), "load_biases": Out(BIAS_WORDS),
            "write_row": Out(1), "row": Out(6), "capture": Out(1), "requantising": In(1),
            "descriptor": Out(CompactDescriptor),
        })

    @staticmethod
    def group_cycles(*, pixels: int, words: int, weights: int, scale_rows: int) -> int:
        """Cycles of a group: ``words`` of activations and ``weights`` are read for a pixel."""
        requantise = SerialRequantiser.cycles(scale_rows) + 1
        summed = BIAS_WORDS + words + weights
        return (Walker.OPENING + Sequencer.ROW_WORD * row_words(scale_rows) + summed + 2
                + (pixels - 1) * (max(summed, requantise) + 1) + requantise)

    def elaborate(self, platform) -> Module:
        m = Module()
        p, d = self.parameters, self.descriptor
        m.submodules.walker = walker = Walker(word_width=self.word_width)
        fetch = Signal(self.word_width)   # of the program's next word
        stream = Signal(self.word_width)  # of the next word of a record
        again = Signal(self.word_width)   # of the group's biases
        words = Signal(data.ArrayLayout(64, WORDS_READ))
        count = Signal(3)
        channel = Signal(3)
        layers = Signal(16)
        pending = Signal()       # a result waits to be written
        row_ended = Signal()     # ... the last one of its row
        pixel_ended, column_ended, group_ended = Signal(), Signal(), Signal()
        m.d.comb += [
            d.eq(words.as_value()),
            walker.descriptor.eq(d),
            walker.row_ended.eq(row_ended),
            self.own_channel.eq(d.own_channel),
            self.shift.eq(self.multiply | self.write_row),
            self.lock.eq(self.busy),
        ]
        arrives = Signal()       # the memory shows activations
        m.d.sync += [self.multiply.eq(0), arrives.eq(0), self.load_biases.eq(0)]
        with m.If(self.busy):
            m.d.sync += [self.cycles.eq(self.cycles + 1),
                         self.layer_cycles.eq(self.layer_cycles + 1)]

        def read(address):
            m.d.comb += [self.enable.eq(1), self.address.eq(address)]

        def read_stream():
            read(stream)
            m.d.sync += stream.eq(stream + 1)

        def write_result():
            m.d.comb += [self.enable.eq(1), self.write.eq(1),
                         self.address.eq(walker.destination)]
            m.d.sync += pending.eq(0)

        def fail(cause):
            m.d.sync += self.cause.eq(cause)
            m.d.comb += self.failed.eq(1)
            m.next = "IDLE"

        # What memory shows takes a cycle to be judged, as does the watchdog.
        no_image, foreign, truncated = Signal(), Signal(), Signal()

        # From outside: these end a run wherever it is.
        late = Signal()
        m.d.sync += late.eq(self.busy & self.watchdog.any() & (self.cycles >= self.watchdog))

        def unless_interrupted():
            with m.If(self.stop):
                m.d.comb += [self.failed.eq(0), self.finished.eq(0)]
                m.d.sync += self.cause.eq(Cause.NONE)
                m.next = "IDLE"
            with m.Elif(late):
                m.d.comb += self.finished.eq(0)
                fail(Cause.WATCHDOG)

        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"):
                with m.If(self.start & ~self.stop):
                    m.d.sync += self.cycles.eq(0)
                    m.next = "SETTLE"
            with m.State("SETTLE"):  # an answer on the bus may not be taken yet
                m.d.sync += [fetch.eq(p.region_start(2)), count.eq(0), self.layer.eq(0),
                             self.cycles.eq(0), self.cause.eq(Cause.NONE), pending.eq(0)]
                with m.If(self.free):
                    m.next = "HEADER"
                with m.If(self.stop):
                    m.next = "IDLE"
            with m.State("HEADER"):
                m.d.sync += [fetch.eq(fetch + 1), count.eq(count + 1)]
                read(fetch)
                with m.Switch(count):
                    with m.Case(1):
                        first = data.View(FIRST_WORD, self.read_data)
                        m.d.sync += [layers.eq(first.layers), no_image.eq(
                            (first.magic != HEADER_MAGIC) | (first.version != IMAGE_VERSION))]
                    with m.Case(2):
                        m.d.sync += foreign.eq(self.read_data != p.spec_hash)
                    with m.Case(3):
                        last = data.View(LAST_WORD, self.read_data)
                        m.d.comb += [self.hold.eq(1),
                                     self.address.eq(last.trailer_row + p.region_start(1))]
                        m.next = "TRAILER"
                unless_interrupted()
            with m.State("TRAILER"):
                trailer = data.View(Trailer, self.read_data)
                m.d.sync += [fetch.eq(p.region_start(2) + HEADER_WORDS), truncated.eq(
                    (trailer.magic != TRAILER_MAGIC) | (trailer.check != self.held[:32]))]
                m.next = "NEXT"
                unless_interrupted()
            with m.State("NEXT"):
                m.d.sync += [count.eq(0), self.layer_cycles.eq(2)]
                m.next = "FETCH"
                with m.If((self.layer == layers) | (self.layer > self.last_layer)):
                    m.d.comb += self.finished.eq(1)
                    m.next = "IDLE"
                with m.If(no_image | foreign | truncated):
                    m.d.comb += self.finished.eq(0)
                    fail(Mux(no_image, Cause.NO_IMAGE,
                             Mux(foreign, Cause.FOREIGN_IMAGE, Cause.TRUNCATED_IMAGE)))
                unless_interrupted()
            with m.State("FETCH"):
                read(fetch)
                m.d.sync += [fetch.eq(fetch + 1), count.eq(count + 1)]
                for index in range(WORDS_READ):
                    with m.If(count == index + 1):
                        m.d.sync += words[index].eq(self.read_data)
                with m.If(count == WORDS_READ):
                    m.next = "CHECK"
                unless_interrupted()
            with m.State("CHECK"):
                m.d.comb += walker.begin.eq(1)
                m.d.sync += [stream.eq(d.records), count.eq(0)]
                m.next = "OPEN"
                with m.If(d.magic != DESCRIPTOR_MAGIC):
                    fail(Cause.BAD_DESCRIPTOR)
                unless_interrupted()
            with m.State("OPEN"):
                m.d.comb += [walker.open.eq(1), walker.opening.eq(count)]
                m.d.sync += [count.eq(count + 1), self.row.eq(0)]
                with m.If(count == Walker.OPENING - 1):
                    m.next = "ROWS"
                unless_interrupted()
            with m.State("ROWS"):
                read_stream()
                m.d.sync += count.eq(0)
                m.next = "HOLD"
                unless_interrupted()
            with m.State("HOLD"):
                m.d.comb += self.hold.eq(1)
                m.next = "WRITE-ROWS"
                unless_interrupted()
            with m.State("WRITE-ROWS"):
                m.d.comb += self.write_row.eq(1)
                m.d.sync += [self.row.eq(self.row + 1), count.eq(count + 1), again.eq(stream)]
                with m.If(count == LANES - 1):
                    m.next = "ROWS"
                    with m.If(self.row >= MULTIPLIER_ROWS - 1 + d.scale_rows):
                        m.next = "BIASES"
                unless_interrupted()
            with m.State("BIASES"):
                read_stream()
                m.d.sync += [count.eq(count + 1), self.load_biases.eq(1 << count[:2])]
                with m.If(count == BIAS_WORDS - 1):
                    m.next = "TAP"
                unless_interrupted()
            with m.State("TAP"):
                read(walker.address)
                m.d.comb += walker.next_tap.eq(1)
                m.d.sync += [
                    arrives.eq(1),
                    channel.eq(Mux(d.own_channel, 0,
                                   Mux(walker.last_block, d.last_channel, LANES - 1))),
                    pixel_ended.eq(walker.last_word),
                    column_ended.eq(walker.last_column),
                    group_ended.eq(walker.last_pixel),
                ]
                m.next = "WEIGHTS"
                unless_interrupted()
            with m.State("WEIGHTS"):
                read_stream()
                m.d.comb += self.hold.eq(arrives)
                m.d.sync += [self.multiply.eq(1), channel.eq(channel - 1)]
                with m.If(channel == 0):
                    m.next = "TAP"
                    with m.If(pixel_ended):
                        m.next = "FLUSH"
                unless_interrupted()
            with m.State("FLUSH"):
                with m.If(~group_ended):
                    m.d.sync += stream.eq(again)
                with m.If(~self.requantising):
                    with m.If(pending):
                        write_result()
                        m.d.comb += walker.next_result.eq(1)
                    m.next = "CAPTURE"
                unless_interrupted()
            with m.State("CAPTURE"):
                m.d.comb += self.capture.eq(1)
                m.d.sync += [pending.eq(1), row_ended.eq(column_ended), count.eq(1)]
                with m.If(group_ended):
                    m.next = "LAST"
                with m.Else():
                    read_stream()
                    m.d.sync += self.load_biases.eq(1)
                    m.next = "BIASES"
                unless_interrupted()
            with m.State("LAST"):
                m.d.sync += count.eq(0)
                with m.If(~self.requantising):
                    write_result()
                    m.next = "OPEN"
                    with m.If(walker.last_group):
                        m.d.comb += self.layer_ended.eq(1)
                        m.d.sync += self.layer.eq(self.layer + 1)
                        m.next = "NEXT"
                unless_interrupted()
        return m
