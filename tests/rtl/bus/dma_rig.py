# SPDX-License-Identifier: Apache-2.0
"""A DMA between two memories, for its tests."""

import random

from systolith.rtl.bus.dma import Dma

from ..streams import sample_until, simulate, stream_put, watch_held
from .axi import LocalMemory
from .axi_memory import AxiMemory

__all__ = ["ADDRESS_WIDTH", "BASE", "EXTERNAL", "LOCAL", "SIZE", "SLOW", "Rig", "command",
           "ref_copies"]

ADDRESS_WIDTH = 14
SIZE = 8192  # of the local memory; above it the local bus reports errors
BASE = 0x1_2345_6000
EXTERNAL = random.Random(1).randbytes(3 * 4096)
LOCAL = random.Random(2).randbytes(SIZE)
SLOW = {"waits": 3, "stall": 0.4}


def command(external, local, length, *, write_out=False, more=0, external_step=0, local_step=0,
            chained=False):
    return {"external": BASE + external, "local": local, "length": length, "more": more,
            "external_step": external_step, "local_step": local_step, "write_out": write_out,
            "chained": chained}


class Rig:
    """A DMA between its two memories; ``ends`` lists ``error`` at each ``done``, ``answered`` how
    many bursts had been answered by then. Commands are ``chained``, or each is done alone."""

    def __init__(self, *, waits=0, stall=0.0, seed=0, chained=False, **faults):
        self.chained = chained
        self.dut = Dma(address_width=ADDRESS_WIDTH)
        self.external = AxiMemory(self.dut.m_axi, EXTERNAL, base=BASE,
                                  rng=random.Random(seed), waits=waits, **faults)
        self.local = LocalMemory(self.dut.bus, SIZE, rng=random.Random(seed + 1), stall=stall)
        self.local.bytes = bytearray(LOCAL)
        self.ends, self.answered = [], []
        self.beats = self.stalls = 0

    async def watch(self, ctx):
        dut, axi = self.dut, self.dut.m_axi
        answers = 0
        while True:
            _, _, done, error, beat, stall, busy, read, written = await ctx.tick().sample(
                dut.done, dut.error, dut.beat, dut.stall, dut.busy,
                axi.rvalid & axi.rready & axi.rlast, axi.bvalid & axi.bready)
            answers += read + written
            if done:
                assert self.chained or self.external.open == 0, "done before the last answer"
                self.ends.append(error)
                self.answered.append(answers)
            assert busy or not (done or stall or beat)
            self.beats += beat
            self.stalls += stall

    def run(self, *benches, cycles=20_000):
        request = self.dut.bus.request
        simulate(self.dut, *benches, cycles=cycles, background=[
            *self.external.benches, self.local.bench, self.watch,
            watch_held(request.valid, request.ready, request.payload)])
        assert self.local.refusals == 0

    async def settle(self, ctx):
        """Wait until the command ends; nothing may be left over then."""
        await sample_until(ctx, ~self.dut.busy)
        assert self.external.open == 0
        taken = len(self.local.log), len(self.external.bursts)
        for _ in range(20):
            await ctx.tick()
            assert not ctx.get(self.dut.busy)
        assert taken == (len(self.local.log), len(self.external.bursts))

    def commands(self, *commands):
        """Run ``commands`` one after another."""
        async def bench(ctx):
            for entry in commands:
                await stream_put(ctx, self.dut.i, entry)
            await self.settle(ctx)
        self.run(bench)
        assert len(self.ends) == len(commands)


def ref_copies(commands):
    external, local = bytearray(EXTERNAL), bytearray(LOCAL)
    for entry in commands:
        for segment in range(entry["more"] + 1):
            start = entry["external"] - BASE + segment * entry["external_step"]
            there = slice(start, start + entry["length"])
            start = entry["local"] + segment * entry["local_step"]
            here = slice(start, start + entry["length"])
            if entry["write_out"]:
                external[there] = local[here]
            else:
                local[here] = external[there]
    return external, local
