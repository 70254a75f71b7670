# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.postproc.writer import Writer

from ..streams import idle, simulate

BITS = 12


def layer(rng, width, height, blocks):
    return {
        "out_width": width, "out_height": height, "destination_blocks": blocks,
        "destination_base": rng.randrange(1 << BITS),
        "destination_x": [rng.randrange(1 << BITS) for _ in range(2)],
        "destination_y": [rng.randrange(1 << BITS) for _ in range(2)],
        "destination_plane": rng.randrange(1 << BITS),
    }


TILE = 5  # pixels


def beats_of(d, words, beats, tile_major):
    """Per beat: word index -> address."""
    places = [(y, x) for y in range(d["out_height"]) for x in range(d["out_width"])]
    size = TILE if tile_major else len(places)
    for start in range(0, len(places), size):
        for first in range(0, d["destination_blocks"], words * beats):
            for y, x in places[start:start + size]:
                pixel = (d["destination_base"]
                         + sum(d["destination_y"][i % 2] for i in range(y))
                         + sum(d["destination_x"][i % 2] for i in range(x)))
                for beat in range(beats):
                    blocks = range(first + beat * words, first + (beat + 1) * words)
                    yield {index: (pixel + block * d["destination_plane"]) % (1 << BITS)
                           for index, block in enumerate(blocks)
                           if block < d["destination_blocks"]}


@pytest.mark.parametrize("blocks", [1, 2, 3, 4, 7, 8])
@pytest.mark.parametrize(("words", "beats"), [(1, 1), (1, 4), (2, 1), (2, 2), (4, 1)])
@pytest.mark.parametrize("tile_major", [False, True])
def test_writes(words, beats, blocks, tile_major):
    dut = Writer(words=words, beats=beats, address_width=BITS, tile_pixels=TILE)
    rng = random.Random(words * 100 + beats * 10 + blocks)

    async def bench(ctx):
        for width, height in ((3, 2), (1, 1), (4, 3)):
            d = layer(rng, width, height, blocks)
            ctx.set(dut.descriptor, d)
            ctx.set(dut.tile_major, tile_major)
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            expected = list(beats_of(d, words, beats, tile_major))
            for index, writes in enumerate(expected):
                for _ in range(rng.choice([0, 0, 2])):
                    assert (ctx.get(dut.write_enable), ctx.get(dut.done)) == (0, 0)
                    await idle(ctx, 1)
                values = [rng.getrandbits(64) for _ in range(words)]
                ctx.set(dut.values, values)
                ctx.set(dut.valid, 1)
                enable = ctx.get(dut.write_enable)
                assert {word: ctx.get(dut.write_addresses[word]) for word in range(words)
                        if enable >> word & 1} == writes
                assert all(ctx.get(dut.write_data[word]) == values[word] for word in writes)
                assert ctx.get(dut.done) == (index == len(expected) - 1)
                await ctx.tick()
                ctx.set(dut.valid, 0)

    simulate(dut, bench)
