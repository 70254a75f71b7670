# SPDX-License-Identifier: Apache-2.0
"""Feeds the engine: gathered blocks become array steps, in step with the weights."""

from itertools import pairwise

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..cell import Cell
from ..facts import BLOCK, PAIR_BITS
from ..pe.tpe import Token
from .dap import PrunedRow
from .gather import piece_layout
from .im2col import block_tag

__all__ = ["FillRow", "Issuer", "OperandRow"]


class FillRow(Cell):
    """One row's word of the block that comes next, and of the block before it.

    *Timing*: ``load`` takes ``i``, or with ``shift`` the right-hand neighbour's word: of its last
    block, or if ``far`` of the one before.

    *Members*: ``load``, ``i``, ``shift``, ``far``, ``near``, ``before`` (the neighbour's ``o`` and
    ``earlier``), ``o``, ``earlier``.
    """

    def __init__(self):
        super().__init__({"load": In(1), "i": In(64), "shift": In(1), "far": In(1),
                          "near": In(64), "before": In(64), "o": Out(64), "earlier": Out(64)})

    @property
    def module_name(self) -> str:
        return "fill_row"

    def body(self, platform) -> Module:
        m = Module()
        with m.If(self.load):
            m.d.sync += [
                self.earlier.eq(self.o),
                self.o.eq(Mux(self.shift, Mux(self.far, self.before, self.near), self.i)),
            ]
        return m


class OperandRow(Cell):
    """One row's channel block as it is issued.

    *Timing*: ``move`` makes the next block the present one, ``shift`` goes on by ``depth``
    channels.

    *Members*: ``following`` (the next block), ``move``, ``shift``, ``o`` (``depth`` channels).
    """

    def __init__(self, *, depth: int):
        self.depth = depth
        super().__init__({"following": In(64), "move": In(1), "shift": In(1),
                          "o": Out(8 * depth)})

    @property
    def module_name(self) -> str:
        return f"operand_row_{self.depth}"

    def body(self, platform) -> Module:
        m = Module()
        present = Signal(64)
        with m.If(self.move):
            m.d.sync += present.eq(self.following)
        if self.depth < 8:
            with m.Elif(self.shift):
                m.d.sync += present.eq(present >> (8 * self.depth))
        m.d.comb += self.o.eq(present[:8 * self.depth])
        return m


