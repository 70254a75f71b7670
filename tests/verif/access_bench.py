# SPDX-License-Identifier: Apache-2.0
"""Runs each input and says what it read and wrote in every macro, by the path of its instance."""

import json
from pathlib import Path

import cocotb
from cocotb.triggers import ClockCycles
from systolith.verif.external_memory import StreamingMemory
from systolith.verif.host import Host
from systolith.verif.job import Job


def _macros(handle, found: list) -> list:
    """Instances below ``handle`` that count."""
    for child in handle:
        if child._name == "reads":
            found.append(handle)
        elif hasattr(child, "__iter__") and type(child).__name__ == "HierarchyObject":
            _macros(child, found)
    return found


@cocotb.test()
async def accesses(dut):
    job = Job.load(Path(cocotb.plusargs["job"]))
    host = Host(dut, stalls=job.stalls)
    await host.reset()
    await host.store(job.image_runs, job.image)
    macros = _macros(dut, [])
    memory = None
    if job.external.size:
        memory = StreamingMemory(dut, job.external.size, latency=job.latency, stalls=job.stalls)
        memory.words[:] = job.external

    def counts() -> dict[str, list[int]]:
        return {macro._path: [int(macro.reads.value), int(macro.writes.value)]
                for macro in macros}

    runs = []
    for words in job.inputs:
        if job.input_outside:
            for address, first, count in job.input_runs:
                memory.words[address // 8:address // 8 + count] = words[first:first + count]
        else:
            await host.store(job.input_runs, words)
        await ClockCycles(dut.clk, 8)
        before = counts()
        await host.run()
        after = counts()
        runs.append({path: [b - a for a, b in zip(before[path], after[path], strict=True)]
                     for path in before})
    if memory is not None:
        memory.leave()
    (job.folder / "accesses.json").write_text(json.dumps(runs))
