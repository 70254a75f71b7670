# SPDX-License-Identifier: Apache-2.0
"""ADD as one weighted sum, for all pairs of values."""

import numpy as np
import pytest
from systolith.gen.fixed.addition import addition
from systolith.gen.importer import load
from systolith.golden import ops
from systolith.golden.network import Add
from systolith.verif.networks import random_addition

VALUES = np.arange(-128, 128)
A, B = (each.ravel() for each in np.meshgrid(VALUES, VALUES, indexing="ij"))


def computed(parameters):
    """What the hardware's constants give for all pairs, in channel 0."""
    scaling = parameters.scalings[0]
    factor_a, factor_b = parameters.graph.matrix[0]
    x = (factor_a * A + factor_b * B) * parameters.factors.matrix[0][0]
    shifted = (x + scaling.offset) >> scaling.shift
    shifted = shifted + np.isin(x, scaling.more) - np.isin(x, scaling.less)
    return scaling.low + np.clip(shifted, 0, scaling.high - scaling.low), scaling


def check(layer, most=16):
    parameters, ranges = addition(layer, [(-128, 127)] * 2, 2)
    found, scaling = computed(parameters)
    right = ops.add(A.astype(np.int8), B.astype(np.int8), layer)
    assert np.array_equal(found, right)
    assert ranges == [(right.min(), right.max())]
    assert len(scaling.more) + len(scaling.less) <= most


@pytest.mark.parametrize("seed", range(8))
def test_random(seed):
    check(random_addition(np.random.default_rng(seed), "sum", (0, 1), 2, (-128, 7), -5))


def test_of_a_residual_network(networks):
    layers = [layer for layer in load(networks / "pretrainedResnet_quant.tflite").layers
              if isinstance(layer, Add)]
    assert len(layers) == 3
    for layer in layers:
        check(layer)
