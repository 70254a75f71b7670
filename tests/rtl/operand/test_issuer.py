# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Array steps against the blocks that were put in, and the weight row beside each."""

import random

import numpy as np
import pytest
from systolith.golden.dap import stream
from systolith.rtl.operand.im2col import block_tag
from systolith.rtl.operand.issuer import Issuer

from ..streams import idle, simulate, stream_put

TAG = 24
BASE = 37


def build(rows, lanes, depth, beats=1):
    return Issuer(rows=rows, lanes=lanes, depth=depth, beats=beats, weight_row_width=10,
                  tag_width=TAG)


def any_word(rng):
    return rng.getrandbits(64)


def layer(rng, rows, depth, columns=3, tiles=3, blocks=3, steps=None, word=any_word):
    """Tiles in issue order; a block is (words, steps, (which rows take a neighbour's word, far)).

    Those take the word that the next row had in the last block, or if far before it.
    """
    result = []
    history = [[0] * rows, [0] * rows]

    def draw():
        shifts = rng.getrandbits(rows - 1) & rng.getrandbits(rows - 1) if rows > 1 else 0
        far = rng.getrandbits(1)
        words = [history[-1 - far][row + 1] if shifts >> row & 1 else word(rng)
                 for row in range(rows)]
        history.append(words)
        return words, (shifts, far)

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
        for block, (words, steps, (shifts, far)) in enumerate(tile["blocks"]):
            for piece in range(count):
                value = tag.const({
                    "piece": piece, "block_done": piece == count - 1, "steps": steps, "far": far,
                    "tile_last": block == len(tile["blocks"]) - 1, "rows": tile["rows"],
                    "tail": block == len(tile["blocks"]) - 1,
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


def expected_steps(dut, tiles, tile_major=False):
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
                    "start": step == 0,
                    "last": block == len(tile["blocks"]) - 1 and step == steps - 1,
                    "row": row,
                    "issued_rows": tile["rows"],
                    "new_columns": tile["new_columns"],
                }
                row += 1
        if tile["rewind"]:
            row = opening
        elif not tile_major:
            opening = row


def run(dut, tiles, *, split=False, wait=0, parameters=1.0, levels=None):
    """Log of the steps issued: (cycle, step). ``levels``: other inputs that stand still."""
    log = []
    rng = random.Random(7)
    offered = list(pieces(rng, dut, tiles, split))
    total = sum(steps for tile in tiles for _, steps, _ in tile["blocks"])

    async def produce(ctx):
        ctx.set(dut.weight_row, BASE)
        for name, value in (levels or {}).items():
            ctx.set(getattr(dut, name), value)
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
            (_, _, valid, first, last, start, activations, enable, read_row, issued, rows,
             new_columns, stalled) = await ctx.tick().sample(
                dut.token.valid, dut.token.first, dut.token.last, dut.token.start,
                dut.activations, dut.read_enable, dut.read_row, dut.issued, dut.issued_rows,
                dut.issued_new_columns, dut.stall_parameters)
            assert issued == (valid and last)
            assert not (stalled and (valid or parameters_ready))
            if valid:
                assert parameters_ready or not (last and new_columns)
                log.append((cycle, {
                    "activations": list(activations), "first": first, "last": last,
                    "start": start, "row": row,
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
    tiles = layer(random.Random(rows * depth), rows, depth)
    log = run(dut, tiles, split=split, wait=wait, parameters=0.4)
    assert [step for _, step in log] == list(expected_steps(dut, tiles))


def test_weights_of_other_columns_before_other_pixels():
    dut = build(4, 4, 4)
    tiles = layer(random.Random(2), 4, 4, columns=3, tiles=1, blocks=2, steps=[2, 1])
    for column, tile in enumerate(tiles):
        tile |= {"new_columns": True, "rewind": column == 2,
                 "blocks": [(words, steps, (0, 0)) for words, steps, _ in tile["blocks"]]}
    log = run(dut, tiles * 3, levels={"tile_major": 1})
    assert [step for _, step in log] == list(expected_steps(dut, tiles * 3, tile_major=True))
    assert [step["row"] for _, step in log] == list(range(BASE, BASE + 9)) * 3


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


SLOTS = {4: (0x0F, 0xF0), 3: (0x07, 0x38, 0xC0), 1: tuple(1 << p for p in range(8))}
"""Positions of each pass where passes share them out."""


def build_held(slots, rows=3, lanes=3):
    return Issuer(rows=rows, lanes=lanes, depth=8, beats=1, weight_row_width=10, tag_width=TAG,
                  held_slots=slots)


def held_steps(dut, tiles, levels):
    """What must be issued: the largest of each pass, and its one row of weights."""
    row = opening = BASE
    for tile in tiles:
        for block, (words, steps, _) in enumerate(tile["blocks"]):
            tail = block == len(tile["blocks"]) - 1
            octets = np.array([word.to_bytes(8, "little") for word in reversed(words)])
            octets = octets.view(np.int8 if levels["is_signed"] else np.uint8).reshape(-1, 8)
            channels = levels["last_channels"] if tail else 8
            for index in range(steps // levels["pass_steps"]):
                positions = SLOTS[dut.held_slots][index] if levels["split"] else 0xFF
                values, places = stream(octets.astype(np.int16), positions & (1 << channels) - 1,
                                        levels["pass_steps"])
                for step in range(levels["pass_steps"]):
                    yield {
                        "activations": [int(value) & 0xFF | int(place) << 8 for value, place
                                        in zip(values[:, step], places[:, step], strict=True)],
                        "first": block == 0 and index == 0 and step == 0,
                        "start": step == 0,
                        "last": tail and (index + 1) * levels["pass_steps"] == steps
                        and step == levels["pass_steps"] - 1,
                        "row": row, "issued_rows": tile["rows"],
                        "new_columns": tile["new_columns"]}
                row += 1
        if tile["rewind"]:
            row = opening
        else:
            opening = row


def tied_word(rng):
    """A block with ties and extremes among its bytes."""
    return int.from_bytes(bytes(rng.choice([rng.randrange(256), 0, 0x80, 0x7F, 0x81])
                                for _ in range(8)), "little")


HELD = [
    # slots, passes of full blocks and of the last, steps of a pass, split, last channels
    *((4, 1, 1, bound, 0, 8) for bound in range(1, 9)),
    (4, 1, 1, 4, 0, 3),
    (4, 2, 2, 3, 0, 8),   # pruned: both passes meet the same three
    (4, 2, 2, 3, 0, 2),
    (4, 2, 2, 4, 1, 8),   # not pruned: four positions each
    (4, 2, 1, 4, 1, 4),
    (4, 2, 2, 4, 1, 5),
    (3, 3, 3, 3, 1, 8),
    (3, 3, 1, 3, 1, 1),
    (1, 8, 3, 1, 1, 3),
]


@pytest.mark.parametrize("is_signed", [0, 1])
@pytest.mark.parametrize(("slots", "full", "last", "pass_steps", "split", "last_channels"), HELD)
def test_held_weights_meet_the_largest(slots, full, last, pass_steps, split, last_channels,
                                       is_signed):
    dut = build_held(slots)
    rng = random.Random(pass_steps * 10 + full)
    tiles = layer(rng, dut.rows, 8, columns=2, tiles=3, word=tied_word,
                  steps=[full * pass_steps] * 2 + [last * pass_steps])
    levels = {"pass_steps": pass_steps, "split": split, "last_channels": last_channels,
              "is_signed": is_signed}
    log = run(dut, tiles, wait=1, parameters=0.5, levels=levels)
    assert [step for _, step in log] == list(held_steps(dut, tiles, levels))


def test_held_weights_row_advances_once_a_pass():
    dut = build_held(4)
    tiles = layer(random.Random(1), dut.rows, 8, columns=1, tiles=2, steps=[6, 6, 3])
    log = run(dut, tiles, levels={"pass_steps": 3, "last_channels": 8})
    rows = [step["row"] for _, step in log]
    assert rows == [BASE + row for row in [0, 1, 2, 3, 4] for _ in range(3)] * 2
    starts = [step["start"] for _, step in log]
    assert starts == [1, 0, 0] * 10
    cycles = [cycle for cycle, _ in log]
    assert cycles == list(range(cycles[0], cycles[0] + 30))


def test_stop_in_a_pass_opens_the_next_one_afresh():
    dut = build_held(4, rows=1, lanes=1)
    tile = {"rows": 1, "new_columns": True, "rewind": False,
            "blocks": [([0x0807060504030201], 8, (0, 0))]}
    piece, = pieces(random.Random(1), dut, [tile], False)

    async def bench(ctx):
        ctx.set(dut.parameters_ready, 1)
        ctx.set(dut.pass_steps, 4)
        ctx.set(dut.split, 1)
        ctx.set(dut.last_channels, 8)
        for steps in (6, 1, 3, 8):  # of the first pass or the second, when it is stopped
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            await stream_put(ctx, dut.i, piece)
            await ctx.tick()
            for octet in (4, 3, 2, 1, 8, 7, 6, 5)[:steps]:
                assert ctx.get(dut.token.valid) == 1
                assert ctx.get(dut.token.start) == (octet in (4, 8))
                assert ctx.get(dut.activations[0]) == octet | octet - 1 << 8
                await ctx.tick()
            ctx.set(dut.stop, 1)
            await ctx.tick()
            ctx.set(dut.stop, 0)
            assert ctx.get(dut.token.valid) == 0

    simulate(dut, bench)
