# SPDX-License-Identifier: Apache-2.0
"""Many inputs over several simulation processes."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path

import numpy as np

from .simulator import Processes, Simulator

__all__ = ["available_cpus", "run_jobs", "shares"]

LEAST = 2
"""Inputs of a simulation, where there are so many: a run must work after another one."""
PERIOD = 0.3


def available_cpus() -> int:
    """CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def shares(inputs: np.ndarray, jobs: int) -> list[np.ndarray]:
    """``inputs`` [N, ...] in order, as at most ``jobs`` parts of like size, ``LEAST`` at least."""
    if jobs < 1:
        raise ValueError(f"Jobs must be at least 1, not {jobs!r}")
    return np.array_split(inputs, max(1, min(jobs, len(inputs) // LEAST)))


def run_jobs(model: Simulator, module: str, jobs: Sequence[Path],
             progress: Callable[[int], None] | None = None,
             plusargs: Sequence[str] = ()) -> None:
    """Run ``module`` on each of the saved ``jobs`` at once, each in the job's folder, with
    ``plusargs``.

    ``progress`` is told from time to time how many inputs are done. Where one fails, the others
    are stopped, and its SimulationFault is raised.
    """
    processes = Processes()
    counts = [job.parent / "progress" for job in jobs]
    with _Follower(counts, progress), ThreadPoolExecutor(len(jobs)) as pool:
        started = [pool.submit(model.run, module, job=job, work=job.parent, processes=processes,
                               plusargs=plusargs)
                   for job in jobs]
        try:
            done, _ = wait(started, return_when=FIRST_EXCEPTION)
            for failed in started:
                if failed in done:
                    failed.result()
        finally:
            processes.stop()


class _Follower:
    """Passes on the sum of the counts in files while simulations run."""

    def __init__(self, paths: Sequence[Path], report: Callable[[int], None] | None):
        self.paths = paths
        self.report = report
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self.stop.wait(PERIOD):
            total = 0
            for path in self.paths:
                with suppress(FileNotFoundError, ValueError):  # not there yet, or being written
                    total += int(path.read_text())
            if self.report is not None:
                self.report(total)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *exc):
        self.stop.set()
        self.thread.join()
