# SPDX-License-Identifier: Apache-2.0
"""Every fault of the catalogue is seen by its test, which passes on the RTL as it is."""

import subprocess
import sys

import pytest

from .catalogue import FAULTS
from .harness import ROOT, copy_package, plant, run_tests
from .second import SECOND

TESTS_FAILED = 1  # pytest's exit code; errors of collection and usage have others


@pytest.mark.slow
def test_killers_pass_without_faults(tmp_path):
    result = run_tests(copy_package(tmp_path), sorted({fault.killer for fault in FAULTS}))
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_fault_is_seen(fault, tmp_path):
    root = copy_package(tmp_path)
    plant(fault, root)
    result = run_tests(root, [fault.killer])
    assert result.returncode == TESTS_FAILED, result.stdout + result.stderr


def test_names_are_unique():
    names = [fault.name for fault in FAULTS + SECOND]
    assert len(set(names)) == len(names)


def test_snippets_occur_once():
    for fault in FAULTS + SECOND:
        text = (ROOT / fault.path).read_text()
        assert text.count(fault.old) == 1, fault.name


def test_copy_is_what_is_imported(tmp_path):
    root = copy_package(tmp_path)
    script = "import systolith.rtl.core as core; print(core.__file__)"
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(tmp_path / "site")})
    assert str(ROOT) not in result.stdout and str(tmp_path) in result.stdout
