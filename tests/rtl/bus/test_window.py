# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random
from dataclasses import dataclass, field

import pytest
from systolith.rtl.bus.axi import Burst, Response
from systolith.rtl.bus.window import Window

from ..streams import idle, simulate, watch_held
from .axi import Channel, LocalMemory, beat_addresses, beat_lanes, watch_outputs

ADDRESS_WIDTH = 14
SIZE = 8192  # of the memory behind the window; above it the local bus reports errors
OKAY, SLVERR = Response.OKAY, Response.SLVERR


@dataclass
class Access:
    """One burst; ``beats`` of a write: (data, strobe)."""

    addr: int
    len: int = 0
    size: int = 3
    burst: int = Burst.INCR
    id: int = 0
    beats: list = field(default_factory=list)

    @property
    def address(self):
        return {"id": self.id, "addr": self.addr, "len": self.len, "size": self.size,
                "burst": self.burst}

    @property
    def addresses(self):
        return beat_addresses(self.addr, self.len, self.size, self.burst)

    @property
    def served(self):
        return self.burst in (Burst.FIXED, Burst.INCR) and self.size <= 3


def random_access(rng, low, high, *, write):
    size = rng.randrange(4)
    length = rng.choice([0, 0, 1, 3, 7, 15])
    room = (length + 1) << size
    addr = rng.randrange(low, high - room - 7)
    addr -= max(addr % 4096 + room - 4096, 0)  # a burst stays within 4 KiB
    access = Access(max(addr, low), length, size, rng.choice([Burst.FIXED, Burst.INCR]),
                    rng.randrange(16))
    if write:
        for address in access.addresses:
            lanes = sum(1 << lane for lane in beat_lanes(address, size))
            access.beats.append((rng.randrange(2**64), lanes & rng.randrange(256)))
    return access


def ref_window(contents, writes, reads):
    """Contents after ``writes``, B of each, and R beats of each of ``reads`` after them."""
    contents = bytearray(contents)
    answers = []
    for access in writes:
        resp = OKAY if access.served else SLVERR
        for address, (value, strobe) in zip(access.addresses, access.beats, strict=True):
            word = address // 8 * 8
            if word >= len(contents):
                resp = SLVERR
            elif access.served:
                for lane in range(8):
                    if strobe >> lane & 1:
                        contents[word + lane] = value >> 8 * lane & 0xFF
        answers.append({"id": access.id, "resp": resp})
    beats = []
    for access in reads:
        for n, address in enumerate(access.addresses):
            word = address // 8 * 8
            good = access.served and word < len(contents)
            beats.append({
                "id": access.id,
                "data": int.from_bytes(contents[word:word + 8], "little") if good else 0,
                "resp": OKAY if good else SLVERR, "last": n == access.len})
    return contents, answers, beats


def rtl_window(contents, writes, reads, *, waits=0, stall=0.0, seed=0, together=False,
               kind=Window):
    """As ``ref_window``; with ``together`` the reads run next to the writes."""
    window = kind(address_width=ADDRESS_WIDTH, id_width=4)
    memory = LocalMemory(window.bus, 0, rng=random.Random(seed), stall=stall)
    memory.bytes = bytearray(contents)
    channels = {name: Channel(window.s_axi, name) for name in ("aw", "w", "b", "ar", "r")}
    answers, beats = [], []

    generators = {name: random.Random(f"{seed} {name}") for name in channels}

    async def wait(ctx, name):
        await idle(ctx, generators[name].randint(0, waits))

    async def put_aw(ctx):
        for access in writes:
            await wait(ctx, "aw")
            await channels["aw"].put(ctx, **access.address)

    async def put_w(ctx):
        for access in writes:
            for n, (value, strobe) in enumerate(access.beats):
                await wait(ctx, "w")
                await channels["w"].put(ctx, data=value, strb=strobe, last=n == access.len)

    async def get_b(ctx):
        for _ in writes:
            await wait(ctx, "b")
            answers.append(await channels["b"].get(ctx))

    async def put_ar(ctx):
        while not together and len(answers) < len(writes):
            await ctx.tick()
        for access in reads:
            await wait(ctx, "ar")
            await channels["ar"].put(ctx, **access.address)

    async def get_r(ctx):
        for access in reads:
            for _ in range(access.len + 1):
                await wait(ctx, "r")
                beats.append(await channels["r"].get(ctx))

    async def nothing_left(ctx):
        total = sum(access.len + 1 for access in reads)
        while len(answers) < len(writes) or len(beats) < total:
            await ctx.tick()
        for _ in range(20):
            await ctx.tick()
            assert not ctx.get(window.s_axi.bvalid) and not ctx.get(window.s_axi.rvalid)
            assert not ctx.get(window.bus.request.valid)

    request = window.bus.request
    simulate(window, put_aw, put_w, get_b, put_ar, get_r, nothing_left, background=[
        memory.bench, watch_held(request.valid, request.ready, request.payload),
        *watch_outputs(window.s_axi, "b", "r")])
    return memory.bytes, answers, beats


