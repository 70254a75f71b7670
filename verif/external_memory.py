# SPDX-License-Identifier: Apache-2.0
"""Memory behind the core's DMA: a word a cycle, after a latency, as many bursts as it is asked."""

import random
from collections import deque

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

__all__ = ["StreamingMemory"]

OKAY = 0
PAUSES = 0.3
"""Share of the cycles in which a stalling channel rests."""


class StreamingMemory:
    """``words`` 64-bit words from address 0 on, on ``m_axi`` of ``dut``; INCR bursts of whole
    words.

    A read burst's first word comes ``latency`` cycles after its address, the words of all bursts
    one a cycle; a write burst is answered as long after its last word. Nothing else ever waits,
    unless there is a seed of random ``stalls``: then every channel rests at times.
    """

    def __init__(self, dut, words: int, *, latency: int, stalls: int | None = None):
        self.words = np.zeros(words, "<u8")
        self._dut = dut
        self._latency = latency
        self._rng = None if stalls is None else random.Random(stalls)
        self._reads: deque[tuple[int, int, int]] = deque()  # cycle, word, count
        self._writes: deque[tuple[int, int]] = deque()
        self._answers: deque[int] = deque()
        self._time = 0
        self._ready = dict.fromkeys(("arready", "awready", "wready"), True)
        self._given = self._taken = 0  # words of the burst at hand
        self._reading = self._answering = False
        for name in self._ready:
            self._signal(name).value = 1
        for name in ("rvalid", "bvalid", "rresp", "bresp", "rid", "bid"):
            self._signal(name).value = OKAY
        cocotb.start_soon(self._serve())

    async def _serve(self) -> None:
        edge = RisingEdge(self._dut.clk)
        while True:
            await edge
            self._time += 1
            self._take_addresses()
            self._take_word()
            self._give_answer()
            self._give_word()
            if self._rng is not None:
                self._change_ready()

    def _signal(self, name: str):
        return getattr(self._dut, f"m_axi_{name}")

    def _rests(self) -> bool:
        return self._rng is not None and self._rng.random() < PAUSES

    def _change_ready(self) -> None:
        for name in self._ready:
            self._ready[name] = not self._rests()
            self._signal(name).value = int(self._ready[name])

    def _burst(self, channel: str) -> tuple[int, int]:
        """First word and length of the burst that ``channel`` asks for."""
        address = int(self._signal(f"{channel}addr").value)
        return address >> 3, int(self._signal(f"{channel}len").value) + 1

    def _take_addresses(self) -> None:
        if self._ready["arready"] and self._signal("arvalid").value:
            self._reads.append((self._time + self._latency, *self._burst("ar")))
        if self._ready["awready"] and self._signal("awvalid").value:
            self._writes.append(self._burst("aw"))

    def _take_word(self) -> None:
        if not (self._ready["wready"] and self._signal("wvalid").value):
            return
        # A word may come with its address, or after it, but not before.
        word, count = self._writes[0]
        assert self._signal("wstrb").value == 0xFF, "only whole words are written"
        self.words[word + self._taken] = int(self._signal("wdata").value)
        self._taken += 1
        last = self._taken == count
        assert bool(self._signal("wlast").value) == last, "the last word of a burst says so"
        if last:
            self._writes.popleft()
            self._taken = 0
            self._answers.append(self._time + self._latency)

    def _give_answer(self) -> None:
        if self._answering and not self._signal("bready").value:
            return
        due = bool(self._answers) and self._answers[0] <= self._time and not self._rests()
        if due:
            self._answers.popleft()
        if due != self._answering:
            self._signal("bvalid").value = int(due)
            self._answering = due

    def _give_word(self) -> None:
        if self._reading and not self._signal("rready").value:
            return
        due = bool(self._reads) and self._reads[0][0] <= self._time and not self._rests()
        if due:
            _, word, count = self._reads[0]
            self._signal("rdata").value = int(self.words[word + self._given])
            self._given += 1
            last = self._given == count
            self._signal("rlast").value = int(last)
            if last:
                self._reads.popleft()
                self._given = 0
        if due != self._reading:
            self._signal("rvalid").value = int(due)
            self._reading = due
