# SPDX-License-Identifier: Apache-2.0
"""Loads an image, runs every input back to back, reads outputs, counters and monitors; then the
next image."""

from pathlib import Path

import cocotb
import numpy as np
from systolith.rtl.bus.register_map import ARRAY_REGISTERS, REGISTERS
from systolith.verif.external_memory import StreamingMemory
from systolith.verif.host import PERIOD_NS, Host
from systolith.verif.job import Answer, Job
from systolith.verif.memories import Memories, Places
from systolith.verif.monitor import ResultMonitor, UnitMonitor

COUNTERS = [register.name for register in REGISTERS
            if 0x80 <= register.offset < 0x100 and register.access == "ro"]
ARRAY_COUNTERS = [register.name for register in ARRAY_REGISTERS if register.access == "ro"]


@cocotb.test()
async def inference(dut):
    job: Job | None = Job.load(Path(cocotb.plusargs["job"]))
    host = Host(dut, stalls=job.stalls)
    await host.reset()
    monitors = {unit: ResultMonitor(dut, unit) for unit in ("post", "vector")
                if hasattr(dut, f"monitor_{unit}_valid")} if job.monitor else {}
    while job is not None:
        await _infer(host, monitors, job)
        job = Job.load(Path(job.following)) if job.following else None


async def _infer(host: Host, monitors: dict[str, ResultMonitor], job: Job) -> None:
    progress = job.folder / "progress"
    loader = host if job.places is None else Memories(host.dut, Places(**job.places))
    await loader.store(job.image_runs, job.image)
    await host.write("WATCHDOG", job.watchdog)
    for name, value in ({"CONDITIONS": job.conditions} | job.registers).items():
        await host.write(name, value)
    memory = None
    if job.external.size:
        memory = StreamingMemory(host.dut, job.external.size, latency=job.latency,
                                 stalls=job.stalls)
        memory.words[:] = job.external
    units = UnitMonitor(host.dut, PERIOD_NS) if job.trace else None
    outputs, cycles, waits, layer_cycles = [], [], [], []
    for index, words in enumerate(job.inputs):
        if job.input_outside:
            for address, first, count in job.input_runs:
                memory.words[address // 8:address // 8 + count] = words[first:first + count]
        else:
            await loader.store(job.input_runs, words)
        cycles.append(await host.run())
        if units is not None:
            units.stop()
        waits.append(await host.read("STALL_TRANSFER"))
        outputs.append(await host.fetch(job.output_runs))
        layer_cycles.append(await host.layer_cycles(job.layers))
        progress.write_text(str(index + 1))
    if memory is not None:
        memory.leave()
    empty = np.zeros((0, 8), np.int8)
    Answer(
        outputs=np.array(outputs), cycles=np.array(cycles), waits=np.array(waits),
        layer_cycles=np.array(layer_cycles),
        counters={name: await host.read(name)
                  for name in COUNTERS + (ARRAY_COUNTERS if job.array else [])},
        post=monitors["post"].take() if monitors else empty,
        vector=monitors["vector"].take() if "vector" in monitors else empty,
        units=units.changes if units else np.zeros((0, 2), int),
    ).save(job.folder)
