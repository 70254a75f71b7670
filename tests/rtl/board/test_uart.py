# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.board.uart import UartReceiver, UartTransmitter, divisor_of

from ..streams import idle, simulate, stream_put
from .serial import receive_bits, send_bits


def rtl_receive(divisor, send):
    """Bytes, with whether they are broken, that come out while ``send(ctx, line)`` runs."""
    dut = UartReceiver(divisor=divisor)
    held = []

    async def watch(ctx):
        while True:
            _, _, valid, byte = await ctx.tick().sample(dut.o.valid, dut.o.payload)
            if valid:
                held.append((byte.data, byte.broken))

    async def bench(ctx):
        await idle(ctx, 5)
        await send(ctx, dut.rx)
        await idle(ctx, 12 * divisor)

    simulate(dut, bench, background=[watch], cycles=100_000)
    return held


@pytest.mark.parametrize("mismatch", [-0.02, 0, 0.02])
@pytest.mark.parametrize("divisor", [8, 12, 13, 27])
def test_receiver_back_to_back(divisor, mismatch):
    content = bytes(range(0, 256, 11)) + b"\0\0\xff\xff\x55\xaa"
    held = rtl_receive(divisor, lambda ctx, line: send_bits(
        ctx, line, divisor * (1 + mismatch), content))
    assert held == [(byte, 0) for byte in content]


@pytest.mark.parametrize("divisor", [4, 5, 7])
def test_receiver_at_the_least_divisors(divisor):
    content = random.Random(divisor).randbytes(100)
    held = rtl_receive(divisor, lambda ctx, line: send_bits(ctx, line, divisor, content))
    assert held == [(byte, 0) for byte in content]


def test_receiver_with_random_gaps():
    rng = random.Random(1)
    content = rng.randbytes(60)
    held = rtl_receive(8, lambda ctx, line: send_bits(
        ctx, line, 8.1, content, gap=lambda: rng.choice([0, 1, 2, 3, 7, 50])))
    assert held == [(byte, 0) for byte in content]


def test_receiver_tells_of_a_missing_stop_bit():
    rng = random.Random(2)
    stops = [rng.randrange(2) for _ in range(40)]
    given = iter(stops)
    content = rng.randbytes(40)
    held = rtl_receive(8, lambda ctx, line: send_bits(
        ctx, line, 8, content, gap=lambda: 8, stop=lambda: next(given)))
    assert held == [(byte, 1 - stop) for byte, stop in zip(content, stops, strict=True)]


def test_receiver_ignores_a_spike_in_place_of_a_start_bit():
    async def send(ctx, line):
        for length in (1, 2, 3):
            ctx.set(line, 0)
            await idle(ctx, length)
            ctx.set(line, 1)
            await idle(ctx, 100)
        await send_bits(ctx, line, 8, b"A")

    assert rtl_receive(8, send) == [(ord("A"), 0)]


def test_receiver_sees_a_break_as_one_broken_byte():
    async def send(ctx, line):
        ctx.set(line, 0)
        await idle(ctx, 1000)
        ctx.set(line, 1)
        await idle(ctx, 20)
        await send_bits(ctx, line, 8, b"A")

    assert rtl_receive(8, send) == [(0, 1), (ord("A"), 0)]


@pytest.mark.parametrize("divisor", [4, 9])
@pytest.mark.parametrize("gap", [0, 40])
def test_transmitter(divisor, gap):
    dut = UartTransmitter(divisor=divisor)
    rng = random.Random(divisor)
    content = b"\0\xff\x55\xaa\x01\x80" + rng.randbytes(30)
    held = []

    async def put(ctx):
        for byte in content:
            await stream_put(ctx, dut.i, byte)
            await idle(ctx, rng.randint(0, gap))

    async def get(ctx):
        held.append(await receive_bits(ctx, dut.tx, divisor, len(content)))
        await idle(ctx, 3 * divisor)
        assert ctx.get(dut.tx) == 1

    simulate(dut, put, get, cycles=100_000)
    assert held == [content]


def test_divisor():
    assert divisor_of(12_000_000, 1_000_000) == 12
    assert divisor_of(25_000_000, 115_200) == 217
    assert divisor_of(12_100_000, 1_000_000) == 12


@pytest.mark.parametrize("clock, baud, error, text", [
    (0, 9600, ValueError, "Clock must be at least 1, not 0"),
    (12_000_000, 0, ValueError, "Baud rate must be at least 1, not 0"),
    (12e6, 9600, TypeError, "Clock must be an integer, not 12000000.0"),
    (12_000_000, 4_000_000, ValueError, "Baud rate must be 4 to 65536 clock cycles, not 3"),
    (1_000_000_000, 9600, ValueError, "Baud rate must be 4 to 65536 clock cycles, not 1.04e+05"),
    (12_000_000, 1_900_000, ValueError,
     ("Baud rate must be within 1% of a whole divisor of the clock, not 1900000 of 12000000; "
      "take 2000000")),
])
def test_divisor_refused(clock, baud, error, text):
    with pytest.raises(error) as raised:
        divisor_of(clock, baud)
    assert str(raised.value) == text


@pytest.mark.parametrize("kind", [UartReceiver, UartTransmitter])
def test_parameters_refused(kind):
    with pytest.raises(ValueError, match="^UART divisor must be from 4 to 65536, not 3$"):
        kind(divisor=3)
    with pytest.raises(TypeError, match="^UART divisor must be an integer, not 8.5$"):
        kind(divisor=8.5)
