# SPDX-License-Identifier: Apache-2.0
"""Weights and activations that come and go over the DMA: bits, cycles, bytes moved."""

from collections import Counter

import numpy as np
import pytest
from systolith.gen.compile import CompileFault
from systolith.gen.mapping import compile_network
from systolith.verif.run import run_in_turn, simulator
from systolith.verif.stress import TRANSFERS, stress

from ..exact import compare
from ..external import ADDITIONS, external_spec, features
from ..random_designs import KINDS_OF_LAYERS, random_inputs, random_network

CASES = 10


def _cases(spec, seed, kinds):
    """Networks from a seed that fit, of which most run in stripes, each with two inputs."""
    given = 0
    while True:
        rng = np.random.default_rng(seed)
        network = random_network(rng, layers=int(rng.integers(3, 7)), sides=(7, 16), kinds=kinds)
        seed += 1
        try:
            program = compile_network(spec, network)
        except CompileFault:
            continue
        if not features(program)["striped"] and given % 4:
            continue
        given += 1
        yield program, random_inputs(rng, network, 2)


# Two of the kinds: ``make evidence`` takes them all.
@pytest.mark.parametrize("kind", [
    pytest.param("sta-dbb", marks=pytest.mark.xdist_group("external")),
    pytest.param("vdbb", marks=pytest.mark.xdist_group("external vdbb"))])
@pytest.mark.parametrize("stalls", [None, 3])
def test_random_networks(kind, stalls):
    spec = external_spec(kind)
    cases, found = [], Counter()
    for kinds in (KINDS_OF_LAYERS, ADDITIONS):
        source = _cases(spec, 100 if stalls is None else 200, kinds)
        cases += [next(source) for _ in range(CASES // 2)]
    for (program, inputs), result in zip(
            cases, run_in_turn(cases, simulator(spec), stalls=stalls), strict=True):
        compare(program, inputs, result, stalled=stalls is not None)
        found += features(program)
    assert found["striped"] >= CASES // 2 and found["input"] >= CASES // 4, found
    assert min(found[name] for name in ("stores", "released", "columns", "sums")) >= 1, found


@pytest.mark.xdist_group("external")
def test_bench_sees_a_wrong_bit():
    results = stress(external_spec("sta-dbb"), [TRANSFERS], falsify=True)
    assert not any(passed for name, passed, _ in results)
