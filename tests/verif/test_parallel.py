# SPDX-License-Identifier: Apache-2.0
"""Inputs over several processes: order kept, the first fault told, the other processes stopped."""

import sys
import time

import numpy as np
import pytest
from systolith.verif.parallel import available_cpus, run_jobs, shares
from systolith.verif.simulator import SimulationFault


class Model:
    """Stands in for a simulator: a process a job, whose Python is in the job's file."""

    def run(self, module, *, job, work, processes, plusargs):
        assert not plusargs
        if processes.run([sys.executable, "-c", job.read_text()], cwd=work):
            raise SimulationFault(f"{job.parent.name} failed")


def jobs(tmp_path, *texts):
    paths = []
    for index, text in enumerate(texts):
        (tmp_path / str(index)).mkdir()
        paths.append(tmp_path / str(index) / "job")
        paths[-1].write_text(text)
    return paths


@pytest.mark.parametrize(("count", "wanted", "sizes"), [
    (1, 4, [1]), (2, 4, [2]), (3, 4, [3]), (5, 2, [3, 2]), (100, 3, [34, 33, 33]), (9, 1, [9])])
def test_shares(count, wanted, sizes):
    inputs = np.arange(3 * count).reshape(count, 3)
    parts = shares(inputs, wanted)
    assert [len(part) for part in parts] == sizes
    np.testing.assert_array_equal(np.concatenate(parts), inputs)


def test_no_jobs():
    with pytest.raises(ValueError, match="Jobs must be at least 1, not 0"):
        shares(np.zeros((3, 1)), 0)


def test_at_least_one_cpu():
    assert available_cpus() >= 1


def test_progress_is_the_sum(tmp_path):
    text = "open('progress', 'w').write('{}'); import time; time.sleep(1)"
    counts = []
    run_jobs(Model(), "bench", jobs(tmp_path, text.format(3), text.format(4)), counts.append)
    assert counts[-1] == 7


def test_a_fault_stops_the_others(tmp_path):
    late = tmp_path / "late"
    slow = f"import time; time.sleep(60); open({str(late)!r}, 'w')"
    start = time.monotonic()
    with pytest.raises(SimulationFault, match="^1 failed$"):
        run_jobs(Model(), "bench", jobs(tmp_path, slow, "raise SystemExit(3)", slow))
    assert time.monotonic() - start < 30
    assert not late.exists()
