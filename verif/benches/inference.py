# SPDX-License-Identifier: Apache-2.0
"""Loads an image, runs every input back to back, reads outputs, counters and monitors."""

from pathlib import Path

import cocotb
import numpy as np
from systolith.rtl.bus.register_map import REGISTERS
from systolith.verif.host import PERIOD_NS, Host
from systolith.verif.job import Answer, Job
from systolith.verif.memories import Memories, Places
from systolith.verif.monitor import ResultMonitor, UnitMonitor

COUNTERS = [register.name for register in REGISTERS
            if 0x80 <= register.offset < 0x100 and register.access == "ro"]


@cocotb.test()
async def inference(dut):
    job = Job.load(Path(cocotb.plusargs["job"]))
    progress = job.folder / "progress"
    host = Host(dut, stalls=job.stalls)
    await host.reset()
    monitors = {unit: ResultMonitor(dut, unit) for unit in ("post", "vector")} \
        if job.monitor else {}
    loader = host if job.places is None else Memories(dut, Places(**job.places))
    await loader.store(job.image_runs, job.image)
    await host.write("WATCHDOG", job.watchdog)
    units = UnitMonitor(dut, PERIOD_NS) if job.trace else None
    outputs, cycles, layer_cycles = [], [], []
    for index, words in enumerate(job.inputs):
        await loader.store(job.input_runs, words)
        cycles.append(await host.run())
        if units is not None:
            units.stop()
        outputs.append(await host.fetch(job.output_runs))
        layer_cycles.append(await host.layer_cycles(job.layers))
        progress.write_text(str(index + 1))
    empty = np.zeros((0, 8), np.int8)
    Answer(
        outputs=np.array(outputs), cycles=np.array(cycles), layer_cycles=np.array(layer_cycles),
        counters={name: await host.read(name) for name in COUNTERS},
        post=monitors["post"].beats if monitors else empty,
        vector=monitors["vector"].beats if monitors else empty,
        units=units.changes if units else np.zeros((0, 2), int),
    ).save(job.folder)
