# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.sequencer.descriptor import (
    DESCRIPTOR_MAGIC,
    DESCRIPTOR_ROWS,
    HEADER_MAGIC,
    HEADER_ROWS,
    IMAGE_VERSION,
    ROW_BITS,
    TRAILER_MAGIC,
    Descriptor,
    Header,
    Opcode,
    Trailer,
)
from systolith.rtl.sequencer.sequencer import Cause, Sequencer

from ..streams import idle, simulate

HASH = 0x0123456789ABCDEF
FLUSH = 7
PROGRAM_BASE = 8
WEIGHT_BASE = 3
TRAILER_ROW = 5
LAYER = {"magic": DESCRIPTOR_MAGIC, "opcode": Opcode.MATRIX, "source_group": 0,
         "destination_group": 1, "out_width": 1, "out_height": 1, "channel_blocks": 1,
         "kernel_width": 1, "kernel_height": 1, "column_tiles": 1, "destination_blocks": 1,
         "row_tiles": 1, "pass_steps": 1, "span": 1, "row_groups": 1, "fused": 0}


def bits(layout, fields):
    return layout.const(fields).as_value().value


class Bench:
    """A sequencer with its memories and a unit that takes ``durations`` cycles a layer."""

    def __init__(self, width=2, durations=(4, 1, 9), header=None, trailer=None, changes=None,
                 each=None, slots=1):
        self.dut = Sequencer(width=width, program_row_width=16, trailer_row_width=16,
                             flush_cycles=FLUSH, spec_hash=HASH, slots=slots)
        self.durations = durations
        self.layers = [LAYER | {"parameter_row": index, "source_group": index % 2,
                                "destination_group": 1 - index % 2} | (changes or {})
                       | (each or {}).get(index, {})
                       for index in range(len(durations))]
        words = [bits(Header, {"magic": HEADER_MAGIC, "version": IMAGE_VERSION,
                               "layers": len(durations), "spec_hash": HASH, "check": 0xC0FFEE,
                               "trailer_row": TRAILER_ROW} | (header or {}))]
        words += [bits(Descriptor, layer) for layer in self.layers]
        self.rows = [word >> ROW_BITS * row & (1 << ROW_BITS) - 1
                     for word in words for row in range(HEADER_ROWS)]
        self.trailer = bits(Trailer, {"magic": TRAILER_MAGIC, "check": 0xC0FFEE}
                            | (trailer or {}))
        self.begun, self.ended, self.pulses = [], [], []
        self.states = []  # of transfers: launch, transferring, waiting
        self.busy = self.flush = 0

    async def memories(self, ctx):
        dut = self.dut
        rng = random.Random(1)
        while True:
            _, _, program, row, weight, weight_row = await ctx.tick().sample(
                dut.program_enable, dut.program_row, dut.trailer_enable, dut.trailer_row)
            first = row - PROGRAM_BASE
            ctx.set(dut.program_data,
                    self.rows[first:first + dut.width] if program
                    else [rng.getrandbits(ROW_BITS) for _ in range(dut.width)])
            ctx.set(dut.trailer_data,
                    self.trailer if weight and weight_row == WEIGHT_BASE + TRAILER_ROW
                    else rng.getrandbits(64))

    async def unit(self, ctx):
        dut = self.dut
        left = -1
        while True:
            ctx.set(dut.done, left == 0)
            _, _, begin, descriptor = await ctx.tick().sample(dut.begin, dut.descriptor)
            left -= 1
            if begin:
                self.begun.append({name: getattr(descriptor, name) for name in LAYER}
                                  | {"parameter_row": descriptor.parameter_row})
                left = self.durations[descriptor.parameter_row] - 1

    async def watch(self, ctx):
        dut = self.dut
        while True:
            _, _, busy, flush, finished, failed, ended, layer, cycles, *state = (
                await ctx.tick().sample(
                    dut.busy, dut.flush, dut.finished, dut.failed, dut.layer_ended, dut.layer,
                    dut.layer_cycles, dut.launch, dut.transferring, dut.waiting))
            self.states.append(tuple(state))
            self.busy += busy
            self.flush += flush
            self.pulses += ["finished"] * finished + ["failed"] * failed
            if ended:
                self.ended.append((layer, cycles))

    async def start(self, ctx, last_layer=0xFFFF):
        dut = self.dut
        ctx.set(dut.program_base, PROGRAM_BASE)
        ctx.set(dut.trailer_base, WEIGHT_BASE)
        ctx.set(dut.last_layer, last_layer)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)

    async def until_idle(self, ctx):
        while ctx.get(self.dut.busy):
            await ctx.tick()
        await ctx.tick()

    def simulate(self, bench):
        simulate(self.dut, bench, background=[self.memories, self.unit, self.watch])


