# SPDX-License-Identifier: Apache-2.0
"""Weights and activations that come and go over the DMA: bits, cycles, bytes moved."""

from collections import Counter

import pytest
from systolith.verif.run import run_in_turn, simulator
from systolith.verif.stress import TRANSFERS, stress

from ..exact import compare
from ..external import ADDITIONS, external_cases, external_spec, features
from ..random_designs import KINDS_OF_LAYERS

CASES = 6


# ``make evidence`` takes all kinds, with stalls and without.
@pytest.mark.parametrize(("kind", "stalls"), [
    pytest.param("sta-dbb", 3, marks=[pytest.mark.xdist_group("external"), pytest.mark.slow]),
    pytest.param("vdbb", None, marks=pytest.mark.xdist_group("external vdbb"))])
def test_random_networks(kind, stalls):
    spec = external_spec(kind)
    cases, found = [], Counter()
    for kinds in (KINDS_OF_LAYERS, ADDITIONS):
        source = external_cases(spec, 100 if stalls is None else 200, kinds)
        cases += [next(source) for _ in range(CASES // 2)]
    for (program, inputs), result in zip(
            cases, run_in_turn(cases, simulator(spec), stalls=stalls), strict=True):
        compare(program, inputs, result)
        found += features(program)
    assert found["striped"] >= CASES // 2 and found["input"] >= CASES // 4, found
    assert min(found[name] for name in ("stores", "released", "columns", "sums")) >= 1, found


@pytest.mark.xdist_group("external")
def test_bench_sees_a_wrong_bit():
    results = stress(external_spec("sta-dbb"), [TRANSFERS], falsify=True)
    assert not any(passed for name, passed, _ in results)
