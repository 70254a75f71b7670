# SPDX-License-Identifier: Apache-2.0
"""A Wishbone master for benches, as classic as the core's slaves."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import cocotb
from cocotb.queue import Queue
from cocotb.triggers import Event, RisingEdge
from cocotbext.axi import AxiResp

__all__ = ["Outcome", "WishboneMaster"]

BYTES = 4
SIGNALS = ("adr", "dat_w", "dat_r", "sel", "cyc", "stb", "we", "ack", "err")


@dataclass
class Outcome:
    """What came of a read or write: as cocotbext-axi says it, the first error if any."""

    data: bytes = b""
    resp: AxiResp = AxiResp.OKAY


@dataclass
class _Order:
    """Words to read, or to write with their strobes; what was read, and whether ``done``."""

    accesses: list[tuple[int, int, int]]
    write: bool
    found: bytearray = field(default_factory=bytearray)
    failed: bool = False
    done: Event = field(default_factory=Event)


class WishboneMaster:
    """Drives the port ``prefix`` of ``dut``; orders are carried out one after the other.

    Asserts that every access is answered once, by ``ack`` or by ``err``, and that nothing is
    answered that was not asked.
    """

    def __init__(self, dut, prefix: str):
        self._clock = dut.clk
        self._signals = {name: getattr(dut, f"{prefix}_{name}") for name in SIGNALS}
        for name in ("adr", "dat_w", "sel", "cyc", "stb", "we"):
            self._signals[name].value = 0
        self._orders: Queue[_Order] = Queue()
        self._pauses: Iterator[bool] | None = None
        self._latest: _Order | None = None
        cocotb.start_soon(self._serve())
        cocotb.start_soon(self._watch())

    def set_pause_generator(self, pauses: Iterator[bool]) -> None:
        """Rest before an access while ``pauses`` say so, cycle by cycle."""
        self._pauses = pauses

    async def read(self, address: int, length: int, **_) -> Outcome:
        """``length`` bytes from ``address`` on, in whole words."""
        first, last = address // BYTES, (address + length - 1) // BYTES
        order = await self._carry_out([(word, 0, (1 << BYTES) - 1)
                                       for word in range(first, last + 1)], write=False)
        start = address % BYTES
        return Outcome(bytes(order.found[start:start + length]), _response(order))

    async def write(self, address: int, content: bytes, **_) -> Outcome:
        """Bytes from ``address`` on."""
        start = address % BYTES
        length = start + len(content)
        padded = (bytes(start) + content).ljust(-(-length // BYTES) * BYTES, b"\0")
        strobes = (1 << length) - (1 << start)
        return Outcome(resp=_response(await self._carry_out([
            (address // BYTES + word,
             int.from_bytes(padded[BYTES * word:BYTES * (word + 1)], "little"),
             strobes >> BYTES * word & (1 << BYTES) - 1)
            for word in range(len(padded) // BYTES)], write=True)))

    async def read_dword(self, address: int) -> int:
        """A 32-bit word."""
        return int.from_bytes((await self.read(address, BYTES)).data, "little")

    async def write_dword(self, address: int, value: int) -> None:
        """Write a 32-bit word."""
        await self.write(address, value.to_bytes(BYTES, "little"))

    async def wait(self) -> None:
        """Until every order has been carried out."""
        if self._latest is not None:
            await self._latest.done.wait()

    async def _carry_out(self, accesses: list[tuple[int, int, int]], *, write: bool) -> _Order:
        self._latest = order = _Order(accesses, write)
        await self._orders.put(order)
        await order.done.wait()
        return order

    async def _serve(self) -> None:
        edge, signals = RisingEdge(self._clock), self._signals
        await edge
        while True:
            order = await self._orders.get()
            for word, value, strobe in order.accesses:
                while self._pauses is not None and next(self._pauses):
                    await edge
                signals["adr"].value = word
                signals["dat_w"].value = value
                signals["sel"].value = strobe
                signals["we"].value = int(order.write)
                signals["cyc"].value = signals["stb"].value = 1
                await edge
                while not (signals["ack"].value or signals["err"].value):
                    await edge
                order.failed |= bool(signals["err"].value)
                if not order.write:
                    order.found += int(signals["dat_r"].value).to_bytes(BYTES, "little")
                signals["cyc"].value = signals["stb"].value = 0
            order.done.set()

    async def _watch(self) -> None:
        edge, signals = RisingEdge(self._clock), self._signals
        while True:
            await edge
            ack, err = signals["ack"].value, signals["err"].value
            assert not (ack and err), "an access is answered by ack or by err, not by both"
            assert not (ack or err) or (signals["cyc"].value and signals["stb"].value), \
                "an answer belongs to an access"


def _response(order: _Order) -> AxiResp:
    return AxiResp.SLVERR if order.failed else AxiResp.OKAY
