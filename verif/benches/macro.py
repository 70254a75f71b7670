# SPDX-License-Identifier: Apache-2.0
"""Does to a macro what a script says, and stops where a rule of its contract is broken."""

import json
import random
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly

INPUTS = ("row_data", "row_enable", "adc_enable", "phase", "is_signed", "activation_bits",
          "weight_bits", "adc_shift")
RESET_CYCLES = 3


class Broken(Exception):
    """A rule is broken; the text is one sentence that begins with its name."""


class Session:
    """The macro ``dut`` cycle by cycle, under the eyes of the rules.

    ``reads``: conversion, group and codes of every read-out; ``cycles`` of every conversion.
    """

    def __init__(self, dut, job: dict):
        self.dut, self.job = dut, job
        self.choice = random.Random(job["seed"])
        # Whatever may have any value, and must not matter.
        self.junk = random.Random(job["junk"])
        self.reads: list[tuple[int, int, list[int]]] = []
        self.cycles: list[int] = []
        self.wanted: list[int] = []               # groups to read
        self.asked: tuple[int, int] | None = None  # conversion and group asked for a cycle ago
        self.step: dict | None = None             # conversion under way
        self.age = 0                              # cycles since its fire
        self.was_ready = False                    # since reset
        self.last: int | None = None              # conversion that was done last

    def read_out(self) -> None:
        """Choose whether to read, and what."""
        dut, age = self.dut, self.age + 1
        ends = self.step is not None and age == self.step["cycles"] - 1
        read = self.last is not None and self.choice.random() < (0.9 if ends else 0.6)
        group = self.junk.randrange(1 << len(dut.read_group))
        if read:
            group = self.wanted.pop() if self.wanted and not ends else (
                self.choice.randrange(self.job["groups"]))
        dut.read_enable.value, dut.read_group.value = read, group
        self.reading = (self.last, group) if read else None

    def scramble(self) -> None:
        """Inputs of conversions, while there is none."""
        for name in INPUTS:
            port = getattr(self.dut, name)
            port.value = self.junk.getrandbits(len(port))

    async def cycle(self, fire: dict | None = None) -> bool:
        """One cycle, in which ``fire`` begins; returns whether a weight was taken. Raises
        Broken."""
        dut = self.dut
        dut.fire.value = fire is not None
        self.read_out()
        await ReadOnly()
        ready, done = bool(dut.ready.value), bool(dut.done.value)
        taken = bool(dut.write_ready.value)
        if self.asked is not None:
            self.reads.append((*self.asked, self.codes()))
        self.asked = self.reading
        self.watch(ready, done)
        self.was_ready |= ready
        if fire is not None:
            self.step, self.age = fire, 0
        await FallingEdge(dut.clk)
        return taken

    def codes(self) -> list[int]:
        """As they are at the port."""
        bits = self.job["code_bits"]
        value = self.dut.codes.value.to_unsigned()
        words = [value >> lane * bits & (1 << bits) - 1 for lane in range(self.job["lanes"])]
        return [word - (word >> bits - 1 << bits) for word in words]

    def watch(self, ready: bool, done: bool) -> None:
        """The rules of ``ready`` and ``done``."""
        if self.step is None:
            if done:
                raise Broken("time: done is high while no conversion is under way")
            if self.was_ready and not ready:
                raise Broken("ready: ready is low while no conversion is under way")
            return
        self.age += 1
        step, cycles = self.step, self.step["cycles"]
        what = (f"with activation_bits {step['activation_bits']} and weight_bits "
                f"{step['weight_bits']}")
        if ready:
            raise Broken(f"ready: ready is high {self.age} cycles after fire, before or with done")
        if done:
            early = self.job["early_stop"] and self.age < cycles - 1
            if self.age != cycles - 1 and not early:
                raise Broken(f"time: done is high {self.age} cycles after fire, not {cycles - 1}, "
                             f"{what}")
            self.cycles.append(self.age + 1)
            self.last = len(self.cycles) - 1
            self.step = None
            self.wanted = self.choice.sample(range(self.job["groups"]), self.job["groups"])
        elif self.age >= 4 * cycles + 64:
            raise Broken(f"time: done is not high {self.age} cycles after fire, where it must be "
                         f"{cycles - 1}, {what}")

    async def reset(self) -> None:
        """Reset the macro, and wait until it is ready."""
        dut = self.dut
        dut.rst.value, dut.fire.value = 1, 0
        dut.read_enable.value, dut.write_valid.value = 0, 0
        self.step = self.asked = self.last = None
        self.was_ready, self.wanted = False, []
        for _ in range(RESET_CYCLES):
            self.scramble()
            await FallingEdge(dut.clk)
        dut.rst.value = 0
        await self.until_ready()

    async def until_ready(self) -> None:
        """To the cycle behind the conversion under way, or where a macro is ready for its first."""
        for _ in range(self.job["patience"]):
            if self.step is None:
                self.scramble()
                if self.was_ready:
                    return
            await self.cycle()
        raise Broken(f"ready: ready is not high {self.job['patience']} cycles after a reset")

    async def write(self, step: dict) -> None:
        """Write eight weights, while no conversion is under way."""
        dut = self.dut
        await self.until_ready()
        for _ in range(step["pause"]):
            dut.write_payload.value = self.junk.getrandbits(len(dut.write_payload))
            await self.cycle()
            self.scramble()
        word = step["row"] | step["group"] << self.job["row_bits"]
        for place, weight in enumerate(step["weights"]):
            word |= (weight & 255) << self.job["row_bits"] + self.job["group_bits"] + 8 * place
        dut.write_payload.value, dut.write_valid.value = word, 1
        for _ in range(self.job["patience"]):
            taken = await self.cycle()
            self.scramble()
            if taken:
                dut.write_valid.value = 0
                return
        raise Broken(f"write: a weight is not taken within {self.job['patience']} cycles, in which "
                     "no conversion is under way")

    async def fire(self, step: dict) -> None:
        """Begin a conversion, behind the one under way."""
        dut = self.dut
        await self.until_ready()
        for _ in range(step["gap"]):
            await self.cycle()
            self.scramble()
        while step["drain"] and self.wanted:
            await self.cycle()
            self.scramble()
        octets = bytearray(self.junk.randbytes(len(dut.row_data) // 8))
        rows = int.from_bytes(bytes.fromhex(step["rows"]), "little")
        for row, octet in enumerate(bytes.fromhex(step["operands"])):
            if rows >> row & 1:
                octets[row] = octet
        dut.row_data.value = int.from_bytes(octets, "little")
        dut.row_enable.value = rows
        dut.adc_enable.value = int.from_bytes(bytes.fromhex(step["adcs"]), "little")
        for name in INPUTS[3:]:
            getattr(dut, name).value = step[name]
        await self.cycle(step)

    async def run(self, steps: list[dict]) -> None:
        """All steps, and what the last conversion left."""
        await self.reset()
        for step in steps:
            if step["do"] == "write":
                await self.write(step)
                continue
            await self.fire(step)
            if step["do"] == "cut":
                for _ in range(step["after"]):
                    await FallingEdge(self.dut.clk)
                await self.reset()
        await self.until_ready()
        while self.wanted or self.asked:
            await self.cycle()
            self.scramble()


@cocotb.test()
async def contract(dut):
    folder = Path(cocotb.plusargs["job"]).parent
    job = json.loads((folder / "job.json").read_text())
    session = Session(dut, job)
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    await FallingEdge(dut.clk)
    broken = None
    try:
        await session.run(job["steps"])
    except Broken as rule:
        broken = str(rule)
    (folder / "answer.json").write_text(json.dumps({
        "broken": broken, "reads": session.reads, "cycles": session.cycles}))
