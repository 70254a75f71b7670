# SPDX-License-Identifier: Apache-2.0
"""What the core has no way for is refused in a sentence that names the layer."""

from dataclasses import replace

import numpy as np
import pytest
from systolith.gen.compile import CompileFault
from systolith.gen.compile.lower import lower
from systolith.golden.network import AveragePool, Network, Tensor
from systolith.rtl.sequencer.descriptor import Opcode
from systolith.verif.networks import small_network


def _changed(name, **fields):
    network = small_network(np.random.default_rng(0))
    layers = tuple(replace(layer, **fields) if layer.name == name else layer
                   for layer in network.layers)
    return replace(network, layers=layers)


@pytest.mark.parametrize(("network", "sentence"), [
    (_changed("conv", stride=(3, 3)), "layer conv .*stride must be 1 or 2, not 3"),
    (_changed("dense", weights=np.ones((16, 8), np.int8)), "layer dense .*weights expect 8 inputs"),
    (_changed("sum", sources=(0, 2)), "layer sum .*both inputs must have one shape"),
    (replace(small_network(np.random.default_rng(0)), outputs=(5, 6)),
     "one input and one output, not 1 and 2"),
])
def test_refusals(network, sentence):
    with pytest.raises(CompileFault, match=sentence):
        lower(network)


def test_large_depthwise_kernels_run_on_the_engine():
    weights = np.random.default_rng(1).integers(-127, 128, (5, 5, 16)).astype(np.int8)
    network = _changed("depthwise", weights=weights, padding=(2, 2, 2, 2))
    small, large = (next(layer for layer in lower(net).layers if layer.name == "depthwise")
                    for net in (small_network(np.random.default_rng(0)), network))
    assert (small.opcode, large.opcode) == (Opcode.WINDOW, Opcode.MATRIX)
    assert large.weights.shape == (16, 5, 5, 16)
    for channel in range(16):
        np.testing.assert_array_equal(large.weights[channel, :, :, channel],
                                      weights[..., channel])
    assert np.count_nonzero(large.weights) == np.count_nonzero(weights)
    assert large.macs == 4 * 5 * 16 * 25 and small.macs == 4 * 5 * 16 * 9


@pytest.mark.parametrize("window", [(1, 1), (2, 1), (3, 1), (3, 3), (5, 5), (7, 7), (25, 5),
                                    (64, 10), (255, 7), (255, 255)])
def test_average_of_any_window_has_an_exact_reciprocal(window):
    count = window[0] * window[1]
    pool = AveragePool("pool", "AVERAGE_POOL_2D", (0,), 1, window, (1, 1), (0, 0, 0, 0),
                       -128, 127)
    tensors = {0: Tensor(0, "in", (1, *window, 8)), 1: Tensor(1, "out", (1, 1, 1, 8))}
    layer, = lower(Network("pool", tensors, (pool,), (0,), (1,))).layers
    multiplier, shift = int(layer.requantise.multiplier[0]), int(layer.requantise.shift[0])
    sums = np.arange(128 * count + 1, dtype=np.int64)
    np.testing.assert_array_equal(((sums + int(layer.bias[0])) * multiplier) >> (31 + shift),
                                  (sums + count // 2) // count)
