# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from systolith.fpga.host.frames import FrameFinder, encode
from systolith.rtl.board.framing import CRC_BYTES, ESCAPE, FLAG, Deframer, Framer

from ..streams import idle, simulate, stream_put
from .serial import SPACING, give_bytes, take_bytes

TIMEOUT = 256


def rtl_deframe(pieces):
    """Contents, None for a bad frame, of what ``pieces`` (bytes, broken places, pause behind)
    hold."""
    dut = Deframer(timeout=TIMEOUT)
    frames = []
    held = bytearray()

    async def watch(ctx):
        while True:
            _, _, start, end, good, valid, byte = await ctx.tick().sample(
                dut.start, dut.end, dut.good, dut.o.valid, dut.o.payload)
            if start:
                held.clear()
            if valid:
                held.append(byte)
            if end:
                frames.append(bytes(held[:-CRC_BYTES]) if good else None)

    async def bench(ctx):
        ctx.set(dut.enable, 1)
        for content, broken, pause in pieces:
            await give_bytes(ctx, dut.i, content, broken=broken)
            await idle(ctx, pause)
        await idle(ctx, 2)

    simulate(dut, bench, background=[watch], cycles=200_000)
    return frames


def rtl_frame(contents, *, put_gap=lambda: 0, take_gap=lambda: 0):
    """The bytes that ``contents`` are sent as."""
    dut = Framer()
    sent = bytearray()

    async def put(ctx):
        for content in contents:
            for place, byte in enumerate(content):
                await stream_put(ctx, dut.i, {"data": byte, "last": place == len(content) - 1})
                await idle(ctx, put_gap())

    async def bench(ctx):
        while len(sent) < sum(len(encode(content)) for content in contents):
            await ctx.tick()
        await idle(ctx, 40)

    simulate(dut, put, bench, background=[take_bytes(dut.o, sent, gap=take_gap)], cycles=20_000)
    return bytes(sent)


contents = st.binary(min_size=1, max_size=20) | st.lists(
    st.sampled_from([FLAG, ESCAPE, FLAG ^ 0x20, ESCAPE ^ 0x20]), min_size=1, max_size=20).map(bytes)


@settings(max_examples=12, deadline=None)
@given(st.lists(contents, min_size=1, max_size=4))
def test_frames_are_the_hosts(frames):
    assert rtl_frame(frames) == b"".join(map(encode, frames))
    assert rtl_deframe([(encode(frame), (), 0) for frame in frames]) == frames


def test_framer_escapes():
    frame = bytes([FLAG, ESCAPE, 1, ESCAPE, FLAG])
    assert rtl_frame([frame]) == encode(frame)


@pytest.mark.parametrize("seed", range(3))
def test_framer_with_pauses(seed):
    rng = random.Random(seed)
    frames = [rng.randbytes(rng.randint(1, 12)) for _ in range(5)]
    sent = rtl_frame(frames, put_gap=lambda: rng.choice([0, 1, 30]),
                     take_gap=lambda: rng.choice([0, 1, 2, 50]))
    assert sent == b"".join(map(encode, frames))


def damaged(rng, frame):
    """A frame with bits flipped, a byte lost, a byte more, or its end cut off."""
    frame = bytearray(frame)
    place = rng.randrange(1, len(frame) - 1)
    match rng.randrange(4):
        case 0:
            frame[place] ^= 1 << rng.randrange(8)
        case 1:
            del frame[place]
        case 2:
            frame.insert(place, rng.randrange(256))
        case _:
            del frame[place:]
    return bytes(frame)


@pytest.mark.parametrize("seed", range(4))
def test_deframer_finds_whole_frames_among_damaged_ones(seed):
    """And never one that nobody sent. Two flags resynchronise: the first ends what came before."""
    rng = random.Random(seed)
    pieces, sent = [], []
    for _ in range(25):
        frame = rng.randbytes(rng.randint(1, 12))
        if rng.random() < 0.5:
            pieces.append((damaged(rng, encode(frame)), (), 0))
        else:
            sent.append(frame)
            pieces.append((bytes([FLAG]) + encode(frame), (), 0))
    assert [frame for frame in rtl_deframe(pieces) if frame is not None] == sent


