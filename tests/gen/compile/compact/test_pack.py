# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pytest
import systolith.gen.demo as demo
from systolith.gen.compile import CompileFault, lower
from systolith.gen.compile.compact.pack import channel_weights, check_supported, records, scale_rows
from systolith.gen.importer import load as load_model
from systolith.golden.network import MaxPool
from systolith.verif.networks import branching_network, small_network

LAYERS = [*lower(small_network(np.random.default_rng(1), adds=False)).layers,
          *lower(load_model(Path(demo.__file__).parent / "digits_dense.tflite")).layers]


@pytest.mark.parametrize("low", LAYERS, ids=lambda low: low.name)
def test_record_holds_what_a_channel_needs(low):
    content = records(low, 24)
    words = (32 + scale_rows(low) + 7) // 8
    own = channel_weights(low)
    assert (own is not None) == (low.kind in ("DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D"))
    for channel in range(low.output_shape[2]):
        raw = content[channel // 8].astype("<u8").tobytes()
        lane = channel % 8
        bits = [raw[row] >> lane & 1 for row in range(8 * words)]
        multiplier = sum(bit << row for row, bit in enumerate(bits[:31]))
        assert multiplier == low.requantise.multiplier[channel]
        assert sum(bits[32:]) == low.requantise.shift[channel]
        assert bits[32:] == sorted(bits[32:], reverse=True)
        found = (low.weights[channel] if own is None else own[..., channel]).astype(int)
        bias = int.from_bytes(raw[8 * words + 4 * lane:][:4], "little", signed=True)
        assert bias == (0 if low.magnitude else low.bias[channel]) \
            - low.source_zero_point * int(found.sum())
        weights = np.frombuffer(raw[8 * words + 32:], np.int8)[lane::8]
        np.testing.assert_array_equal(weights, found.ravel())


def test_sums_that_do_not_fit():
    low = max(LAYERS, key=lambda low: low.weights.size)
    with pytest.raises(CompileFault, match=r"engine.accumulator_bits must be at least 2\d for "
                                           r"channel \d+, not 16"):
        records(low, 16)


def test_layers_without_a_way():
    adds = lower(small_network(np.random.default_rng(1))).layers
    with pytest.raises(CompileFault, match="sum .ADD.: the compact core adds no tensors; use "
                                           "another engine.kind than simd"):
        for low in adds:
            check_supported(low)
    network = branching_network(np.random.default_rng(1))
    assert any(isinstance(layer, MaxPool) for layer in network.layers)
    with pytest.raises(CompileFault, match="the compact core takes no maximum"):
        for low in lower(network).layers:
            check_supported(low)