@pytest.mark.parametrize("width", [1, 2, 4, 8])
def test_layers_in_order(width):
    b = Bench(width)

    async def bench(ctx):
        for _ in range(2):
            await b.start(ctx)
            await b.until_idle(ctx)
            assert ctx.get(b.dut.cause) == Cause.NONE

    b.simulate(bench)
    fetch = Sequencer.fetch_cycles(width)
    cycles = [fetch + duration + 1 for duration in b.durations]
    assert b.begun == b.layers * 2
    assert b.ended == list(enumerate(cycles)) * 2
    assert b.pulses == ["finished"] * 2
    assert b.busy == 2 * (Sequencer.overhead_cycles(width) + sum(cycles))
    assert b.flush == 0


@pytest.mark.parametrize("width", [1, 4])
def test_fused_layers_run_together(width):
    b = Bench(width, durations=(4, 7, 9), each={0: {"opcode": Opcode.WINDOW, "fused": 1}})
    vectors = []

    async def watch(ctx):
        while True:
            _, _, begin, fused, row = await ctx.tick().sample(
                b.dut.begin, b.dut.fused, b.dut.vector_descriptor.parameter_row)
            if begin:
                vectors.append((fused, row))

    async def bench(ctx):
        for _ in range(2):
            await b.start(ctx)
            await b.until_idle(ctx)
            assert ctx.get(b.dut.cause) == Cause.NONE

    simulate(b.dut, bench, background=[b.memories, b.unit, b.watch, watch])
    fetch, second = Sequencer.fetch_cycles(width), Sequencer.fused_cycles(width)
    cycles = [0, fetch + second + 7 + 1, fetch + 9 + 1]
    assert b.begun == b.layers[1:] * 2
    assert b.ended == list(enumerate(cycles)) * 2
    assert vectors == [(1, 0), (0, 0)] * 2
    assert b.busy == 2 * (Sequencer.overhead_cycles(width) + sum(cycles))


@pytest.mark.parametrize("each", [
    {1: {"opcode": Opcode.WINDOW, "fused": 1}, 2: {"opcode": Opcode.WINDOW}},
    {1: {"opcode": Opcode.MATRIX, "fused": 1}},
    {1: {"opcode": Opcode.ADD, "fused": 1}},
])
def test_refuses_other_pairs(each):
    b = Bench(each=each)

    async def bench(ctx):
        await b.start(ctx)
        await b.until_idle(ctx)
        assert ctx.get(b.dut.cause) == Cause.BAD_DESCRIPTOR

    b.simulate(bench)
    assert b.begun == b.layers[:min(each)]


def test_refuses_a_fused_layer_with_nothing_behind_it():
    # What lies there in memory would do, but is no layer of this image.
    b = Bench(durations=(4, 1, 9, 5), header={"layers": 3},
              each={2: {"opcode": Opcode.WINDOW, "fused": 1}})

    async def bench(ctx):
        await b.start(ctx)
        await b.until_idle(ctx)
        assert ctx.get(b.dut.cause) == Cause.BAD_DESCRIPTOR

    b.simulate(bench)
    assert b.begun == b.layers[:2]


@pytest.mark.parametrize("last", [0, 1])
def test_last_layer(last):
    b = Bench()

    async def bench(ctx):
        await b.start(ctx, last)
        await b.until_idle(ctx)

    b.simulate(bench)
    assert (len(b.ended), b.pulses) == (last + 1, ["finished"])


