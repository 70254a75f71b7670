# SPDX-License-Identifier: Apache-2.0
"""The verification suite holds for the demo spec, with and without stalled buses."""

import pytest
from systolith.gen.spec import load
from systolith.verif.verify import robustness, verify

CHECKS = {
    "good run", "reset in the middle of a layer", "foreign image", "no image", "truncated image",
    "two images one after the other", "two images side by side", "garbled descriptors",
    "watchdog bites", "window errors and strobes", "host access during a run",
    "everything by dma with stalls", "bus errors at the dma", "bus error during a run",
}


@pytest.mark.xdist_group("demo")
def test_suite_of_the_demo_spec():
    results = verify(load("demo"))
    assert {name for name, _, _ in results} >= CHECKS
    assert not [(name, detail) for name, passed, detail in results if not passed]


@pytest.mark.xdist_group("demo")
def test_robustness_with_stalled_buses():
    results = robustness(load("demo"), stalls=5)
    assert not [(name, detail) for name, passed, detail in results if not passed]
