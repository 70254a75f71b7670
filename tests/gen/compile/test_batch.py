# SPDX-License-Identifier: Apache-2.0
"""Inputs as pixels: shapes, cycles, and what is refused; bits are compared in ``tests/verif``."""

import numpy as np
import pytest
from systolith.gen.compile import CompileFault, batched
from systolith.gen.compile.lower import lower
from systolith.gen.compiler import compile_network
from systolith.gen.predict import predict
from systolith.gen.spec import load
from systolith.verif.networks import small_network

from ...random_designs import vector_network


def test_tensors_are_rows_of_inputs():
    lowered = lower(vector_network(np.random.default_rng(0)))
    wide = batched(lowered, 6)
    assert wide.batch == 6 and lowered.batch == 1
    assert {shape[:2] for shape in wide.shapes.values()} == {(1, 6)}
    for one, many in zip(lowered.layers, wide.layers, strict=True):
        assert many.source_shape == (1, 6, one.source_shape[2])
        assert many.output_shape == (1, 6, one.output_shape[2])
        assert many.macs == 6 * one.macs
    assert batched(lowered, 1) is lowered


def test_a_run_of_as_many_inputs_as_rows_takes_hardly_longer():
    spec = load("demo")
    network = vector_network(np.random.default_rng(0))
    one = predict(compile_network(spec, network)).cycles
    many = predict(compile_network(spec, network, batch=spec.rows)).cycles
    assert many < 1.5 * one


def test_layers_that_look_at_pixels_are_refused():
    with pytest.raises(CompileFault, match=r"layer conv \(CONV_2D\): --batch needs a network "
                                           "whose layers are all FULLY_CONNECTED or ADD"):
        compile_network(load("demo"), small_network(np.random.default_rng(0)), batch=2)


@pytest.mark.parametrize("count", [0, -1, 1025])
def test_bounds(count):
    with pytest.raises(CompileFault, match=f"--batch must be 1 to 1024, not {count}"):
        batched(lower(vector_network(np.random.default_rng(0))), count)
