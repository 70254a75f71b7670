# SPDX-License-Identifier: Apache-2.0
"""A private copy of the package, with a fault or without, and tests that run against it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from .fault import Fault

__all__ = ["ROOT", "copy_package", "plant", "run_tests"]

ROOT = Path(__file__).parents[2]
PARTS = ("golden", "rtl", "gen", "verif", "fpga", "tests", "pyproject.toml")


def copy_package(folder: Path) -> Path:
    """Copy the package and its tests below ``folder``; returns the copy's root."""
    copy = folder / "copy"
    copy.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, copy / part)
        else:
            shutil.copy2(ROOT / part, copy / part)
    site = folder / "site"
    site.mkdir()
    (site / "systolith").symlink_to(copy, target_is_directory=True)
    return copy


def plant(fault: Fault, root: Path) -> None:
    """Put ``fault`` into the copy at ``root``; AssertionError unless its snippet occurs once."""
    source = root / fault.path
    text = source.read_text()
    count = text.count(fault.old)
    assert count == 1, f"{fault.name}: snippet occurs {count} times in {fault.path}, not once"
    source.write_text(text.replace(fault.old, fault.new))


def run_tests(root: Path, nodes: Iterable[str]) -> subprocess.CompletedProcess:
    """Run pytest on ``nodes`` in the copy, which is what ``systolith`` means there."""
    paths = [str(root.parent / "site"), os.environ.get("PYTHONPATH", "")]
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("PYTEST_")}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider",
         *nodes],
        cwd=root, env=environment, capture_output=True, text=True, timeout=600)