class Issuer(wiring.Component):
    """Double-buffers a block of ``rows`` x 64 bits and issues it to the engine step by step.

    Each step hands every row ``depth`` channels and reads the next row of weights; when a block
    takes more steps than ``8 / depth`` it is held (dense weights on a DBB engine). Where weights
    are held instead, rows hand over their largest magnitudes, one a step (``PrunedRow``), and
    the next row of weights comes after ``pass_steps``.

    The last step of a tile waits until the shadow accumulators and the requantiser's parameters
    are free for it: ``stall_drain`` and ``stall_parameters``. Without shadow accumulators the
    first step waits instead until all rows of the tile before have left. Slot i of a tile drives
    array row ``rows - 1 - i``, because rows drain bottom first.

    *Timing*: a block can be issued in the cycle after its last piece moved on from the fill
    buffer. One step a cycle.

    *Parameters*: ``rows``, ``lanes``, ``depth``, ``beats`` (cycles to post-process a row),
    ``weight_row_width``, ``tag_width``, ``held_slots`` (values of a held word of weights, None
    where weights are not held), ``overlapped`` (the engine has shadow accumulators), ``row_step``
    (from one row of weights to the next), ``dense_step`` (... in a block of ``BLOCK`` steps, whose
    weights need no positions; None where they are as any other).

    *Members*: ``start``, ``stop`` (level: give up), ``weight_row`` (of the layer), ``i`` (pieces),
    ``tile_major``, ``parameters_ready``; for held weights ``pass_steps``, ``split`` (each pass has
    ``held_slots`` positions to itself), ``last_channels`` (of the last block), ``is_signed``;
    ``activations``, ``token`` (to the engine), ``dense`` (its block's rows are ``dense_step``
    apart), ``read_dense`` (the row that is read is such a one), ``released`` (words of weights that
    the layer has used and will not read again), ``read_enable``, ``read_row`` (weights), ``issued``
    (tile ended), ``issued_rows``, ``issued_new_columns``, ``stall_operands``, ``stall_drain``,
    ``stall_parameters``.
    """

    def __init__(self, *, rows: int, lanes: int, depth: int, beats: int, weight_row_width: int,
                 tag_width: int, held_slots: int | None = None, overlapped: bool = True,
                 row_step: int = 1, dense_step: int | None = None):
        self.rows = rows
        self.lanes = lanes
        self.depth = depth
        self.beats = beats
        self.held_slots = held_slots
        self.overlapped = overlapped
        self.row_step = row_step
        self.dense_step = dense_step
        self.tag = block_tag(rows=rows, pieces=rows // lanes)
        super().__init__({
            "start": In(1),
            "stop": In(1),
            "weight_row": In(weight_row_width),
            "i": In(stream.Signature(piece_layout(lanes, tag_width))),
            "parameters_ready": In(1),
            "tile_major": In(1),
            "pass_steps": In(4),
            "split": In(1),
            "last_channels": In(4),
            "is_signed": In(1),
            "activations": Out(data.ArrayLayout(
                8 * depth if held_slots is None else PAIR_BITS, rows)),
            "token": Out(Token),
            "dense": Out(1),
            "read_dense": Out(1),
            "released": Out(32),
            "read_enable": Out(1),
            "read_row": Out(weight_row_width),
            "issued": Out(1),
            "issued_rows": Out(range(rows + 1)),
            "issued_new_columns": Out(1),
            "stall_operands": Out(1),
            "stall_drain": Out(1),
            "stall_parameters": Out(1),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        fill_tag = Signal(self.tag)
        filled = Signal()
        tag = Signal(self.tag)
        holding = Signal()
        left = Signal(4)      # steps of the held block still to be issued
        opening = Signal(init=1)  # the next step is the first of its tile
        fresh = Signal()          # ... of its block
        cooldown = Signal(range(self.rows * self.beats + 1))

        fire = Signal()
        last_step = Signal()
        last_of_pass = Signal(init=1)
        closing = Signal()
        move = Signal()
        drain_ready = Signal()
        parameters_ready = Signal()
        needs_drain = closing if self.overlapped else opening
        m.d.comb += [
            last_step.eq(left == 1),
            closing.eq(last_step & tag.tile_last),
            drain_ready.eq(cooldown == 0),
            parameters_ready.eq(self.parameters_ready | ~tag.new_columns),
            fire.eq(holding & (~needs_drain | drain_ready) & (~closing | parameters_ready)),
            self.stall_operands.eq(~holding),
            self.stall_drain.eq(holding & needs_drain & ~drain_ready),
            self.stall_parameters.eq(
                holding & closing & (~needs_drain | drain_ready) & ~parameters_ready),
        ]

        # Fill: pieces of the block that comes next.
        arrived = Signal(self.tag)
        m.d.comb += [
            arrived.eq(self.i.payload.tag),
            move.eq(filled & (~holding | (fire & last_step))),
            self.i.ready.eq(~filled | move),
        ]
        with m.If(move):
            m.d.sync += filled.eq(0)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += fill_tag.eq(arrived)
            with m.If(self.i.payload.done & arrived.block_done):
                m.d.sync += filled.eq(1)

        # Held: the block that is being issued.
        with m.If(fire):
            m.d.sync += [left.eq(left - 1), opening.eq(closing), fresh.eq(0)]
        with m.If(move):
            m.d.sync += [tag.eq(fill_tag), left.eq(fill_tag.steps), holding.eq(1), fresh.eq(1)]
        with m.Elif(fire & last_step):
            m.d.sync += holding.eq(0)

        with m.If(fire & closing):
            m.d.sync += cooldown.eq(self.beats * tag.rows - self.overlapped)
        with m.Elif(cooldown != 0):
            m.d.sync += cooldown.eq(cooldown - 1)

        # Weights: the memory's output always holds the row of the next step.
        row = Signal.like(self.read_row)
        tile_row = Signal.like(self.read_row)  # the first of these columns, or of the layer
        step = self.row_step
        if self.dense_step is not None:
            m.d.comb += [self.dense.eq(tag.steps == BLOCK),
                         self.read_dense.eq(self.dense & ~last_step & ~self.start)]
            step = Mux(self.dense, self.dense_step, self.row_step)
        m.d.comb += [
            self.read_enable.eq(self.start | (fire & last_of_pass)),
            self.read_row.eq(Mux(self.start, self.weight_row,
                                 Mux(closing & tag.rewind, tile_row, row + step))),
        ]
        with m.If(self.read_enable):
            m.d.sync += row.eq(self.read_row)
        with m.If(self.start | (fire & closing & ~self.tile_major)):
            m.d.sync += tile_row.eq(self.read_row)
        with m.If(self.start):
            m.d.sync += self.released.eq(0)
        with m.Elif(fire & last_of_pass & ~tag.rewind):
            m.d.sync += self.released.eq(self.released + step)

        m.d.comb += [
            self.token.valid.eq(fire),
            self.token.first.eq(opening),
            self.token.last.eq(closing),
            self.issued.eq(fire & closing),
            self.issued_rows.eq(tag.rows),
            self.issued_new_columns.eq(tag.new_columns),
        ]
        if self.held_slots is None:
            m.d.comb += self.token.start.eq(fresh)
            rows = [OperandRow(depth=self.depth) for _ in range(self.rows)]
            m.d.comb += [row.shift.eq(fire) for row in rows]
        else:
            rows = self._pruned_rows(m, fire, last_step, last_of_pass, tag)
        words = [FillRow() for _ in rows]
        for slot, (row, word) in enumerate(zip(rows, words, strict=True)):
            lane = slot % self.lanes
            m.submodules[f"fill_{slot}"] = word
            m.submodules[f"row_{slot}"] = row
            m.d.comb += [
                word.load.eq(self.i.valid & self.i.ready & self.i.payload.write[lane]
                             & (arrived.piece == slot // self.lanes)),
                word.i.eq(self.i.payload.values[lane]),
                word.shift.eq(self.i.payload.shift[lane]),
                word.far.eq(arrived.far),
                row.following.eq(word.o),
                row.move.eq(move),
                self.activations[self.rows - 1 - slot].eq(row.o),
            ]
        for word, right in pairwise(words):
            m.d.comb += [word.near.eq(right.o), word.before.eq(right.earlier)]
        with m.If(self.start | self.stop):
            m.d.sync += [filled.eq(0), holding.eq(0), opening.eq(1), cooldown.eq(0)]
        return m

    def _pruned_rows(self, m: Module, fire, last_step, last_of_pass, tag) -> list[PrunedRow]:
        """Rows for held weights, and the passes over a block: ``held_slots`` neighbouring
        positions to each if they are split, otherwise all to all."""
        slots = self.held_slots
        phase = Signal.like(self.pass_steps)
        own = Signal(BLOCK, init=(1 << slots) - 1)
        positions = Signal(BLOCK)
        everything = (1 << BLOCK) - 1
        m.d.comb += [
            last_of_pass.eq((phase == self.pass_steps - 1) | last_step),
            positions.eq(Mux(self.split, own, everything)
                         & Mux(tag.tail, (1 << self.last_channels) - 1, everything)),
            self.token.start.eq(phase == 0),
        ]
        with m.If(self.start | self.stop | (fire & last_step)):
            m.d.sync += [phase.eq(0), own.eq(own.init)]
        with m.Elif(fire & last_of_pass):
            m.d.sync += [phase.eq(0), own.eq(own << slots)]
        with m.Elif(fire):
            m.d.sync += phase.eq(phase + 1)
        rows = [PrunedRow() for _ in range(self.rows)]
        for row in rows:
            m.d.comb += [row.step.eq(fire), row.open.eq(phase == 0),
                         row.positions.eq(positions), row.is_signed.eq(self.is_signed)]
        return rows
