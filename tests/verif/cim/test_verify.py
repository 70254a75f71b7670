# SPDX-License-Identifier: Apache-2.0
"""The verification suite on compute-in-memory macros."""

import pytest
from systolith.gen.spec import load
from systolith.verif.stress import stress
from systolith.verif.verify import verify

SHAPE = ["cim.rows=152", "cim.columns=128", "postproc.lanes=8"]
RELOADED = ["cim.residency=reloaded", "cim.columns=32", "cim.mux=2"]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "settings"), [
    ("cim-digital", []), ("cim-digital", RELOADED), ("cim-pcm", ["cim.adc_shift=10"]),
    ("cim-digital", ["cim.fragment=4", "cim.early_stop=true"])])
def test_suite_holds(name, settings):
    results = verify(load(name, [*SHAPE, *settings]))
    assert len(results) >= 70
    assert [(name, detail) for name, passed, detail in results if not passed] == []


@pytest.mark.xdist_group("cim")
def test_bench_sees_a_wrong_bit():
    results = stress(load("cim-digital", SHAPE), ["bus_stalls"], falsify=True)
    assert not all(passed for _, passed, _ in results)
