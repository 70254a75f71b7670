# SPDX-License-Identifier: Apache-2.0
"""Random traffic on banks side by side, each against what ``SramBank`` promises."""

import json
import random
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge


@cocotb.test()
async def random_traffic(dut):
    job = json.loads(Path(cocotb.plusargs["job"]).read_text())
    rng = random.Random(job["seed"])
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    banks = [(words, bits, [None] * words) for words, bits in job["banks"]]
    latest = [None] * len(banks)
    recent = [[0] for _ in banks]
    checked = 0
    await FallingEdge(dut.clk)
    for cycle in range(job["cycles"]):
        for index, (words, bits, stored) in enumerate(banks):
            enable, write = rng.random() < 0.85, rng.random() < 0.5
            # Every word is written, read and met again.
            address = (cycle % words if rng.random() < 0.3 else rng.choice(recent[index])
                       if rng.random() < 0.6 else rng.choice([words - 1, rng.randrange(words)]))
            recent[index] = [*recent[index][-3:], address]
            value, mask = rng.getrandbits(bits), rng.getrandbits(bits // 8)
            if stored[address] is None:
                mask = (1 << bits // 8) - 1
            for name, driven in (("enable", enable), ("write", write), ("write_data", value),
                                 ("write_mask", mask), ("address", address)):
                if name != "address" or words > 1:
                    getattr(dut, f"{name}_{index}").value = int(driven)
            if enable and write:
                whole = sum(0xFF << 8 * byte for byte in range(bits // 8) if mask >> byte & 1)
                stored[address] = (stored[address] or 0) & ~whole | value & whole
            elif enable:
                latest[index] = stored[address]
        await FallingEdge(dut.clk)
        for index, expected in enumerate(latest):
            if expected is not None:
                found = int(getattr(dut, f"read_data_{index}").value)
                assert found == expected, (cycle, banks[index][:2], hex(found), hex(expected))
                checked += 1
    assert checked > job["cycles"] * len(banks) / 2