REFUSALS = [
    ({"header": {"magic": 1}}, Cause.NO_IMAGE),
    ({"header": {"version": IMAGE_VERSION + 1}}, Cause.NO_IMAGE),
    ({"header": {"spec_hash": HASH ^ 1 << 63}}, Cause.FOREIGN_IMAGE),
    ({"header": {"trailer_row": TRAILER_ROW + 1}}, Cause.TRUNCATED_IMAGE),
    ({"trailer": {"magic": 0}}, Cause.TRUNCATED_IMAGE),
    ({"trailer": {"check": 0xC0FFEF}}, Cause.TRUNCATED_IMAGE),
    ({"changes": {"magic": 0}}, Cause.BAD_DESCRIPTOR),
    ({"changes": {"opcode": 0}}, Cause.BAD_DESCRIPTOR),
    ({"changes": {"opcode": 15}}, Cause.BAD_DESCRIPTOR),
    ({"changes": {"source_group": 1, "destination_group": 1}}, Cause.BAD_DESCRIPTOR),
    *(({"changes": {name: 0}}, Cause.BAD_DESCRIPTOR) for name in (
        "out_width", "out_height", "channel_blocks", "kernel_width", "kernel_height",
        "column_tiles", "destination_blocks", "row_tiles", "pass_steps", "span",
        "row_groups")),
]


@pytest.mark.parametrize(("change", "cause"), REFUSALS)
def test_refuses(change, cause):
    b = Bench(**change)

    async def bench(ctx):
        await b.start(ctx)
        await b.until_idle(ctx)
        assert ctx.get(b.dut.cause) == cause

    b.simulate(bench)
    assert (b.begun, b.pulses, b.flush) == ([], ["failed"], FLUSH)


@pytest.mark.parametrize(("signal", "cause"), [
    ("bus_error", Cause.BUS), ("engine_error", Cause.DENSITY), ("stop", Cause.NONE)])
@pytest.mark.parametrize("moment", [*range(1, 16), 25])
def test_interrupted_anywhere(signal, cause, moment):
    b = Bench(4, durations=(30,))
    port = getattr(b.dut, signal)

    async def bench(ctx):
        await b.start(ctx)
        await idle(ctx, moment)
        ctx.set(port, 1)
        await ctx.tick()
        ctx.set(port, 0)
        assert ctx.get(b.dut.flush) == 1
        await b.until_idle(ctx)
        assert ctx.get(b.dut.cause) == cause
        assert b.ended == []
        await idle(ctx, 30)
        await b.start(ctx)  # nothing is left of the run before
        await b.until_idle(ctx)
        assert ctx.get(b.dut.cause) == Cause.NONE

    b.simulate(bench)
    assert b.pulses == (["failed"] if cause else []) + ["finished"]
    assert b.flush == FLUSH
    assert b.ended == [(0, Sequencer.fetch_cycles(4) + 31)]


@pytest.mark.parametrize("width", [1, 4])
def test_slot_picks_its_descriptors(width):
    """The second three are those of slot 1; runs take as long."""
    b = Bench(width, durations=(4, 1, 9, 4, 1, 9), slots=2,
              header={"layers": 3, "slot_rows": 3 * DESCRIPTOR_ROWS})

    async def bench(ctx):
        for slot in (0, 1, 1, 0):
            ctx.set(b.dut.slot, slot)
            await b.start(ctx)
            await b.until_idle(ctx)

    b.simulate(bench)
    first, second = b.layers[:3], b.layers[3:]
    assert b.begun == first + second + second + first
    assert b.ended == b.ended[:3] * 4
    assert b.pulses == ["finished"] * 4


def test_too_many_slots():
    with pytest.raises(ValueError, match="^Slots must be 1 or 2, not 3$"):
        Bench(slots=3)


def test_watchdog():
    b = Bench(durations=(10, 10_000))
    limit = 60

    async def bench(ctx):
        ctx.set(b.dut.watchdog, limit)
        await b.start(ctx)
        await b.until_idle(ctx)
        assert ctx.get(b.dut.cause) == Cause.WATCHDOG
        assert ctx.get(b.dut.layer) == 1

    b.simulate(bench)
    assert b.pulses == ["failed"]
    assert b.busy == limit + 1 + FLUSH


