# SPDX-License-Identifier: Apache-2.0
"""Every stress bench sees a wrong bit. That they hold is shown by the suite in ``test_verify``."""

import pytest
from systolith.gen.spec import load
from systolith.verif.stress import BENCHES, stress


@pytest.mark.xdist_group("demo")
@pytest.mark.parametrize("bench", BENCHES)
def test_bench_sees_a_wrong_bit(bench):
    results = stress(load("demo"), [bench], falsify=True)
    assert not all(passed for _, passed, _ in results)
