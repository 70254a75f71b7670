# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random
from collections import Counter

import pytest
from systolith.rtl.operand.gather import Gather

from ..streams import idle, sample_until, simulate, stream_put, watch_held

WORDS = 64


def build(banks, lanes):
    return Gather(banks=banks, lanes=lanes, address_width=6, tag=5)


def memory(dut, stored, log=None):
    """The banks: data one cycle after the read, held until the next."""
    async def bench(ctx):
        while True:
            _, _, enable, lines = await ctx.tick().sample(dut.read_enable, dut.read_lines)
            for bank in range(dut.banks):
                if enable >> bank & 1:
                    ctx.set(dut.read_data[bank], stored[lines[bank] * dut.banks + bank])
            if log is not None:
                log.append(enable)
    return bench


def draw(rng, lanes, tag):
    if rng.random() < 0.3:  # all of one bank
        addresses = [rng.randrange(WORDS // 8) * 8 for _ in range(lanes)]
    else:
        addresses = [rng.randrange(WORDS) for _ in range(lanes)]
    inside = rng.choice([(1 << lanes) - 1, 0, rng.getrandbits(lanes)])
    shift = rng.choice([0, rng.getrandbits(lanes)])
    return {"addresses": addresses, "inside": inside, "shift": shift, "tag": tag}


def reads(request):
    return request["inside"] & ~request["shift"]


def read_cycles(request, banks):
    counts = Counter(address % banks for lane, address in enumerate(request["addresses"])
                     if reads(request) >> lane & 1)
    return max(counts.values(), default=1)


def value(request, lane, stored, flip, pad):
    if request["shift"] >> lane & 1:
        return None  # it comes from a neighbour
    if not request["inside"] >> lane & 1:
        return int.from_bytes([pad] * 8, "little")
    return stored[request["addresses"][lane]] ^ (0x8080808080808080 if flip else 0)


@pytest.mark.parametrize("waits", [(0, 0), (0, 3), (3, 0), (2, 2)])
@pytest.mark.parametrize("flip", [0, 1])
@pytest.mark.parametrize(("banks", "lanes"), [(2, 2), (4, 3), (8, 8)])
def test_every_word_arrives(banks, lanes, flip, waits):
    dut = build(banks, lanes)
    rng = random.Random(banks * 10 + flip)
    stored = [rng.getrandbits(64) for _ in range(WORDS)]
    requests = [draw(rng, lanes, index % 32) for index in range(40)]
    pad = rng.randrange(256)
    conflicts = []

    async def produce(ctx):
        gaps = random.Random(1)
        ctx.set(dut.flip, flip)
        ctx.set(dut.pad_value, pad)
        for request in requests:
            await idle(ctx, gaps.randint(0, waits[0]))
            await stream_put(ctx, dut.i, request)

    async def consume(ctx):
        gaps = random.Random(2)
        for request in requests:
            arrived = {}
            pieces = 0
            done = 0
            while not done:
                await idle(ctx, gaps.randint(0, waits[1]))
                ctx.set(dut.o.ready, 1)
                piece, = await sample_until(ctx, dut.o.valid, dut.o.payload)
                ctx.set(dut.o.ready, 0)
                pieces += 1
                done = piece.done
                assert piece.tag == request["tag"]
                for lane in range(lanes):
                    if piece.write >> lane & 1:
                        assert lane not in arrived
                        shifted = piece.shift >> lane & 1
                        assert not shifted or pieces == 1
                        arrived[lane] = None if shifted else piece["values"][lane]
            assert arrived == {lane: value(request, lane, stored, flip, pad)
                               for lane in range(lanes)}
            assert pieces == read_cycles(request, banks)
        await ctx.tick()
        assert ctx.get(dut.o.valid) == 0

    async def count(ctx):
        while True:
            _, _, conflict = await ctx.tick().sample(dut.conflict)
            conflicts.append(conflict)

    payload = dut.o.payload
    simulate(dut, produce, consume, background=[
        memory(dut, stored), count,
        watch_held(dut.o.valid, dut.o.ready, payload.write, payload.done, payload.tag)])
    assert sum(conflicts) == sum(read_cycles(request, banks) - 1 for request in requests)


def test_one_request_a_cycle_without_conflicts():
    dut = build(4, 4)
    stored = list(range(WORDS))
    count = 20
    times = []

    async def produce(ctx):
        for index in range(count):
            addresses = [(index * 4 + lane) % WORDS for lane in range(4)]
            await stream_put(ctx, dut.i, {"addresses": addresses, "inside": 15, "shift": 0,
                                          "tag": 0})

    async def consume(ctx):
        ctx.set(dut.o.ready, 1)
        now = 0
        while len(times) < count:
            _, _, valid = await ctx.tick().sample(dut.o.valid)
            if valid:
                times.append(now)
            now += 1

    simulate(dut, produce, consume, background=[memory(dut, stored)])
    assert times == list(range(2, 2 + count))  # taken at 0, read at 1, there at 2


def test_banks_without_a_word_stay_off():
    dut = build(4, 4)
    log = []

    async def bench(ctx):
        ctx.set(dut.o.ready, 1)
        await stream_put(ctx, dut.i, {"addresses": [0, 4, 9, 3], "inside": 0b0111,
                                      "shift": 0, "tag": 0})
        await idle(ctx, 5)

    simulate(dut, bench, background=[memory(dut, [0] * WORDS, log)])
    assert [enable for enable in log if enable] == [0b0011, 0b0001]
