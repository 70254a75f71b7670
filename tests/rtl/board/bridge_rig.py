# SPDX-License-Identifier: Apache-2.0
"""A bridge between a host that sends bytes and memories behind its two AXI ports."""

import random

from systolith.fpga.host.frames import FrameFinder, encode
from systolith.rtl.board.bridge import Bridge
from systolith.rtl.board.protocol import HEADER, Command
from systolith.rtl.bus.axi import Response

from ..bus.axi import Channel, watch_outputs
from ..bus.axi_memory import AxiMemory
from ..streams import idle, simulate
from .serial import SPACING, give_bytes, take_bytes

__all__ = ["BAUD", "CLOCK", "TIMEOUT", "Rig"]

CLOCK, BAUD, TIMEOUT = 12_000_000, 1_000_000, 1024
CONTROL_WIDTH, WINDOW_WIDTH = 12, 14


class AxiLiteWords:
    """32-bit words behind an AXI4-Lite interface; those at ``bad`` are answered with SLVERR."""

    def __init__(self, axi, *, rng, waits=0, bad=()):
        self.axi = axi
        self.rng = rng
        self.waits = waits
        self.bad = bad
        self.words = {}
        self.writes = []
        self.channels = {name: Channel(axi, name) for name in ("aw", "w", "b", "ar", "r")}

    @property
    def benches(self):
        """To run in the background."""
        return [self._read, self._write, *watch_outputs(self.axi, "aw", "w", "ar")]

    async def _wait(self, ctx):
        await idle(ctx, self.rng.randint(0, self.waits))

    def _response(self, address):
        return Response.SLVERR if address in self.bad else Response.OKAY

    async def _read(self, ctx):
        while True:
            await self._wait(ctx)
            address = (await self.channels["ar"].get(ctx))["addr"]
            await self._wait(ctx)
            await self.channels["r"].put(ctx, data=self.words.get(address, 0),
                                         resp=self._response(address))

    async def _write(self, ctx):
        while True:
            await self._wait(ctx)
            order = self.rng.sample(["aw", "w"], 2)  # either may come first
            taken = {}
            for name in order:
                taken[name] = await self.channels[name].get(ctx)
                await self._wait(ctx)
            address = taken["aw"]["addr"]
            assert taken["w"]["strb"] == 0xF
            self.writes.append((address, taken["w"]["data"]))
            if address not in self.bad:
                self.words[address] = taken["w"]["data"]
            await self.channels["b"].put(ctx, resp=self._response(address))


class Rig:
    """``ask`` sends a request and gives its answer as (sequence number, data, status)."""

    def __init__(self, *, seed=0, waits=0, bad_words=(), bad_reads=(), bad_writes=()):
        self.rng = random.Random(seed)
        self.dut = Bridge(control_width=CONTROL_WIDTH, window_width=WINDOW_WIDTH, clock_hz=CLOCK,
                          baud=BAUD, timeout=TIMEOUT)
        self.memory = AxiMemory(self.dut.m_axi, self.rng.randbytes(1 << WINDOW_WIDTH),
                                rng=self.rng, waits=waits, bad_reads=bad_reads,
                                bad_writes=bad_writes, most_beats=64)
        self.registers = AxiLiteWords(self.dut.m_axil, rng=self.rng, waits=waits, bad=bad_words)
        self.waits = waits
        self.finder = FrameFinder()
        self.came = bytearray()
        self.sequence = 0

    def run(self, bench, *, cycles=40_000):
        """Simulate until ``bench`` ends; nothing may be left over."""
        async def last(ctx):
            await bench(ctx)
            await idle(ctx, 200)
            assert not self.came, "bytes came that nobody asked for"
            assert not self.memory.open

        gap = (lambda: self.rng.choice([0, 1, 40])) if self.waits else (lambda: 0)
        simulate(self.dut, last, background=[
            take_bytes(self.dut.o, self.came, gap=gap), *self.memory.benches,
            *self.registers.benches], cycles=cycles)

    async def give(self, ctx, content, *, broken=()):
        """Bytes as they are, with random gaps."""
        await give_bytes(ctx, self.dut.i, content, broken=broken, gap=lambda: self.rng.choice(
            [SPACING, SPACING, 20, 40]) if self.waits else SPACING)

    async def answers(self, ctx, cycles):
        """Every answer that comes until nothing has come for ``cycles``."""
        found, silence = [], 0
        while silence < cycles:
            await ctx.tick()
            silence += 1
            if self.came:
                silence = 0
                found += self.finder.feed(bytes(self.came))
                self.came.clear()
        assert None not in found, "the bridge sent a damaged frame"
        return [(frame[0], frame[1:-1], frame[-1]) for frame in found]

    def request(self, command, address=0, count=0, words=b"", *, repeated=False):
        """A request's content; the sequence number is a new one unless it is repeated."""
        if not repeated:
            self.sequence = (self.sequence + 1) % 256
        return HEADER.pack(command, self.sequence, count, address) + words

    async def ask(self, ctx, command, address=0, count=0, words=b"", *, repeated=False):
        """Send a request and take its one answer: data, status."""
        request = self.request(command, address, count, words, repeated=repeated)
        await self.give(ctx, encode(request))
        while not self.came:
            await ctx.tick()
        (sequence, data, status), = await self.answers(ctx, 200)
        assert sequence == self.sequence
        return data, status

    async def arm(self, ctx, token=1):
        """ARM, which must succeed."""
        assert await self.ask(ctx, Command.ARM, token) == (b"", 0)