def test_start_with_stop_does_nothing():
    b = Bench()

    async def bench(ctx):
        ctx.set(b.dut.stop, 1)
        await b.start(ctx)
        ctx.set(b.dut.stop, 0)
        await idle(ctx, 5)

    b.simulate(bench)
    assert b.busy == 0


@pytest.mark.parametrize("cycles", [0, 1, 2, 15, 40])
def test_a_run_begins_when_no_transfer_is_left(cycles):
    """The trailer was read before: program memory may be read by others until then."""
    b = Bench()

    async def bench(ctx):
        ctx.set(b.dut.transfers_idle, 0)
        await b.start(ctx)
        await idle(ctx, Sequencer.overhead_cycles(2) - 2 + cycles)
        ctx.set(b.dut.transfers_idle, 1)
        await b.until_idle(ctx)

    b.simulate(bench)
    assert b.pulses == ["finished"]
    launch = [launched for launched, _, _ in b.states].index(1)
    assert [under_way for _, under_way, _ in b.states[:launch + 1]] == [0] * (launch + 1)
    assert sum(launched for launched, _, _ in b.states) == 1
    waited = sum(waiting for _, _, waiting in b.states)
    layers = sum(Sequencer.fetch_cycles(2) + duration + 1 for duration in b.durations)
    assert b.busy == Sequencer.overhead_cycles(2) + layers + waited
    assert waited == cycles


def test_a_run_ends_when_no_transfer_is_left():
    b = Bench()

    async def bench(ctx):
        await b.start(ctx, 1)
        await idle(ctx, 15)
        ctx.set(b.dut.transfers_idle, 0)
        await idle(ctx, 60)
        assert ctx.get(b.dut.busy) and ctx.get(b.dut.hold_transfers)
        ctx.set(b.dut.transfers_idle, 1)
        await b.until_idle(ctx)

    b.simulate(bench)
    assert b.pulses == ["finished"] and len(b.ended) == 2
    layers = sum(cycles for _, cycles in b.ended)
    assert b.busy == Sequencer.overhead_cycles(2) + layers + sum(state[2] for state in b.states)
    assert b.states[-1][1] == 0


@pytest.mark.parametrize("moment", range(1, 40, 3))
def test_what_is_under_way_belongs_to_no_run_that_failed(moment):
    b = Bench(durations=(30,))

    async def bench(ctx):
        await b.start(ctx)
        await idle(ctx, moment)
        ctx.set(b.dut.bus_error, 1)
        await ctx.tick()
        ctx.set(b.dut.bus_error, 0)
        await ctx.tick()
        assert not ctx.get(b.dut.transferring)
        await b.until_idle(ctx)

    b.simulate(bench)
    assert b.pulses == ["failed"]
    assert any(under_way for _, under_way, _ in b.states) == (
        moment >= Sequencer.overhead_cycles(2) - Sequencer.END)


@pytest.mark.parametrize(("complete", "begun"), [(2, 1), (3, 2), (4, 2)])
def test_a_layer_waits_for_its_transfers(complete, begun):
    b = Bench(durations=(4, 5), each={1: {"transfers": 3}})

    async def bench(ctx):
        ctx.set(b.dut.transfers_done, complete)
        await b.start(ctx)
        await idle(ctx, 80)
        assert len(b.begun) == begun
        ctx.set(b.dut.transfers_done, 3)
        await b.until_idle(ctx)

    b.simulate(bench)
    assert b.ended == [(0, Sequencer.fetch_cycles(2) + 5), (1, Sequencer.fetch_cycles(2) + 6)]
    waited = sum(waiting for _, _, waiting in b.states)
    assert (waited > 0) == (begun == 1)
    assert b.busy == Sequencer.overhead_cycles(2) + sum(
        cycles for _, cycles in b.ended) + waited


def test_width_must_divide_a_descriptor():
    assert DESCRIPTOR_ROWS == HEADER_ROWS == 8
    with pytest.raises(ValueError,
                       match="^Program rows in a memory row must be 1, 2, 4 or 8, not 3$"):
        Bench(3)
