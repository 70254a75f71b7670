# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Windows of random shapes at random paces, against slices of padded frames."""

import random
from dataclasses import replace

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from systolith.rtl.fixed.parameters import WindowParameters
from systolith.rtl.fixed.window import Window

from ..streams import idle, simulate, stream_get, stream_put, watch_held

# A simulation takes too long for hundreds of attempts at a smaller example.
SEARCH = settings(derandomize=True, deadline=None, max_examples=8,
                  phases=[Phase.explicit, Phase.generate])
SAME = WindowParameters(height=4, width=5, channels=1, kernel=(3, 3), padding=(1, 1, 1, 1),
                        fill=0xA5)
FRAMES = 3


def windows_of(frame, p):
    """Every window of a frame [row][column], tap by tap."""
    top, _, left, _ = p.padding
    for y in range(p.out_height):
        for x in range(p.out_width):
            yield [[frame[row][column]] if 0 <= (row := y * p.stride[0] - top + dy) < p.height
                   and 0 <= (column := x * p.stride[1] - left + dx) < p.width else [p.fill]
                   for dy in range(p.kernel[0]) for dx in range(p.kernel[1])]


@st.composite
def shapes(draw):
    kernel = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    before = [draw(st.integers(0, size - 1)) for size in kernel]
    behind = [draw(st.integers(0, size - 1 - other))
              for size, other in zip(kernel, before, strict=True)]
    padding = before[0], behind[0], before[1], behind[1]
    height = draw(st.integers(max(1, kernel[0] - sum(padding[:2])), 6))
    width = draw(st.integers(max(1, kernel[1] - sum(padding[2:])), 6))
    return WindowParameters(
        height=height, width=width, channels=1, kernel=kernel, padding=padding,
        stride=(draw(st.integers(1, 3)), draw(st.integers(1, 3))), fill=0xA5)


@pytest.mark.parametrize("single_port", [False, True])
@pytest.mark.parametrize("waits", [(0, 0), (2, 0), (0, 2), (3, 3)])
@SEARCH
@given(p=shapes())
@example(p=SAME)
def test_every_window(p, waits, single_port):
    dut = Window(replace(p, single_port=single_port))
    rng = random.Random(1)
    frames = [[[rng.randrange(256) for _ in range(p.width)] for _ in range(p.height)]
              for _ in range(FRAMES)]

    async def produce(ctx):
        source = random.Random(2)
        for frame in frames:
            for row in frame:
                for value in row:
                    await idle(ctx, source.randint(0, waits[0]))
                    await stream_put(ctx, dut.i, [value])

    async def consume(ctx):
        sink = random.Random(3)
        for frame in frames:
            for expected in windows_of(frame, p):
                await idle(ctx, sink.randint(0, waits[1]))
                payload = await stream_get(ctx, dut.o)
                assert [[tap[0]] for tap in payload] == expected
        await idle(ctx, 20)
        assert ctx.get(dut.o.valid) == 0

    simulate(dut, produce, consume,
             background=[watch_held(dut.o.valid, dut.o.ready, dut.o.payload.as_value())])


@pytest.mark.parametrize("single_port", [False, True])
def test_a_window_a_cycle_across_rows_and_frames(single_port):
    p = replace(SAME, single_port=single_port)
    dut = Window(p)
    cycles = []

    async def produce(ctx):
        for value in range(4 * p.height * p.width):
            await stream_put(ctx, dut.i, [value & 255])

    async def consume(ctx):
        ctx.set(dut.o.ready, 1)
        cycle = 0
        while len(cycles) < 4 * p.height * p.width:
            _, _, valid = await ctx.tick().sample(dut.o.valid)
            if valid:
                cycles.append(cycle)
            cycle += 1

    simulate(dut, produce, consume)
    steady = cycles[p.height * p.width:]
    assert steady == list(range(steady[0], steady[0] + len(steady)))


def test_clear_forgets_all():
    p = WindowParameters(height=3, width=3, channels=1, kernel=(2, 2), padding=(0, 1, 1, 0))
    frame = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    for taken in range(1, 14):
        dut = Window(p)

        async def produce(ctx, dut=dut, taken=taken):
            for value in range(taken):
                await stream_put(ctx, dut.i, [200 + value])
            ctx.set(dut.clear, 1)
            ctx.set(dut.i.valid, 1)
            assert ctx.get(dut.i.ready) == 0
            await ctx.tick()
            ctx.set(dut.clear, 0)
            for row in frame:
                for value in row:
                    await stream_put(ctx, dut.i, [value])

        async def consume(ctx, dut=dut):
            ctx.set(dut.o.ready, 1)
            while not ctx.get(dut.clear):
                await ctx.tick()
            await ctx.tick()
            for expected in windows_of(frame, p):
                payload = await stream_get(ctx, dut.o)
                assert [[tap[0]] for tap in payload] == expected

        simulate(dut, produce, consume)