def check(writes, reads, *, size=SIZE, **conditions):
    contents = random.Random(99).randbytes(size)
    assert rtl_window(contents, writes, reads, **conditions) == \
        ref_window(contents, writes, reads)


@pytest.mark.parametrize("conditions", [
    {}, {"waits": 3}, {"stall": 0.5}, {"waits": 2, "stall": 0.3}, {"waits": 6, "stall": 0.8},
], ids=str)
def test_random_bursts(conditions):
    rng = random.Random(3)
    check([random_access(rng, 0, SIZE, write=True) for _ in range(25)],
          [random_access(rng, 0, SIZE, write=False) for _ in range(25)], **conditions)


@pytest.mark.parametrize("conditions", [{}, {"waits": 3, "stall": 0.3}], ids=str)
def test_reads_next_to_writes(conditions):
    rng = random.Random(4)
    check([random_access(rng, 0, 4096, write=True) for _ in range(25)],
          [random_access(rng, 4096, SIZE, write=False) for _ in range(25)],
          together=True, **conditions)


def test_longest_burst():
    rng = random.Random(5)
    beats = [(rng.randrange(2**64), 0xFF) for _ in range(256)]
    check([Access(0x800, 255, beats=beats)], [Access(0x800, 255)])


def test_narrow_burst_moves_through_the_lanes():
    beats = [(0x0101_0101_0101_0101 * n, 1 << n % 8) for n in range(16)]
    check([Access(0x100, 15, 0, beats=beats)], [Access(0x100, 1)])


def test_unaligned_burst_starts_within_its_word():
    beats = [(0x1111_2222_3333_4444, 0b1110_0000), (0x5555_6666_7777_8888, 0xFF)]
    check([Access(0x105, 1, beats=beats)], [Access(0x105, 1)])


def test_fixed_burst_stays_at_its_address():
    beats = [(n, 0xFF) for n in range(1, 5)]
    check([Access(0x40, 3, burst=Burst.FIXED, beats=beats)],
          [Access(0x40, 3, burst=Burst.FIXED), Access(0x48)])


@pytest.mark.parametrize("conditions", [{}, {"waits": 3, "stall": 0.3}], ids=str)
@pytest.mark.parametrize(("size", "burst"), [(3, Burst.WRAP), (3, 3), (4, Burst.INCR)])
def test_refused_burst(size, burst, conditions):
    beats = [(2**64 - 1, 0xFF)] * 4
    good = Access(0x80, 3, id=1, beats=beats)
    bad = Access(0x40, 3, size, burst, id=2, beats=beats)
    check([good, bad, good, bad, bad], [good, bad, bad, good, bad], **conditions)


@pytest.mark.parametrize("conditions", [{}, {"waits": 3, "stall": 0.3}], ids=str)
def test_local_error_marks_read_beats_one_by_one(conditions):
    check([], [Access(SIZE - 16, 3, id=3), Access(SIZE - 16, 1, id=4), Access(SIZE, 1, id=5)],
          **conditions)


@pytest.mark.parametrize("conditions", [{}, {"waits": 3, "stall": 0.3}], ids=str)
def test_local_error_marks_its_write_only(conditions):
    beats = [(7, 0xFF)] * 4
    check([Access(SIZE - 16, 3, id=3, beats=beats), Access(SIZE - 32, 3, id=4, beats=beats),
           Access(SIZE + 64, 3, id=5, beats=beats)], [Access(SIZE - 32, 3)], **conditions)


def test_error_in_the_first_beat_only_fails_its_write():
    window = Window(address_width=ADDRESS_WIDTH)
    memory = LocalMemory(window.bus, SIZE, bad={0})
    channels = {name: Channel(window.s_axi, name) for name in ("aw", "w", "b")}

    async def bench(ctx):
        for expected in (SLVERR, OKAY):
            addr = 0 if expected == SLVERR else 8
            await channels["aw"].put(ctx, **Access(addr, 3).address)
            for n in range(4):
                await channels["w"].put(ctx, data=n, strb=0xFF, last=n == 3)
            assert (await channels["b"].get(ctx))["resp"] == expected

    simulate(window, bench, background=[memory.bench])


