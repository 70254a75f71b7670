# SPDX-License-Identifier: Apache-2.0
"""Memory behind the core's DMA: a word a cycle, after a latency, as many bursts as it is asked."""

import random
from collections import deque

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

__all__ = ["OKAY", "StreamingMemory"]

OKAY = 0
PAUSES = 0.3
"""Share of the cycles in which a stalling channel rests."""
PAGE_WORDS = 512
"""Words of the 4 KiB that a burst must not leave."""


class StreamingMemory:
    """``words`` 64-bit words, again and again all over the address space, on ``m_axi`` of ``dut``;
    INCR bursts of whole words.

    A read burst's first word comes ``latency`` cycles after its address, the words of all bursts
    one a cycle; a write burst is answered as long after its last word. Nothing else ever waits,
    unless there is a seed of random ``stalls``: then every channel rests at times; or while it
    ``hangs``: then none moves on. A hard reset drops what is under way.
    """

    def __init__(self, dut, words: int, *, latency: int, stalls: int | None = None):
        self.words = np.zeros(words, "<u8")
        self.hangs = False
        self._dut = dut
        self._latency = latency
        self._rng = None if stalls is None else random.Random(stalls)
        self._time = 0
        self._ready = dict.fromkeys(("arready", "awready", "wready"), True)
        self._faults: dict[str, tuple[int, int]] = {}  # good answers before, response
        self._drop()
        for name in self._ready:
            self._signal(name).value = 1
        self._task = cocotb.start_soon(self._serve())

    def leave(self) -> None:
        """Make room for another memory."""
        self._task.cancel()

    def write(self, address: int, content: bytes) -> None:
        """Bytes from ``address``, a multiple of 8, on."""
        first = address >> 3
        values = np.frombuffer(content, "<u8")
        self.words[np.arange(first, first + values.size) % self.words.size] = values

    def read(self, address: int, length: int) -> bytes:
        """``length`` bytes from ``address`` on, multiples of 8."""
        first = address >> 3
        return self.words[np.arange(first, first + length // 8) % self.words.size].tobytes()

    def fail(self, channel: str, after: int, response: int) -> None:
        """Answer ``channel`` (r or b) with ``response`` once, ``after`` good answers."""
        self._faults[channel] = (after, response)

    @property
    def untroubled(self) -> bool:
        """No failure is still to come."""
        return not self._faults

    def _response(self, channel: str) -> int:
        left, response = self._faults.pop(channel, (-1, OKAY))
        if left > 0:
            self._faults[channel] = (left - 1, response)
        return response if left == 0 else OKAY

    def _drop(self) -> None:
        self._reads: deque[tuple[int, int, int]] = deque()  # cycle, word, count
        self._writes: deque[tuple[int, int]] = deque()
        self._arrived: deque[tuple[int, int, int]] = deque()  # data, strobes, last
        self._answers: deque[int] = deque()
        self._given = self._taken = 0  # words of the burst at hand
        self._reading = self._answering = False
        for name in ("rvalid", "bvalid", "rresp", "bresp", "rid", "bid"):
            self._signal(name).value = OKAY

    async def _serve(self) -> None:
        edge = RisingEdge(self._dut.clk)
        while True:
            await edge
            if self._dut.rst.value:
                self._drop()
                continue
            self._time += 1
            self._take_addresses()
            self._take_word()
            self._give_answer()
            self._give_word()
            if self._rng is not None or self.hangs or not all(self._ready.values()):
                self._change_ready()

    def _signal(self, name: str):
        return getattr(self._dut, f"m_axi_{name}")

    def _rests(self) -> bool:
        return self.hangs or (self._rng is not None and self._rng.random() < PAUSES)

    def _change_ready(self) -> None:
        for name in self._ready:
            self._ready[name] = not self._rests()
            self._signal(name).value = int(self._ready[name])

    def _burst(self, channel: str) -> tuple[int, int]:
        """First word and length of the burst that ``channel`` asks for."""
        first = int(self._signal(f"{channel}addr").value) >> 3
        count = int(self._signal(f"{channel}len").value) + 1
        assert first % PAGE_WORDS + count <= PAGE_WORDS, "a burst stays within 4 KiB"
        return first % self.words.size, count

    def _take_addresses(self) -> None:
        if self._ready["arready"] and self._signal("arvalid").value:
            self._reads.append((self._time + self._latency, *self._burst("ar")))
        if self._ready["awready"] and self._signal("awvalid").value:
            self._writes.append(self._burst("aw"))

    def _take_word(self) -> None:
        if self._ready["wready"] and self._signal("wvalid").value:
            self._arrived.append(tuple(int(self._signal(name).value)
                                       for name in ("wdata", "wstrb", "wlast")))
        while self._writes and self._arrived:  # a word may come before its address
            self._store(*self._arrived.popleft())

    def _store(self, value: int, strobes: int, last: int) -> None:
        word, count = self._writes[0]
        assert strobes in (0, 0xFF), "only whole words are written, or none"
        if strobes:
            self.words[(word + self._taken) % self.words.size] = value
        self._taken += 1
        assert last == (self._taken == count), "the last word of a burst says so"
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
            self._signal("bresp").value = self._response("b")
        if due != self._answering:
            self._signal("bvalid").value = int(due)
            self._answering = due

    def _give_word(self) -> None:
        if self._reading and not self._signal("rready").value:
            return
        due = bool(self._reads) and self._reads[0][0] <= self._time and not self._rests()
        if due:
            _, word, count = self._reads[0]
            self._signal("rdata").value = int(self.words[(word + self._given) % self.words.size])
            self._signal("rresp").value = self._response("r")
            self._given += 1
            last = self._given == count
            self._signal("rlast").value = int(last)
            if last:
                self._reads.popleft()
                self._given = 0
        if due != self._reading:
            self._signal("rvalid").value = int(due)
            self._reading = due
