# SPDX-License-Identifier: Apache-2.0
"""A board at the end of a pseudo-terminal: bytes become bits of the line, and bits bytes; faults
on demand."""

import contextlib
import json
import os
import select
import socket
import tty
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

PERIOD_NS = 10
PIECE = 256
ACTIVE = 400
"""Cycles between looks at the terminal while the board is at work."""
AT_REST = 4000
REST = 0.02
"""Seconds that the simulation stands still while nothing is to do."""


class Line:
    """One direction of the line, with the faults that wait for bytes to pass."""

    def __init__(self):
        self.passed = 0
        self.faults: list[dict] = []

    def add(self, order: dict) -> None:
        """A fault, once so many more bytes have passed."""
        self.faults.append(order | {"after": order["after"] + self.passed})

    def take(self) -> dict:
        """The fault of the byte that passes now, or an empty one."""
        due = [fault for fault in self.faults if fault["after"] <= self.passed]
        self.passed += 1
        if not due:
            return {"kind": ""}
        self.faults.remove(due[0])
        return due[0]


class Cable:
    """A UART in front of ``dut``, on a pseudo-terminal, ordered about through a socket."""

    def __init__(self, dut, control: str, divisor: int, piece: int):
        self.dut = dut
        self.piece = piece
        self.idle = (1 << piece) - 1
        self.bit = divisor * PERIOD_NS
        self.lines = {"board": Line(), "host": Line()}
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        self.control = socket.socket(socket.AF_UNIX)
        self.control.connect(control)
        self.orders = self.control.makefile("rw")
        self.answer({"port": os.ttyname(self.slave)})
        self.came = 0

    def answer(self, value) -> None:
        """Say a line to whoever orders."""
        self.orders.write(json.dumps(value) + "\n")
        self.orders.flush()

    async def reset(self) -> None:
        """Power-on reset."""
        self.dut.rst.value = 1
        await Timer(8 * PERIOD_NS, unit="ns")
        self.dut.rst.value = 0

    async def listen(self) -> None:
        """Pass on what the board sends, for ever."""
        line = self.lines["host"]
        while True:
            await FallingEdge(self.dut.tx)
            self.came += 1
            byte = 0
            await Timer(self.bit // 2, unit="ns")
            for place in range(8):
                await Timer(self.bit, unit="ns")
                byte |= int(self.dut.tx.value) << place
            await Timer(self.bit, unit="ns")
            fault = line.take()
            if fault["kind"] == "flip":
                byte ^= fault["mask"]
            if fault["kind"] != "drop":
                with contextlib.suppress(BlockingIOError):  # nobody reads: as on a real line
                    os.write(self.master, bytes([byte]))

    async def send(self, content: bytes) -> None:
        """Pass bytes on to the board."""
        levels: list[int] = []
        for byte in content:
            fault = self.lines["board"].take()
            if fault["kind"] == "drop":
                continue
            if fault["kind"] == "flip":
                byte ^= fault["mask"]
            bits = [0, *(byte >> place & 1 for place in range(8)), 1]
            if fault["kind"] == "reset":
                await self.play(levels + bits[:5])
                await self.reset()
                levels, bits = [], bits[5:]
            levels += bits
        await self.play(levels)

    async def play(self, levels: list[int]) -> None:
        """Let the line take these levels, one bit each."""
        for first in range(0, len(levels), self.piece):
            part = levels[first:first + self.piece]
            value = self.idle
            for place, level in enumerate(part):
                value ^= (1 - level) << place
            self.dut.levels.value = value
            self.dut.turn.value = 1 - int(self.dut.turn.value)
            await Timer(len(part) * self.bit, unit="ns")

    def pending(self) -> bytes:
        """What the host has sent."""
        try:
            return os.read(self.master, PIECE)
        except BlockingIOError:
            return b""

    async def obey(self) -> bool:
        """Take an order if there is one; False: it is to stop."""
        if not select.select([self.control], [], [], 0)[0]:
            return True
        text = self.orders.readline()
        order = json.loads(text) if text else {"kind": "stop"}
        going = order["kind"] != "stop"
        if order["kind"] == "reset" and not order["after"]:
            await self.reset()
        elif going:
            self.lines[order["toward"]].add(order)
        if text:
            self.answer("done")
        return going

    async def serve(self) -> None:
        """Until the order to stop."""
        came = 0
        while await self.obey():
            piece = self.pending()
            if piece:
                await self.send(piece)
                continue
            if self.dut.busy.value or came != self.came:
                came = self.came
                await Timer(ACTIVE * PERIOD_NS, unit="ns")
            else:
                select.select([self.master, self.control], [], [], REST)
                await Timer(AT_REST * PERIOD_NS, unit="ns")


@cocotb.test()
async def board(dut):
    job = json.loads(Path(cocotb.plusargs["job"]).read_text())
    dut.turn.value = 0
    cocotb.start_soon(Clock(dut.clk, PERIOD_NS, unit="ns").start())
    cable = Cable(dut, **job)
    await cable.reset()
    cocotb.start_soon(cable.listen())
    await cable.serve()
