# SPDX-License-Identifier: Apache-2.0
"""Memory behind the core's DMA: a word a cycle, after a latency, as many bursts as it is asked."""

from collections import deque

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

__all__ = ["StreamingMemory"]

OKAY = 0


class StreamingMemory:
    """``words`` 64-bit words from address 0 on, on ``m_axi`` of ``dut``; INCR bursts of whole words.

    A read burst's first word comes ``latency`` cycles after its address, the words of all bursts
    one a cycle; a write burst is answered as long after its last word. Nothing else ever waits.
    """

    def __init__(self, dut, words: int, *, latency: int):
        self.words = np.zeros(words, "<u8")
        self._dut = dut
        self._latency = latency
        self._reads: deque[tuple[int, int, int]] = deque()  # cycle, word, count
        self._writes: deque[tuple[int, int]] = deque()
        self._answers: deque[int] = deque()
        self._time = 0
        for name in ("arready", "awready", "wready"):
            getattr(dut, f"m_axi_{name}").value = 1
        for name in ("rvalid", "bvalid", "rresp", "bresp", "rid", "bid"):
            getattr(dut, f"m_axi_{name}").value = OKAY
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

    def _signal(self, name: str):
        return getattr(self._dut, f"m_axi_{name}")

    def _take_addresses(self) -> None:
        if self._signal("arvalid").value:
            self._reads.append((self._time + self._latency, int(self._signal("araddr").value) >> 3,
                                int(self._signal("arlen").value) + 1))
        if self._signal("awvalid").value:
            self._writes.append((int(self._signal("awaddr").value) >> 3,
                                 int(self._signal("awlen").value) + 1))

    _beat = 0  # of the write burst at hand

    def _take_word(self) -> None:
        if not self._signal("wvalid").value:
            return
        word, count = self._writes[0]
        assert self._signal("wstrb").value == 0xFF, "only whole words are written"
        self.words[word + self._beat] = int(self._signal("wdata").value)
        self._beat += 1
        last = self._beat == count
        assert bool(self._signal("wlast").value) == last, "the last word of a burst says so"
        if last:
            self._writes.popleft()
            self._beat = 0
            self._answers.append(self._time + self._latency)

    _answering = False

    def _give_answer(self) -> None:
        if self._answering and not self._signal("bready").value:
            return
        due = bool(self._answers) and self._answers[0] <= self._time
        if due:
            self._answers.popleft()
        if due != self._answering:
            self._signal("bvalid").value = int(due)
            self._answering = due

    _reading = False
    _given = 0  # words of the read burst at hand

    def _give_word(self) -> None:
        if self._reading and not self._signal("rready").value:
            return
        due = bool(self._reads) and self._reads[0][0] <= self._time
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
