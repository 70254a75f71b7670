# SPDX-License-Identifier: Apache-2.0
"""Networks for cores without a vector unit: sums stay the same, and what has none is refused."""

import numpy as np
import pytest
from systolith.gen.compile import CompileFault
from systolith.gen.compile.engine_only import on_engine
from systolith.gen.compile.lower import lower
from systolith.golden.network import AveragePool, MaxPool
from systolith.rtl.sequencer.descriptor import Opcode

from ...random_designs import random_network
from .test_windows import network, pool


@pytest.mark.parametrize("seed", range(6))
def test_weights_are_those_of_the_window(seed):
    rng = np.random.default_rng(seed)
    before = lower(random_network(rng, separable=True))
    after = on_engine(before)
    moved = [(old, new) for old, new in zip(before.layers, after.layers, strict=True)
             if old.opcode is Opcode.WINDOW]
    assert moved and all(layer.opcode is Opcode.MATRIX for layer in after.layers)
    for old, new in moved:
        channels = np.arange(old.output_shape[2])
        assert np.array_equal(new.weights[channels, :, :, channels].transpose(1, 2, 0),
                              old.weights)
        assert np.count_nonzero(new.weights) == np.count_nonzero(old.weights)
        assert new.depthwise and new.macs == old.macs


def test_window_of_one_column_is_whole():
    lowered = lower(network(pool(AveragePool, (4, 5)), (4, 5, 8), (1, 1, 8)))
    assert not lowered.layers[0].sliding
    moved, = on_engine(lowered).layers
    assert moved.weights.shape == (8, 4, 5, 8) and moved.weights.sum() == 8 * 20


def test_max_pool_is_refused():
    lowered = lower(network(pool(MaxPool, (3, 3)), (6, 5, 8), (4, 3, 8)))
    with pytest.raises(CompileFault, match=r"MAX_POOL_2D\): it needs a vector unit"):
        on_engine(lowered)


def test_addition_is_refused():
    lowered = lower(random_network(np.random.default_rng(0), kinds=("add",)))
    with pytest.raises(CompileFault, match=r"ADD\): it needs a vector unit"):
        on_engine(lowered)
