# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""The vector unit against windows kept in NumPy."""

import numpy as np
import pytest
from systolith.rtl.postproc.parameters import ParameterLoader
from systolith.rtl.sequencer.descriptor import Rounding
from systolith.rtl.vector.unit import VectorLane, VectorUnit
from systolith.rtl.vector.window import WINDOW, column_tag

from ..postproc.reference import requantised
from ..streams import idle, simulate

TAG = 11


def build(lanes, pipelined=False):
    return VectorUnit(lanes=lanes, gather_lanes=WINDOW * lanes // 8 + 1, tag_width=TAG,
                      pipelined=pipelined)


def parameters(rng, lanes, maximum):
    """Weights [lanes, x, y], and of each lane (multiplier, bias, shift)."""
    weights = np.where(rng.random((lanes, WINDOW, WINDOW)) < 0.3,
                       rng.choice([-128, -127, 127], (lanes, WINDOW, WINDOW)),
                       rng.integers(-128, 128, (lanes, WINDOW, WINDOW)))
    reach, shift = (128, 0) if maximum else (9999, 6)
    return weights, [(int(rng.integers(1 << 30, 1 << 31)), int(rng.integers(-reach, reach)),
                      int(rng.integers(shift, shift + 4))) for _ in range(lanes)]


def shadow_of(weights, rows):
    values = []
    for lane, (multiplier, bias, shift) in zip(weights, rows, strict=True):
        value = multiplier | (bias & 0xFFFFFFFF) << 32 | shift << 64
        for tap, weight in enumerate(lane.ravel()):
            value |= (int(weight) & 0xFF) << VectorLane.FIELDS[0] + 8 * tap
        values.append(value)
    return values


def flags(rng, sliding, opening):
    """The tag of one column, in which ``first`` may open any sum."""
    fire = rng.random() < 0.6
    tag = {"group_first": 0, "fire": fire, "first": opening or rng.random() < 0.4,
           "emit": fire and rng.random() < 0.6, "clear": fire and not sliding}
    return tag | ({"first": 1, "emit": fire} if sliding else {})


@pytest.mark.parametrize("mode", ["signed", "unsigned", "maximum"])
@pytest.mark.parametrize("sliding", [0, 1])
@pytest.mark.parametrize(("lanes", "pipelined"), [(8, False), (16, False), (8, True)])
def test_window_sums(lanes, pipelined, sliding, mode):
    dut = build(lanes, pipelined)
    signed, maximum = mode == "signed", mode == "maximum"
    rng = np.random.default_rng(lanes + 2 * sliding + signed)
    blocks = lanes // 8
    layer = {"rounding": int(Rounding.DOUBLE), "zero_point": 4, "low": -120, "high": 125}
    expected = []  # (cycle, outputs)
    seen = []
    swaps = []
    clock = [0]

    async def bench(ctx):
        ctx.set(dut.descriptor, layer | {"signed_activations": signed,
                                          "maximum": maximum})
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        sums = np.zeros(lanes, int)
        window = np.zeros((WINDOW, WINDOW, lanes), int)  # x, y, channel
        for _ in range(4):
            weights, rows = parameters(rng, lanes, maximum)
            ctx.set(dut.shadow, shadow_of(weights, rows))
            opening = True
            group_first = 1
            for _ in range(25):
                column = rng.integers(0, 256, (WINDOW, lanes)).astype(np.uint8)
                column[rng.random(column.shape) < 0.3] = 0x80
                tag = flags(rng, sliding, opening) | {"group_first": group_first}
                group_first = 0
                opening = opening and not tag["fire"]
                words = [int.from_bytes(column[y, 8 * b:8 * b + 8].tobytes(), "little")
                         for y in range(WINDOW) for b in range(blocks)]
                await idle(ctx, int(rng.choice([0, 0, 0, 1, 4])))
                await put(ctx, words, tag)
                operand = column.view(np.int8) if signed else column
                window = np.concatenate([window[1:], operand[None].astype(int)])
                if tag["fire"]:
                    if maximum:
                        total = (window * (weights.transpose(1, 2, 0) & 1)).max((0, 1))
                        sums = total if tag["first"] else np.maximum(sums, total)
                    else:
                        total = np.einsum("xyc,cxy->c", window, weights)
                        sums = total if tag["first"] else sums + total
                    if tag["emit"]:
                        complete = clock[0] + VectorUnit.COLUMN_DELAY - 1
                        expected.append((complete + VectorUnit.latency(pipelined), [
                            requantised(int(value), *row, **layer)
                            for value, row in zip(sums, rows, strict=True)]))
                    if tag["clear"]:
                        window = np.zeros_like(window)
            await idle(ctx, ParameterLoader.HOLD + VectorUnit.latency(pipelined))

    async def put(ctx, words, tag):
        """A column in one piece or in several."""
        left = (1 << len(words)) - 1
        while left:
            write = left & int(rng.integers(1 << len(words))) if rng.random() < 0.5 else left
            left &= ~write
            values = [word if write >> lane & 1 else int(rng.integers(1 << 62))
                      for lane, word in enumerate(words)]
            ctx.set(dut.i.payload, {"values": [*values, 0], "write": write, "done": left == 0,
                                    "tag": column_tag.const(tag).as_value().value})
            ctx.set(dut.i.valid, 1)
            await ctx.tick()
            ctx.set(dut.i.valid, 0)

    async def watch(ctx):
        while True:
            _, _, valid, outputs, swap = await ctx.tick().sample(dut.o_valid, dut.o, dut.swap)
            if valid:
                seen.append((clock[0], list(outputs)))
            swaps.append(swap)
            clock[0] += 1

    simulate(dut, bench, background=[watch])
    assert seen == expected
    assert sum(swaps) == 4 and len(seen) > 20


def test_never_holds_pieces_back():
    dut = build(8)

    async def bench(ctx):
        assert ctx.get(dut.i.ready) == 1
        await ctx.tick()

    simulate(dut, bench)
