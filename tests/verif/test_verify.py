# SPDX-License-Identifier: Apache-2.0
"""The verification suite holds for the demo spec."""

import pytest
from systolith.gen.spec import load
from systolith.verif.verify import verify

KINDS = {"random network", "bus stalls", "external memory", "resets", "images", "host window"}


@pytest.mark.xdist_group("demo")
def test_suite_of_the_demo_spec():
    results = verify(load("demo"))
    assert all(any(name.startswith(kind) for name, _, _ in results) for kind in KINDS)
    assert not [(name, detail) for name, passed, detail in results if not passed]
