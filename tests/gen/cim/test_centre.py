# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
from systolith.gen.cim.centre import centre, centred
from systolith.gen.importer import load
from systolith.golden.cim.analognets import keyword_spotting
from systolith.golden.interpreter import run
from systolith.golden.network import MaxPool, Network


def test_every_tensor_stays_where_no_feature_is_cut_off():
    network = keyword_spotting()
    x = np.random.default_rng(0).integers(83 - 128, 128, (3, 49, 10, 1)).astype(np.int8)
    other = centred(network)
    assert other.tensors[0].zero_point == 0
    assert other.layers[0].source_zero_point == 0
    expected, found = run(network, x), run(other, centre(x, network))
    for index, tensor in expected.items():
        np.testing.assert_array_equal(found[index], tensor)


def test_features_far_off_are_cut_off():
    network = keyword_spotting()
    found = centre(np.array([-128, -46, -45, 83, 127], np.int8), network)
    assert found.tolist() == [-128, -128, -128, 0, 44]


def test_an_input_from_its_lowest_value_on_stays():
    network = load(files("systolith.gen.demo") / "digits_dense.tflite")
    x = np.arange(64, dtype=np.int8).reshape(1, 8, 8, 1)
    assert centred(network) is network
    assert centre(x, network) is x


def test_a_layer_without_weights():
    network = keyword_spotting()
    pool = MaxPool("pool", "MAX_POOL_2D", (0,), 9, (1, 1), (1, 1), (0, 0, 0, 0), -128, 127)
    tensors = network.tensors | {9: replace(network.tensors[0], index=9)}
    with pytest.raises(ValueError, match=r"Layer pool \(MAX_POOL_2D\) must have weights to read an "
                                         "input less its zero point"):
        centred(Network("n", tensors, (pool,), (0,), (9,)))
