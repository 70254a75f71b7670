# SPDX-License-Identifier: Apache-2.0
"""The tests that ``make test`` leaves out: planted faults, and further cases of others."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from .table import Result, Section

__all__ = ["SECTIONS"]

TESTS = Path(__file__).parents[1]


def slow_tests(networks: Path, pdk: Path) -> Iterator[Result]:
    """All of them, on two processors."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(TESTS), "--slow", "-q", "-n", "2", "--dist",
         "loadgroup", "--networks", str(networks), "--pdk", str(pdk), "--require-shared"],
        cwd=TESTS.parent, capture_output=True, text=True)
    last = done.stdout.strip().splitlines()[-1:] or [done.stderr.strip()]
    yield "tests marked slow", "all pass", last[0], done.returncode == 0


SECTIONS: tuple[Section, ...] = ((slow_tests, "pdk"),)
