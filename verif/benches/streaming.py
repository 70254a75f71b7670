# SPDX-License-Identifier: Apache-2.0
"""Streams every input in, frame after frame, a run for each; reads outputs, counters, monitors."""

from pathlib import Path

import cocotb
import numpy as np
from cocotb.triggers import Event
from systolith.rtl.bus.register_map import REGISTERS
from systolith.rtl.frames.slots import SLOTS
from systolith.verif.host import PERIOD_NS, Host
from systolith.verif.job import Answer, Job
from systolith.verif.memories import Memories, Places
from systolith.verif.monitor import ResultMonitor, UnitMonitor
from systolith.verif.stream_source import StreamSource

COUNTERS = [register.name for register in REGISTERS
            if 0x80 <= register.offset < 0x100 and register.access == "ro"]


@cocotb.test()
async def streaming(dut):
    job = Job.load(Path(cocotb.plusargs["job"]))
    host = Host(dut, stalls=job.stalls)
    source = StreamSource(dut, stalls=job.stalls)
    await host.reset()
    monitors = {unit: ResultMonitor(dut, unit) for unit in ("post", "vector", "handoff")
                if hasattr(dut, f"monitor_{unit}_valid") and (job.monitor or unit == "handoff")}
    fixed = [ResultMonitor(dut, f"fixed_{index}", "strobe", "pixel")
             for index in range(job.fixed_layers)] if job.monitor else []
    loader = host if job.places is None else Memories(dut, Places(**job.places))
    await loader.store(job.image_runs, job.image)
    await host.write("WATCHDOG", job.watchdog)
    await host.write("CONDITIONS", job.conditions)
    units = UnitMonitor(dut, PERIOD_NS) if job.trace else None
    count = len(job.frames)
    ahead = min(SLOTS, count)
    begun = [Event() for _ in range(count + SLOTS)]  # runs, or rather when they can begin

    async def stream():
        for index, frame in enumerate(job.frames):
            if index >= SLOTS:  # while the run of the frame before goes on
                await begun[index - 1].wait()
            await source.send(frame)

    task = cocotb.start_soon(stream())
    # Both slots are full before the first run: this is how they are.
    while await host.read("STREAM_STATUS") & 3 != ahead:
        pass
    slots = [await host.fetch(runs) for runs in job.slot_runs[:ahead]]
    cycles, words, layer_cycles, outputs = [], [], [], []
    await host.write("STREAM", 1)
    for index in range(count):
        begun[index].set()
        cycles.append(await host.finish(clear=False))
        if units is not None:
            units.stop()
        words.append(await host.read("STREAM_WORDS"))
        outputs.append(await host.fetch(job.output_runs))
        layer_cycles.append(await host.layer_cycles(job.layers))
        if index == count - 1:
            await host.write("STREAM", 0)
        await host.write("STATUS_CLEAR", 3)
        (job.folder / "progress").write_text(str(index + 1))
    await task
    assert await host.read("STREAM_STATUS") & 0x1B == 0, "something is left of the frames"
    empty = np.zeros((0, 8), np.int8)
    Answer(
        outputs=np.array(outputs), cycles=np.array(cycles), waits=np.zeros(count, int),
        layer_cycles=np.array(layer_cycles),
        counters={name: await host.read(name) for name in COUNTERS},
        post=monitors["post"].take() if job.monitor else empty,
        vector=monitors["vector"].take() if "vector" in monitors else empty,
        units=units.changes if units else np.zeros((0, 2), int),
        handoff=monitors["handoff"].take(), slots=np.array(slots), stream_words=np.array(words),
        fixed=[monitor.take() for monitor in fixed],
    ).save(job.folder)