@pytest.mark.parametrize("seed", range(3))
def test_refused_beat_between_slow_answers(seed):
    rng = random.Random(seed)
    kinds = [rng.choice([Burst.INCR, Burst.WRAP]) for _ in range(40)]
    accesses = [Access(8 * n, burst=kind, id=n % 16, beats=[(n, 0xFF)])
                for n, kind in enumerate(kinds)]
    check(accesses, accesses, stall=0.7, seed=seed)


def test_one_beat_a_cycle_each_way():
    for names, write in ((("aw", "w", "b"), True), (("ar", "r"), False)):
        window = Window(address_width=ADDRESS_WIDTH, outstanding=4)
        memory = LocalMemory(window.bus, SIZE)
        channels = {name: Channel(window.s_axi, name) for name in names}

        async def put_address(ctx, channel=channels[names[0]]):
            for n in range(8):
                await channel.put(ctx, **Access(64 * n, n).address)

        async def move(ctx, window=window, write=write):
            axi = window.s_axi
            for signal in (axi.wvalid, axi.bready) if write else (axi.rready,):
                ctx.set(signal, 1)
            moved = []
            for _ in range(60):
                _, _, w, r = await ctx.tick().sample(
                    axi.wvalid & axi.wready, axi.rvalid & axi.rready)
                moved.append(w if write else r)
            first = moved.index(1) if not write else 4
            assert all(moved[first:first + 30]), moved

        simulate(window, put_address, move, background=[memory.bench])


def test_untaken_reads_hold_off_neither_writes_nor_the_local_bus():
    window = Window(address_width=ADDRESS_WIDTH)
    memory = LocalMemory(window.bus, SIZE)
    channels = {name: Channel(window.s_axi, name) for name in ("aw", "w", "b", "ar", "r")}

    async def bench(ctx):
        await channels["ar"].put(ctx, **Access(0, 15).address)
        await ctx.tick().repeat(30)
        for n in range(4):
            await channels["aw"].put(ctx, **Access(8 * n).address)
            await channels["w"].put(ctx, data=n, strb=0xFF, last=1)
            assert (await channels["b"].get(ctx))["resp"] == OKAY
        for n in range(16):
            assert (await channels["r"].get(ctx))["last"] == (n == 15)

    simulate(window, bench, background=[memory.bench])
    assert memory.refusals == 0


def test_untaken_write_answers_hold_off_neither_reads_nor_the_local_bus():
    window = Window(address_width=ADDRESS_WIDTH)
    memory = LocalMemory(window.bus, SIZE)
    channels = {name: Channel(window.s_axi, name) for name in ("aw", "w", "b", "ar", "r")}
    done = []

    async def put_aw(ctx):
        for n in range(20):
            await channels["aw"].put(ctx, **Access(8 * n).address)

    async def put_w(ctx):
        for n in range(20):
            await channels["w"].put(ctx, data=n, strb=0xFF, last=1)

    async def bench(ctx):
        await ctx.tick().repeat(60)
        for n in range(4):
            await channels["ar"].put(ctx, **Access(8 * n).address)
            assert (await channels["r"].get(ctx))["data"] == n
        for _ in range(20):
            done.append(await channels["b"].get(ctx))

    simulate(window, put_aw, put_w, bench, background=[memory.bench])
    assert len(done) == 20
    assert memory.refusals == 0


def test_no_outstanding_beats():
    with pytest.raises(ValueError, match="^Outstanding beats must be at least 1, not 0$"):
        Window(address_width=ADDRESS_WIDTH, outstanding=0)


def test_single_outstanding_beat_works():
    window = Window(address_width=ADDRESS_WIDTH, outstanding=1)
    memory = LocalMemory(window.bus, SIZE)
    channels = {name: Channel(window.s_axi, name) for name in ("aw", "w", "b", "ar", "r")}

    async def write(ctx):
        await channels["aw"].put(ctx, **Access(0, 7).address)
        for n in range(8):
            await channels["w"].put(ctx, data=n, strb=0xFF, last=n == 7)
        await channels["b"].get(ctx)
        await channels["ar"].put(ctx, **Access(0, 7).address)
        for n in range(8):
            assert (await channels["r"].get(ctx))["data"] == n

    simulate(window, write, background=[memory.bench])
