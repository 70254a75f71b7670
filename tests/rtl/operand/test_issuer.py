# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Array steps against the blocks that were put in, and the weight row beside each."""

import random

import pytest
from systolith.rtl.operand.im2col import block_tag
from systolith.rtl.operand.issuer import Issuer

from ..streams import idle, simulate, stream_put

TAG = 24
BASE = 37


def build(rows, lanes, depth, beats=1):
    return Issuer(rows=rows, lanes=lanes, depth=depth, beats=beats, weight_row_width=10,
                  tag_width=TAG)


def layer(rng, rows, depth, columns=3, tiles=3, blocks=3, steps=None, stride=1):
    """Tiles in issue order; a block is (words, steps, which rows take a neighbour's word).

    Those take the word that the next row had in the last block, or at stride 2 before it.
    """
    result = []
    history = [[0] * rows, [0] * rows]

    def draw():
        shifts = rng.getrandbits(rows - 1) & rng.getrandbits(rows - 1) if rows > 1 else 0
        words = [history[-stride][row + 1] if shifts >> row & 1 else rng.getrandbits(64)
                 for row in range(rows)]
        history.append(words)
        return words, shifts

    for _ in range(columns):
        counts = steps or [rng.randint(1, 8 // depth if depth < 8 else 3) for _ in range(blocks)]
        for index in range(tiles):
            result.append({
                "rows": rng.randint(1, rows),
                "new_columns": index == 0,
                "rewind": index < tiles - 1,
                "blocks": [(words, count, shifts) for count in counts
                           for words, shifts in [draw()]],
            })
    return result


def pieces(rng, dut, tiles, split):
    """The gather unit's answers: each request's lanes in one piece, or at random in several."""
    count = dut.rows // dut.lanes
    tag = block_tag(rows=dut.rows, pieces=count)
    for tile in tiles:
        for block, (words, steps, shifts) in enumerate(tile["blocks"]):
            for piece in range(count):
                value = tag.const({
                    "piece": piece, "block_done": piece == count - 1, "steps": steps,
                    "tile_last": block == len(tile["blocks"]) - 1, "rows": tile["rows"],
                    "new_columns": tile["new_columns"], "rewind": tile["rewind"],
                }).as_value().value
                lanes = words[piece * dut.lanes:(piece + 1) * dut.lanes]
                left = (1 << dut.lanes) - 1
                shift = shifts >> piece * dut.lanes & left
                while left:
                    write = left & rng.getrandbits(dut.lanes) if split else left
                    write |= left & shift  # all in the first piece
                    left &= ~write
                    yield {"values": [word if (write & ~shift) >> lane & 1 else
                                      rng.getrandbits(64) for lane, word in enumerate(lanes)],
                           "write": write, "shift": shift, "done": left == 0, "tag": value}


def expected_steps(dut, tiles):
    row = BASE
    opening = BASE
    for tile in tiles:
        for block, (words, steps, _) in enumerate(tile["blocks"]):
            for step in range(steps):
                shift = 0 if dut.depth == 8 else 8 * dut.depth * step
                mask = (1 << 8 * dut.depth) - 1
                yield {
                    "activations": [word >> shift & mask for word in reversed(words)],
                    "first": block == 0 and step == 0,
                    "last": block == len(tile["blocks"]) - 1 and step == steps - 1,
                    "row": row,
                    "issued_rows": tile["rows"],
                    "new_columns": tile["new_columns"],
                }
                row += 1
        if tile["rewind"]:
            row = opening
        else:
            opening = row


def run(dut, tiles, *, split=False, wait=0, parameters=1.0, stride=1):
    """Log of the steps issued: (cycle, step)."""
    log = []
    rng = random.Random(7)
    offered = list(pieces(rng, dut, tiles, split))
    total = sum(steps for tile in tiles for _, steps, _ in tile["blocks"])

    async def produce(ctx):
        ctx.set(dut.weight_row, BASE)
        ctx.set(dut.stride_x, stride)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        for piece in offered:
            await idle(ctx, rng.randint(0, wait))
            await stream_put(ctx, dut.i, piece)

    async def watch(ctx):
        ready = random.Random(8)
        cycle = 0
        row = None  # at the weight memory's output
        while len(log) < total:
            parameters_ready = ready.random() < parameters
            ctx.set(dut.parameters_ready, parameters_ready)
            (_, _, valid, first, last, activations, enable, read_row, issued, rows, new_columns,
             stalled) = await ctx.tick().sample(
                dut.token.valid, dut.token.first, dut.token.last, dut.activations,
                dut.read_enable, dut.read_row, dut.issued, dut.issued_rows,
                dut.issued_new_columns, dut.stall_parameters)
            assert issued == (valid and last)
            assert not (stalled and (valid or parameters_ready))
            if valid:
                assert parameters_ready or not (last and new_columns)
                log.append((cycle, {
                    "activations": list(activations), "first": first, "last": last, "row": row,
                    "issued_rows": rows, "new_columns": new_columns}))
            if enable:
                row = read_row
            cycle += 1

    simulate(dut, produce, watch)
    return log


@pytest.mark.parametrize(("split", "wait"), [(False, 0), (True, 0), (True, 3)])
@pytest.mark.parametrize(("rows", "lanes", "depth"),
                         [(4, 4, 8), (4, 2, 4), (6, 3, 2), (4, 1, 1), (1, 1, 8)])
def test_steps_and_their_weights(rows, lanes, depth, split, wait):
    dut = build(rows, lanes, depth)
    stride = 1 + split  # which of the neighbour's words is taken
    tiles = layer(random.Random(rows * depth), rows, depth, stride=stride)
    log = run(dut, tiles, split=split, wait=wait, parameters=0.4, stride=stride)
    assert [step for _, step in log] == list(expected_steps(dut, tiles))


@pytest.mark.parametrize("beats", [1, 2, 3])
def test_tiles_keep_their_distance(beats):
    dut = build(4, 4, 8, beats)
    tiles = layer(random.Random(beats), 4, 8, tiles=12, blocks=1, steps=[1])
    log = run(dut, tiles)
    closed = [cycle for cycle, step in log if step["last"]]
    gaps = [later - earlier for earlier, later in zip(closed, closed[1:], strict=False)]
    assert gaps == [tile["rows"] * beats for tile in tiles[:-1]]


def test_one_step_a_cycle_where_blocks_are_long():
    dut = build(4, 4, 2)
    tiles = layer(random.Random(3), 4, 2, tiles=3, blocks=2, steps=[4, 4])
    cycles = [cycle for cycle, _ in run(dut, tiles)]
    assert cycles == list(range(cycles[0], cycles[0] + len(cycles)))


def test_stop_forgets_what_was_held():
    dut = build(2, 2, 8)
    tiles = layer(random.Random(4), 2, 8, columns=1, tiles=2, blocks=2, steps=[3, 3])
    offered = list(pieces(random.Random(5), dut, tiles, False))

    async def bench(ctx):
        ctx.set(dut.parameters_ready, 1)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        await stream_put(ctx, dut.i, offered[0])
        await stream_put(ctx, dut.i, offered[1])
        await ctx.tick()
        assert ctx.get(dut.token.valid) == 1
        ctx.set(dut.stop, 1)
        await ctx.tick()
        ctx.set(dut.stop, 0)
        for _ in range(5):
            assert ctx.get(dut.token.valid) == 0
            await ctx.tick()
        await stream_put(ctx, dut.i, offered[0])
        await ctx.tick()
        assert (ctx.get(dut.token.valid), ctx.get(dut.token.first)) == (1, 1)

    simulate(dut, bench)
