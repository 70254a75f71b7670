# SPDX-License-Identifier: Apache-2.0
"""Synthesis of a chip's blocks, each once, kept by the hash of all that it depends on."""

import contextlib
import gzip
import hashlib
import importlib.metadata
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .implementation import implement
from .library import Library
from .netlist import Instance, Netlist
from .synthesis import SCRIPTS, SynthesisFault
from .technology import Technology

__all__ = ["Block", "Job", "cache_folder", "synthesise_blocks"]

WORKERS = 2
_VERSION = 1
"""Of the kept form and of the steps here; another one is made anew."""
_SOURCES = ("boolean", "delay_model", "families", "fanout", "gates", "implementation", "liberty",
            "liberty_cell", "liberty_syntax", "liberty_writer", "library", "netlist", "sizing",
            "sizing_kernels", "synthesis", "technology", "timing", "timing_kernels",
            "yosys_child")
"""Modules that a result depends on."""


@dataclass(frozen=True)
class Job:
    """A block to be synthesised: ``module`` of ``verilog``, whose instances of ``children`` stay
    what they are, for a clock of ``clock_ps`` (None: for area alone)."""

    module: str
    verilog: str
    children: tuple[str, ...]
    library: Library
    technology: Technology
    clock_ps: float | None
    script: str = "flow"

    def key(self) -> str:
        """What names the result."""
        parts = [str(_VERSION), self.module, self.verilog, *self.children, str(self.clock_ps),
                 SCRIPTS[self.script], self.technology.model_dump_json(),
                 *map(_digest, self.library.paths), _tools()]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Block:
    """A synthesised block: ``netlist``; area in um² or gate equivalents; ``period`` in ps or tau:
    the critical path among its own registers and ports, which end ``path``."""

    netlist: Netlist
    area: float
    period: float
    path: str


def cache_folder() -> Path:
    """Where blocks are kept: this user's own."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "systolith" / "blocks"


def synthesise_blocks(jobs: Sequence[Job], *, cache: Path | None = None,
                      done: Callable[[str], None] = lambda module: None) -> dict[str, Block]:
    """Each job's block, by its module; ``done`` hears of each. Raises SynthesisFault."""
    folder = cache or cache_folder()
    found: dict[str, Block] = {}
    missing = []
    for job in jobs:
        kept = _recall(folder / f"{job.key()}.json.gz")
        if kept is None:
            missing.append(job)
        else:
            found[job.module] = kept
            done(job.module)
    # Yosys and abc, most of the time, are processes of their own. The longest go first.
    missing.sort(key=lambda job: -len(job.verilog))
    with ThreadPoolExecutor(WORKERS) as pool:
        running = {pool.submit(_make, job): job for job in missing}
        try:
            for future in as_completed(running):
                job = running[future]
                found[job.module] = block = future.result()
                _keep(folder / f"{job.key()}.json.gz", block)
                done(job.module)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return found


def _make(job: Job) -> Block:
    try:
        netlist, report = implement(job.verilog, job.module, job.library, job.technology,
                                    job.clock_ps, scripts=[job.script], children=job.children)
    except SynthesisFault as fault:
        raise SynthesisFault(f"{job.module}: {fault}", fault.log) from None
    path = report.after.path
    start = path[0].instance if path else "nothing"
    return Block(netlist, report.area_after, report.after.period, f"{start} -> {report.after.end}")


@cache
def _digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@cache
def _tools() -> str:
    folder = Path(__file__).parent
    digest = hashlib.sha256(importlib.metadata.version("pyosys").encode())
    for name in _SOURCES:
        digest.update((folder / f"{name}.py").read_bytes())
    return digest.hexdigest()


def _recall(path: Path) -> Block | None:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            told = json.load(stream)
        return Block(_netlist(told["netlist"]), told["area"], told["period"], told["path"])
    except (OSError, EOFError, ValueError, KeyError, TypeError):
        return None


def _netlist(told: Mapping) -> Netlist:
    children = {name: (kind, clock) for name, (kind, clock) in told["children"].items()}
    return Netlist(told["name"], told["nets"],
                   [Instance(name, cell, pins) for name, cell, pins in told["instances"]],
                   told["inputs"], told["outputs"], told["clock"], children)


def _keep(path: Path, block: Block) -> None:
    """Whole or not at all; a cache that cannot be written costs time only."""
    n = block.netlist
    told = {"netlist": {
        "name": n.name, "nets": n.nets, "inputs": n.inputs, "outputs": n.outputs,
        "clock": n.clock, "children": n.children,
        "instances": [(i.name, i.cell, i.pins) for i in n.instances]},
        "area": block.area, "period": block.period, "path": block.path}
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as raw, gzip.open(raw, "wt", encoding="utf-8",
                                                       compresslevel=3) as stream:
            json.dump(told, stream)
        os.replace(name, path)
