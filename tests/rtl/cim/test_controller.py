# SPDX-License-Identifier: Apache-2.0
"""Conversions in order, back to back, with their ADCs, and every code read before it is gone."""

import random

import pytest
from amaranth import Module
from amaranth.lib import wiring
from systolith.rtl.cim.contract import MacroParameters
from systolith.rtl.cim.controller import Controller
from systolith.rtl.cim.read_out import ReadOut

from ..streams import idle, simulate

SETTINGS = {"operands_signed": 1, "activation_bits": 7, "weight_bits": 6, "adc_shift": 9}


class Pair(wiring.Component):
    """Controller and read-out, as the path connects them."""

    def __init__(self, p, pace):
        super().__init__({})
        self.read_out = ReadOut(p, pace=pace)
        self.controller = Controller(p, read_bits=len(self.read_out.left))

    def elaborate(self, platform):
        m = Module()
        m.submodules.controller = c = self.controller
        m.submodules.read_out = r = self.read_out
        m.d.comb += [r.start.eq(c.converted), r.stop.eq(c.stop), c.read_left.eq(r.left), *(
            getattr(r, name).eq(getattr(c, name))
            for name in ("group", "groups", "first_phase", "opens", "closes"))]
        return m


class Bench:
    """A layer of ``tiles`` on a macro of 8 columns' groups; fills and conversions take what
    ``fill`` and ``convert`` say."""

    def __init__(self, p, *, tiles, adcs, last_adcs, phases, fill, convert, pace=1, seed=0):
        self.p, self.pace = p, pace
        rng = random.Random(seed)
        self.places = [(rng.randrange(p.rows), p.lanes * rng.randint(
            0, (p.adcs - adcs) // p.lanes), rng.randint(0, p.mux - phases)) for _ in range(tiles)]
        self.adcs, self.last_adcs, self.phases = adcs, last_adcs, phases
        self.fill, self.convert = fill, convert
        self.dut = Pair(p, pace)
        self.fires, self.reads, self.first_rows = [], [], []
        self.under_way = False

    def enabled(self, phase):
        return self.last_adcs if phase == self.phases - 1 else self.adcs

    def expected(self, pixels):
        fires, reads = [], []
        for _ in range(pixels):
            for index, (_, adc, phase) in enumerate(self.places):
                place = 0
                for step in range(self.phases):
                    count = self.enabled(step)
                    fires.append((((1 << count) - 1) << adc, phase + step))
                    for group in range(-(-count // self.p.lanes)):
                        reads.append((adc // self.p.lanes + group, place, index == 0,
                                      index == len(self.places) - 1))
                        place += 1
        return fires, reads

    async def start(self, ctx):
        c = self.dut.controller
        ctx.set(c.fields, {
            "tiles": [{"row": row, "adc": adc, "phase": phase} for row, adc, phase in self.places]
            + [{}] * (8 - len(self.places)),
            "adcs": self.adcs, "last_adcs": self.last_adcs, "phases": self.phases,
            "activation_bits": 7, "weight_bits": 6, "adc_shift": 9})
        ctx.set(c.is_signed, 1)
        ctx.set(c.tiles, len(self.places))
        await ctx.tick().repeat(2)
        ctx.set(c.start, 1)
        await ctx.tick()
        ctx.set(c.start, 0)

    async def filler(self, ctx):
        """Fills tile after tile, each once the one before moved on."""
        c = self.dut.controller
        left, full = None, False
        while True:
            ctx.set(c.full, full)
            ctx.set(c.tile_filled, left == 1)
            _, _, move, row, start, stop = await ctx.tick().sample(
                c.move, c.first_row, c.start, c.stop)
            if start or stop:
                left, full = self.fill() if start else None, False
                continue
            if full and move:
                left, full = self.fill(), False
            elif left == 1:
                self.first_rows.append(row)
                left, full = None, True
            elif left:
                left -= 1

    async def macro(self, ctx):
        """Keeps the contract, and sees that it is kept."""
        c, r = self.dut.controller, self.dut.read_out
        seen, left, latest = None, 0, False
        watched = [c.adc_enable, c.phase, *(getattr(c, name) for name in SETTINGS)]
        ctx.set(c.ready, 1)
        while True:
            self.under_way = left > 0
            ctx.set(c.done, left == 1)
            _, _, fire, ready, stop, read, group, tag, *inputs = await ctx.tick().sample(
                c.fire, c.ready, c.stop, r.read_enable, r.read_group, r.tag, *watched)
            if seen is not None:
                assert inputs == seen
            if read:
                assert latest and left != 1, "codes were read too late"
                self.reads.append((group, tag.place, tag.opens, tag.closes))
            if left:
                left -= 1
                if left == 0:
                    seen, latest = None, True
            if fire:
                assert ready and left == 0
                left, seen = self.convert() - 1, inputs
                assert inputs[2:] == list(SETTINGS.values())
                self.fires.append(tuple(inputs[:2]))
            ctx.set(c.ready, left == 0)


LAYERS = [{"tiles": 1, "adcs": 5, "last_adcs": 5, "phases": 1},
          {"tiles": 3, "adcs": 16, "last_adcs": 9, "phases": 2},
          {"tiles": 2, "adcs": 24, "last_adcs": 24, "phases": 4},
          {"tiles": 8, "adcs": 32, "last_adcs": 1, "phases": 3}]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: f"{layer['tiles']}x{layer['phases']}")
@pytest.mark.parametrize("early", [False, True], ids=["fixed", "early"])
@pytest.mark.parametrize(("span", "pace"), [(3, 1), (9, 2), (40, 1)])
def test_conversions_and_reads_in_order(layer, early, span, pace):
    rng = random.Random(span)
    p = MacroParameters(macro="user", rows=64, columns=256, mux=8, timing=(span,) * 8,
                        early_stop=early)
    b = Bench(p, **layer, pace=pace, fill=lambda: rng.choice([1, 2, 30]),
              convert=lambda: rng.randint(2, span) if early else span)
    pixels = 4

    async def bench(ctx):
        await b.start(ctx)
        while len(b.fires) < pixels * layer["tiles"] * layer["phases"]:
            await ctx.tick()
        ctx.set(b.dut.controller.hold, 1)
        await idle(ctx, 200)

    simulate(b.dut, bench, background=[b.filler, b.macro])
    fires, reads = b.expected(pixels)
    assert (b.fires, b.reads) == (fires, reads)
    rows = [row for row, _, _ in b.places]
    assert b.first_rows == [rows[index % len(rows)] for index in range(len(b.first_rows))]


@pytest.mark.parametrize("moment", range(3, 60, 4))
def test_a_stopped_conversion_is_waited_for(moment):
    p = MacroParameters(macro="user", rows=64, columns=256, mux=8, timing=(20,) * 8)
    b = Bench(p, **LAYERS[1], fill=lambda: 1, convert=lambda: 20)

    async def bench(ctx):
        c = b.dut.controller
        await b.start(ctx)
        await idle(ctx, moment)
        ctx.set(c.stop, 1)
        await ctx.tick()
        assert ctx.get(c.busy) == b.under_way
        b.fires.clear()
        b.reads.clear()
        await idle(ctx, 2)
        ctx.set(c.stop, 0)
        await b.start(ctx)
        while len(b.fires) < 6:
            await ctx.tick()
        ctx.set(c.hold, 1)
        await idle(ctx, 60)

    simulate(b.dut, bench, background=[b.filler, b.macro])
    assert (b.fires, b.reads) == b.expected(1)
