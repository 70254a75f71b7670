# SPDX-License-Identifier: Apache-2.0
"""Serial lines and bytes for the tests of the board."""

from ..streams import idle, sample_until

__all__ = ["SPACING", "give_bytes", "receive_bits", "send_bits", "take_bytes"]

SPACING = 12


async def send_bits(ctx, line, period, content, *, gap=lambda: 0, stop=lambda: 1):
    """Send bytes, bits of ``period`` cycles (a fraction, too), ``gap()`` cycles between bytes."""
    now, begun = 0, 0.0
    for byte in content:
        for bit in (0, *(byte >> k & 1 for k in range(8)), stop()):
            ctx.set(line, bit)
            begun += period
            await idle(ctx, round(begun) - now)
            now = round(begun)
        ctx.set(line, 1)
        pause = gap()
        begun += pause
        await idle(ctx, round(begun) - now)
        now = round(begun)


async def receive_bits(ctx, line, period, count):
    """Receive ``count`` bytes; every bit must be the same all through it, the stop bit high."""
    content = []
    for _ in range(count):
        await sample_until(ctx, ~line)
        bits = []
        for place in range(10):
            # Of the first bit, a cycle is over; of the stop bit, half is enough.
            cycles = period - (place == 0) if place < 9 else period // 2
            level = ctx.get(line) if place else 0
            for _ in range(cycles):
                assert ctx.get(line) == level
                await ctx.tick()
            bits.append(level)
        assert bits[9] == 1
        content.append(sum(bit << k for k, bit in enumerate(bits[1:9])))
    return bytes(content)


async def give_bytes(ctx, stream, content, *, gap=lambda: SPACING, broken=()):
    """Give bytes to a stream that is always ready; those at places ``broken`` lack a stop bit."""
    for place, byte in enumerate(content):
        ctx.set(stream.payload, {"data": byte, "broken": place in broken})
        ctx.set(stream.valid, 1)
        await ctx.tick()
        ctx.set(stream.valid, 0)
        await idle(ctx, gap() - 1)


def take_bytes(stream, held, *, gap=lambda: 0):
    """A background bench: append to ``held`` what comes."""
    async def bench(ctx):
        while True:
            await idle(ctx, gap())
            ctx.set(stream.ready, 1)
            byte, = await sample_until(ctx, stream.valid, stream.payload)
            ctx.set(stream.ready, 0)
            held.append(byte)
    return bench