def test_deframer_ignores_what_is_before_the_first_flag():
    assert rtl_deframe([(b"garbage", (), 0), (encode(b"hello"), (), 0)]) == [b"hello"]


def test_deframer_tells_of_garbage_between_flags():
    assert rtl_deframe([(b"~garbage~", (), 0), (encode(b"hello"), (), 0)]) == [None, b"hello"]


def test_deframer_tells_of_a_broken_byte():
    frame = encode(b"hello")
    for place in (1, 5, len(frame) - 2):
        assert rtl_deframe([(frame, (place,), 0), (frame, (), 0)]) == [None, b"hello"]


def test_deframer_refuses_an_escaped_flag():
    cut = bytes([FLAG]) + b"abc" + bytes([ESCAPE, FLAG])
    assert rtl_deframe([(cut, (), 0), (encode(b"hello"), (), 0)]) == [None, b"hello"]


def test_deframer_forgets_half_a_frame():
    half = encode(b"hello")[:-3]
    whole = encode(b"world")
    assert rtl_deframe([(half, (), 2 * TIMEOUT), (whole, (), 0)]) == [b"world"]
    assert rtl_deframe([(half, (), TIMEOUT // 4), (whole, (), 0)])[0] is None


@pytest.mark.parametrize("pause", range(0, 2 * TIMEOUT, TIMEOUT // 8))
def test_deframer_takes_a_frame_after_any_pause(pause):
    whole = encode(b"hi")
    assert rtl_deframe([(whole, (), pause), (whole, (), 0)]) == [b"hi", b"hi"]


def test_deframer_waits_between_bytes():
    frame = encode(b"hi")
    assert rtl_deframe([(frame[k:k + 1], (), TIMEOUT - 2 * SPACING)
                        for k in range(len(frame))]) == [b"hi"]


def test_deframer_drops_a_frame_when_it_is_not_enabled():
    dut = Deframer(timeout=TIMEOUT)
    ends = []

    async def watch(ctx):
        while True:
            _, _, end, good = await ctx.tick().sample(dut.end, dut.good)
            if end:
                ends.append(good)

    async def bench(ctx):
        frame = encode(b"hello")
        ctx.set(dut.enable, 1)
        await give_bytes(ctx, dut.i, frame[:4])
        ctx.set(dut.enable, 0)
        await give_bytes(ctx, dut.i, frame[4:6])
        ctx.set(dut.enable, 1)
        await give_bytes(ctx, dut.i, frame[6:])
        assert not ends
        await give_bytes(ctx, dut.i, frame)
        await idle(ctx, 2)

    simulate(dut, bench, background=[watch])
    assert ends == [1]


def test_timeout_refused():
    with pytest.raises(ValueError, match="^Time-out must be at least 12 cycles, not 11$"):
        Deframer(timeout=11)
    with pytest.raises(TypeError, match="^Time-out must be an integer, not '9'$"):
        Deframer(timeout="9")


@given(st.lists(contents, max_size=5), st.binary(max_size=5), st.data())
def test_host_finds_frames_in_any_pieces(frames, garbage, data):
    stream = garbage.replace(b"~", b"") + b"".join(map(encode, frames))
    finder, found = FrameFinder(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += finder.feed(stream[:size])
        stream = stream[size:]
    assert [frame for frame in found if frame is not None] == frames
    assert len(found) - len(frames) <= 1


def test_host_forgets_what_came_of_a_frame():
    finder = FrameFinder()
    assert list(finder.feed(b"~garbage")) == []
    finder.reset()
    assert list(finder.feed(encode(b"hello"))) == [b"hello"]
