# SPDX-License-Identifier: Apache-2.0
"""AXI4 slave memory for the DMA's tests, which checks what its master may do."""

from collections import deque

from systolith.rtl.bus.axi import Burst, Response

from ..streams import idle
from .axi import Channel, watch_outputs

__all__ = ["AxiMemory"]


class AxiMemory:
    """``contents`` from address ``base`` on, behind an AXI4 interface.

    Words in ``bad_reads`` and bursts that start at one of ``bad_writes`` are answered with SLVERR;
    neither they nor anything beyond ``contents`` is written. With ``waits`` every channel pauses
    at random, up to so many cycles. ``bursts`` lists (write, address, beats) as they were taken, of
    ``most_beats`` at most; ``open`` counts those without their last answer.
    """

    def __init__(self, axi, contents, *, base=0, rng=None, waits=0, bad_reads=(), bad_writes=(),
                 most_beats=16):
        self.axi = axi
        self.contents = bytearray(contents)
        self.base = base
        self.rng = rng
        self.waits = waits
        self.bad_reads = bad_reads
        self.bad_writes = bad_writes
        self.most_beats = most_beats
        self.channels = {name: Channel(axi, name) for name in ("aw", "w", "b", "ar", "r")}
        self.bursts = []
        self.open = 0
        self.most_open = 0
        self._to_read, self._to_write, self._to_answer = deque(), deque(), deque()

    @property
    def benches(self):
        """To run in the background: the channels, and checks that the master holds payloads."""
        return [self._ar, self._r, self._aw, self._w, self._b,
                *watch_outputs(self.axi, "aw", "w", "ar")]

    async def _wait(self, ctx):
        if self.waits:
            await idle(ctx, self.rng.randint(0, self.waits))

    async def _take(self, ctx, queue):
        while not queue:
            await ctx.tick()
        return queue.popleft()

    def _accept(self, burst, *, write):
        address, beats = burst["addr"], burst["len"] + 1
        assert burst["burst"] == Burst.INCR and burst["size"] == 3 and burst["id"] == 0
        assert beats <= self.most_beats
        assert address % 8 == 0
        assert address // 4096 == (address + 8 * beats - 1) // 4096, "burst crosses 4 KiB"
        self.bursts.append((write, address, beats))
        self.open += 1
        self.most_open = max(self.most_open, self.open)

    async def _ar(self, ctx):
        while True:
            await self._wait(ctx)
            burst = await self.channels["ar"].get(ctx)
            self._accept(burst, write=False)
            self._to_read.append((burst["addr"], burst["len"] + 1))

    async def _r(self, ctx):
        while True:
            address, beats = await self._take(ctx, self._to_read)
            for word in range(address, address + 8 * beats, 8):
                await self._wait(ctx)
                start = word - self.base
                await self.channels["r"].put(
                    ctx, data=int.from_bytes(self.contents[start:start + 8], "little"),
                    resp=Response.SLVERR if word in self.bad_reads else Response.OKAY,
                    last=word == address + 8 * (beats - 1))
            self.open -= 1

    async def _aw(self, ctx):
        while True:
            await self._wait(ctx)
            burst = await self.channels["aw"].get(ctx)
            self._accept(burst, write=True)
            self._to_write.append((burst["addr"], burst["len"] + 1))

    async def _w(self, ctx):
        while True:
            address, beats = await self._take(ctx, self._to_write)
            bad = address in self.bad_writes
            for word in range(address, address + 8 * beats, 8):
                await self._wait(ctx)
                beat = await self.channels["w"].get(ctx)
                assert beat["last"] == (word == address + 8 * (beats - 1))
                for lane in range(8):
                    if beat["strb"] >> lane & 1 and not bad:
                        self.contents[word - self.base + lane] = beat["data"] >> 8 * lane & 0xFF
            self._to_answer.append(Response.SLVERR if bad else Response.OKAY)

    async def _b(self, ctx):
        while True:
            resp = await self._take(ctx, self._to_answer)
            await self._wait(ctx)
            await self.channels["b"].put(ctx, resp=resp)
            self.open -= 1
