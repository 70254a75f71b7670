# SPDX-License-Identifier: Apache-2.0
"""Whole programs: every part finds what it reads, whenever transfers run."""

from collections import Counter

import numpy as np
import pytest
from systolith.gen.compile import CompileFault
from systolith.gen.compiler import compile_network

from ....external import ADDITIONS, external_spec, features
from ....random_designs import KINDS_OF_LAYERS, random_network, thinned
from .replay import faults

SEEDS = 14


@pytest.mark.parametrize(("kind", "weights", "activations", "sides", "kinds"), [
    ("vdbb", 16, 4, (8, 20), ADDITIONS),
    ("sta-dbb", 16, 4, (8, 20), ADDITIONS),
    ("s2ta-aw", 16, 8, (10, 30), KINDS_OF_LAYERS),
    ("sta", 16, 4, (8, 20), KINDS_OF_LAYERS),
    ("sa", 4, 2, (5, 13), ADDITIONS),
])
def test_every_part_finds_what_it_reads(kind, weights, activations, sides, kinds):
    spec = external_spec(kind, weights=weights, activations=activations, roomy=True)
    found: Counter = Counter()
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        network = random_network(rng, layers=int(rng.integers(3, 8)), sides=sides,
                                 kinds=kinds)
        if seed % 3 == 2:
            network = thinned(rng, network)
        try:
            program = compile_network(spec, network)
        except CompileFault:
            found["refused"] += 1
            continue
        assert not list(faults(program)), seed
        found += features(program)
    assert found["refused"] <= 0.6 * SEEDS
    assert found["striped"] >= 4 and found["stores"] >= 1 and found["columns"] >= 1
    assert found["released"] >= 1
    assert found["sums"] >= 1 or kinds is KINDS_OF_LAYERS


@pytest.mark.parametrize(("kind", "weights", "activations", "sides", "kinds", "seed"), [
    # Pads of a stripe's last row were moved over what lies behind it.
    ("vdbb", 16, 4, (10, 26), KINDS_OF_LAYERS, 93),
    ("vdbb", 16, 4, (10, 26), KINDS_OF_LAYERS, 102),
    # A sum of some rows was written over others, between the channel blocks of a whole tensor.
    ("sa", 8, 2, (5, 16), ADDITIONS, 6278),
    ("sa", 8, 2, (5, 16), ADDITIONS, 6199),
])
def test_programs_that_were_wrong(kind, weights, activations, sides, kinds, seed):
    rng = np.random.default_rng(seed)
    network = random_network(rng, layers=int(rng.integers(3, 8)), sides=sides, kinds=kinds)
    spec = external_spec(kind, weights=weights, activations=activations, roomy=True)
    program = compile_network(spec, network)
    assert any(segment.stripes > 1 for segment in program.segments)
    assert not list(faults(program))
