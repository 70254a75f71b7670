# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from systolith.gen.cim.apart import lay_apart
from systolith.golden import interpreter
from systolith.golden.cim.analognets import CHANNELS, keyword_spotting
from systolith.golden.cim.layers import place
from systolith.golden.cim.macros import DigitalMacro
from systolith.golden.cim.network import array_layers, conversions, run
from systolith.golden.network import DepthwiseConvolution


@pytest.fixture(scope="module")
def network():
    return keyword_spotting()


def test_991_conversions_each_of_one_tile_and_phase(network):
    _, mappings = lay_apart(network, rows=1024, adcs=128)
    layers = array_layers(network, mappings)
    assert [(layer.pixels, layer.rows, len(layer.weights)) for layer in layers.values()] == [
        (49 * 10, 40, CHANNELS), *[(25 * 5, 9 * CHANNELS, CHANNELS)] * 4, (1, CHANNELS, 12)]
    assert all(mapping.conversions == 1 for mapping in mappings.values())
    assert conversions(layers, mappings) == 991
    # AnalogNets' rate at 130 ns a conversion.
    rate = 1e9 / (991 * 130)
    assert rate == pytest.approx(7762, abs=0.5)


def test_57_percent_of_the_cells_and_no_depthwise_layer(network):
    used = sum(layer.rows * len(layer.weights) for layer in array_layers(
        network, lay_apart(network)[1]).values())
    assert used / (1024 * 512) == pytest.approx(0.565, abs=0.001)
    assert not any(isinstance(layer, DepthwiseConvolution) for layer in network.layers)


def test_digital_conversions_are_exact_and_tensors_lively(network):
    x = np.random.default_rng(0).normal(83, 20, (2, 49, 10, 1)).clip(-128, 127).astype(np.int8)
    shape, mappings = lay_apart(network, rows=400, adcs=48)
    weights, _ = place(array_layers(network, mappings), mappings, shape)
    tensors, _ = run(network, x, mappings, shape, DigitalMacro(weights))
    for index, expected in interpreter.run(network, x).items():
        np.testing.assert_array_equal(tensors[index], expected)
        assert len(np.unique(expected)) > 5
        assert (expected == 127).mean() < 0.05 and (expected == -128).mean() < 0.7


def test_the_same_seed_makes_the_same_network(network):
    again, other = keyword_spotting(), keyword_spotting(1)
    np.testing.assert_array_equal(network.layers[0].weights, again.layers[0].weights)
    assert (network.layers[0].weights != other.layers[0].weights).any()
