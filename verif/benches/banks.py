# SPDX-License-Identifier: Apache-2.0
"""Runs the first input once for every activation bank, and counts that bank's words alone."""

from pathlib import Path

import cocotb
import numpy as np
from systolith.verif.host import Host
from systolith.verif.job import Answer, Job


@cocotb.test()
async def counted_banks(dut):
    job = Job.load(Path(cocotb.plusargs["job"]))
    host = Host(dut, stalls=job.stalls)
    await host.reset()
    await host.store(job.image_runs, job.image)
    await host.store(job.input_runs, job.inputs[0])
    counters, cycles = {}, []
    for group in range(2):
        for bank in range(job.banks):
            await host.write("COUNTED_BANK", 1 << 9 | group << 8 | bank)
            cycles.append(await host.run())
            for name in ("ACTIVATION_READS", "ACTIVATION_WRITES"):
                counters[f"{name}_{group}_{bank}"] = await host.read(name)
    outputs = np.array([await host.fetch(job.output_runs)])
    empty = np.zeros((0, 8), np.int8)
    Answer(outputs=outputs, cycles=np.array(cycles),
           waits=np.zeros(1, int), counters=counters,
           layer_cycles=np.array([await host.layer_cycles(job.layers)]),
           post=empty, vector=empty, units=np.zeros((0, 2), int)).save(job.folder)
