# SPDX-License-Identifier: Apache-2.0
from importlib.resources import as_file, files

import numpy as np
import pytest
from systolith.gen.importer.tflite import load
from systolith.golden import network as golden
from systolith.golden.numerics import Rounding

DIGITS = files("systolith.gen.demo").joinpath("digits_dbb4.tflite")


def requantised(network: golden.Network) -> list:
    return [layer for layer in network.layers if hasattr(layer, "requantise")]


def test_digits_network():
    with as_file(DIGITS) as path:
        network = load(path)
    assert network.name == "digits_dbb4"
    assert [(layer.name, layer.kind) for layer in network.layers] == [
        ("conv1", "CONV_2D"), ("conv2", "CONV_2D"), ("conv3", "CONV_2D"),
        ("average", "AVERAGE_POOL_2D"), ("features", "RESHAPE"),
        ("classifier", "FULLY_CONNECTED"), ("probabilities", "SOFTMAX")]
    assert network.layers[1].stride == (2, 2) and network.layers[1].padding == (0, 1, 0, 1)
    assert [layer.requantise.rounding for layer in requantised(network)] == [
        Rounding.DOUBLE, Rounding.DOUBLE, Rounding.DOUBLE, Rounding.SINGLE]
    shapes = {tensor.name: tensor.shape for tensor in network.tensors.values()}
    assert shapes["input"] == (1, 8, 8, 1) and shapes["probabilities"] == (1, 10)


def test_constants_have_the_types_of_the_contract():
    with as_file(DIGITS) as path:
        network = load(path)
    for layer in requantised(network):
        channels = len(layer.bias)
        assert layer.weights.dtype == np.int8 and layer.bias.dtype == np.int32
        for values in (layer.requantise.multiplier, layer.requantise.shift):
            assert values.dtype == np.int32 and values.shape == (channels,)


@pytest.mark.parametrize(("name", "kinds", "least_shift", "greatest_shift", "dead"), [
    ("kws_ref_model", {"CONV_2D": 5, "DEPTHWISE_CONV_2D": 4, "AVERAGE_POOL_2D": 1, "RESHAPE": 1,
                       "FULLY_CONNECTED": 1, "SOFTMAX": 1}, 5, 9, 0),
    ("vww_96_int8", {"CONV_2D": 14, "DEPTHWISE_CONV_2D": 13, "AVERAGE_POOL_2D": 1, "RESHAPE": 1,
                     "FULLY_CONNECTED": 1, "SOFTMAX": 1}, 0, 31, 20),
    ("pretrainedResnet_quant", {"CONV_2D": 9, "ADD": 3, "AVERAGE_POOL_2D": 1, "RESHAPE": 1,
                                "FULLY_CONNECTED": 1, "SOFTMAX": 1}, 5, 11, 0),
    ("ad01_int8", {"FULLY_CONNECTED": 10}, 2, 9, 0),
    ("str_ww_ref_model", {"CONV_2D": 4, "DEPTHWISE_CONV_2D": 4, "RESHAPE": 1,
                          "FULLY_CONNECTED": 1, "SOFTMAX": 1}, 6, 11, 0),
])
def test_inventory_of_the_networks(networks, name, kinds, least_shift, greatest_shift, dead):
    network = load(networks / f"{name}.tflite")
    found = [layer.kind for layer in network.layers]
    assert {kind: found.count(kind) for kind in found} == kinds
    shift = np.concatenate([layer.requantise.shift for layer in requantised(network)])
    multiplier = np.concatenate([layer.requantise.multiplier for layer in requantised(network)])
    assert (shift.min(), shift.max()) == (least_shift, greatest_shift)
    assert np.count_nonzero(multiplier == 0) == dead
    assert np.all((multiplier == 0) | (multiplier >= 2**30))


def test_padding_of_the_first_keyword_spotting_layer(networks):
    first = load(networks / "kws_ref_model.tflite").layers[0]
    assert first.weights.shape == (64, 10, 4, 1)
    assert first.stride == (2, 2) and first.padding == (4, 5, 1, 1)
    assert first.source_zero_point == 83
