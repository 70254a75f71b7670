# SPDX-License-Identifier: Apache-2.0
"""Random networks on memories too small for them: weights streamed, activations in stripes."""

import numpy as np
import pytest
from systolith.gen.compile import CompileFault
from systolith.gen.mapping import compile_network
from systolith.gen.spec import load
from systolith.verif.run import run, simulator

from ..exact import compare
from ..random_designs import random_inputs, random_network

SMALL = ["postproc.lanes=8", "engine.zero_gating=true", "memory.weight_source=external",
         "memory.weights=8 KiB", "memory.activations=4 KiB", "memory.program=64 KiB",
         "memory.schedule=64 KiB"]
SEEDS = range(12)


@pytest.mark.parametrize("kind", [pytest.param("vdbb", marks=pytest.mark.xdist_group("external"))])
def test_random_networks(kind):
    """Every layer's tensor, every layer's cycles, bytes moved; with and without stalls."""
    spec = load("demo", [f"engine.kind={kind}", *SMALL])
    striped = spilled = cut = 0
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        network = random_network(rng, layers=int(rng.integers(3, 7)))
        try:
            program = compile_network(spec, network)
        except CompileFault as fault:
            assert "no way to cut it that was tried fits" in str(fault)
            continue
        inputs = random_inputs(rng, network, 2)
        for stalls in (None, seed):
            compare(program, inputs, run(program, inputs, simulator(spec), layers=True,
                                         stalls=stalls))
        striped += any(segment.stripes > 1 for segment in program.segments)
        spilled += any(move.write_out for move in program.moves)
        cut += any(layer.part.channels[0] for layer in program.layers)
    assert striped >= 4 and spilled >= 2 and cut >= 1
