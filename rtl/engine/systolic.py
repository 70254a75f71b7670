# SPDX-License-Identifier: Apache-2.0
"""The systolic mesh that all engines share: a grid of TPEs with skewed edges."""

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..cell import Cell
from ..delay import delay
from ..facts import EngineFacts
from ..pe.tpe import Token, Tpe

__all__ = ["SystolicEngine", "TpeGrid", "TpeRow"]


class TpeRow(Cell):
    """``n`` TPEs side by side. Ports are flat vectors, column group 0 lowest.

    *Timing*: lock-step; a step moves east by one TPE a cycle.

    *Members*: as ``Tpe``, with weights and sums for every column group.
    """

    def __init__(self, facts: EngineFacts):
        self.facts = f = facts
        weights, sums = f.operand_bits * f.columns, f.accumulator_bits * f.columns
        super().__init__({
            "west": In(f.activation_bits * f.a),
            "token": In(Token),
            "north": In(weights),
            "south": Out(weights),
            "signed_activations": In(1),
            "drain": In(1),
            "north_sums": In(sums),
            "south_sums": Out(sums),
        })

    @property
    def module_name(self) -> str:
        return f"row_{self.facts.n}_{self.facts.label}"

    def body(self, platform) -> Module:
        m = Module()
        f = self.facts
        west, token, drain = self.west, self.token, self.drain
        word, total = f.operand_bits * f.c, f.accumulator_bits * f.c
        souths, sums = [], []
        for j in range(f.n):
            m.submodules[f"tpe_{j}"] = tpe = Tpe(f)
            m.d.comb += [
                tpe.west.eq(west),
                tpe.token.eq(token),
                tpe.north.eq(self.north.word_select(j, word)),
                tpe.signed_activations.eq(self.signed_activations),
                tpe.drain.eq(drain),
                tpe.north_sums.eq(self.north_sums.word_select(j, total)),
            ]
            west, token, drain = tpe.east, tpe.east_token, tpe.east_drain
            souths.append(tpe.south.as_value())
            sums.append(tpe.south_sums.as_value())
        m.d.comb += [self.south.eq(Cat(souths)), self.south_sums.eq(Cat(sums))]
        return m


class TpeGrid(Cell):
    """``height`` rows of TPEs below one another, in bands of ``BAND`` rows where there are more.

    Bands keep the wiring between rows out of one large module.

    *Members*: as ``TpeRow``, with ``west``, ``token`` and ``drain`` for every row group.
    """

    BAND = 8

    def __init__(self, facts: EngineFacts, height: int):
        self.facts = f = facts
        self.height = height
        weights, sums = f.operand_bits * f.columns, f.accumulator_bits * f.columns
        super().__init__({
            "west": In(f.activation_bits * f.a * height),
            "token": In(Token.size * height),
            "north": In(weights),
            "south": Out(weights),
            "signed_activations": In(1),
            "drain": In(height),
            "north_sums": In(sums),
            "south_sums": Out(sums),
        })

    @property
    def module_name(self) -> str:
        return f"grid_{self.height}x{self.facts.n}_{self.facts.label}"

    def body(self, platform) -> Module:
        m = Module()
        f = self.facts
        width = f.activation_bits * f.a
        north, sums = self.north, self.north_sums
        step = self.BAND if self.height > self.BAND else 1
        for i in range(0, self.height, step):
            count = min(step, self.height - i)
            part = TpeRow(f) if step == 1 else TpeGrid(f, count)
            m.submodules[f"row_{i}"] = part
            m.d.comb += [
                part.west.eq(self.west[i * width:(i + count) * width]),
                Value.cast(part.token).eq(self.token[i * Token.size:(i + count) * Token.size]),
                part.north.eq(north),
                part.signed_activations.eq(self.signed_activations),
                part.drain.eq(self.drain[i:i + count]),
                part.north_sums.eq(sums),
            ]
            north, sums = part.south, part.south_sums
        m.d.comb += [self.south.eq(north), self.south_sums.eq(sums)]
        return m


class SystolicEngine(wiring.Component):
    """The engine interface: aligned operands in, aligned rows of sums out.

    Row group i gets its operands i cycles later, column group j its own j cycles later, so that
    TPE (i, j) executes a step ``latency + i + j`` cycles after it was presented (papers: STA).

    *Timing*: see ``EngineFacts``. Lock-step, no handshake: the shell keeps tiles at least as far
    apart as the rows that they drain, and ``signed_activations`` still while a step is under way.

    *Members*: ``i_activations``, ``i_weights``, ``i_token``, ``signed_activations``,
    ``i_drain``, ``i_remaining`` (valid rows of the tile still to come), ``o_results``.
    """

    def __init__(self, facts: EngineFacts):
        self.facts = f = facts
        super().__init__({
            "i_activations": In(data.ArrayLayout(f.activation_bits, f.rows)),
            "i_weights": In(data.ArrayLayout(f.operand_bits, f.columns)),
            "i_token": In(Token),
            "signed_activations": In(1),
            "i_drain": In(1),
            "i_remaining": In(range(f.rows)),
            "o_results": Out(data.ArrayLayout(signed(f.accumulator_bits), f.columns)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        f = self.facts
        m.submodules.grid = grid = TpeGrid(f, f.m)
        width = f.activation_bits * f.a
        activations = self.i_activations.as_value()
        weights = self.i_weights.as_value()
        if not f.overlapped:  # sums move down through the adders: between tiles all products are 0
            if f.holds_activations:
                weights = Mux(self.i_token.valid, weights, 0)
            else:
                activations = Mux(self.i_token.valid, activations, 0)
        west = []
        tokens = []
        token = self.i_token.as_value()
        for i in range(f.m):
            west.append(delay(m, f"west_{i}", activations.word_select(i, width), i))
            tokens.append(token)
            following = Signal.like(token, name=f"token_{i + 1}")
            m.d.sync += following.eq(token)
            token = following
        m.d.comb += [grid.west.eq(Cat(west)), grid.token.eq(Cat(tokens))]

        word = f.operand_bits * f.c
        m.d.comb += [
            grid.north.eq(Cat(delay(m, f"north_{j}", weights.word_select(j, word), j)
                              for j in range(f.n))),
            grid.signed_activations.eq(self.signed_activations),
        ]

        # A row group shifts only while rows of this tile are in it or above it: sums of the next
        # tile that it has taken over meanwhile must stay where they are.
        below = [f.a * (f.m - 1 - i) for i in range(f.m)]
        m.d.comb += grid.drain.eq(Cat(
            self.i_drain & (self.i_remaining > count) if count < f.rows - 1 else 0
            for count in below))
        total = f.accumulator_bits * f.c
        m.d.comb += [
            self.o_results.eq(Cat(
                delay(m, f"sums_{j}", grid.south_sums.word_select(j, total), f.n - 1 - j)
                for j in range(f.n))),
        ]
        return m
