# SPDX-License-Identifier: Apache-2.0
"""Whole networks: every quantised tensor equals onnxruntime's."""

import numpy as np
import pytest
from systolith.gen.importer import load
from systolith.golden import network as golden
from systolith.golden.interpreter import run
from systolith.golden.numerics import Rounding

from ....onnx_networks import NETWORKS, quantised_names, real_inputs, sample_inputs
from ....onnxruntime_oracle import operators, reference_tensors

KINDS = {
    "digits": {"QLinearConv", "QLinearGlobalAveragePool", "QGemm"},
    "perceptron": {"QLinearMatMul", "QLinearAdd"},
    "residual": {"QLinearConv", "QLinearAdd", "QLinearMatMul"},
    "branches": {"QLinearConv", "NhwcMaxPool", "QLinearConcat", "QLinearMatMul"},
}
FLOAT_KINDS = {"Conv", "Gemm", "MatMul", "Add", "Relu", "GlobalAveragePool", "MaxPool", "Concat"}


@pytest.mark.parametrize("unsigned", [False, True], ids=["int8", "uint8"])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_tensor_equals_onnxruntime(name, unsigned, tmp_path):
    path = NETWORKS[name](tmp_path, unsigned=unsigned)
    network = load(path)
    inputs = sample_inputs(network, 40)
    tensors = run(network, inputs)
    known = set(quantised_names(path))
    compared = {index: network.tensors[index] for index in tensors
                if network.tensors[index].name in known}
    # Operands of a concatenation get its scale in layers of their own, which the model has not.
    computed = [layer for layer in network.layers
                if not isinstance(layer, golden.Reshape) and layer.kind != "QUANTIZE"]
    assert {layer.output for layer in computed} <= set(compared)
    expected = reference_tensors(path, real_inputs(network, inputs),
                                 [tensor.name for tensor in compared.values()])
    for index, tensor in compared.items():
        found = tensor.to_model(tensors[index])
        assert found.dtype == expected[tensor.name].dtype == np.dtype(tensor.dtype)
        np.testing.assert_array_equal(found, expected[tensor.name])
    assert len(np.unique(tensors[network.outputs[0]])) > 40
    # The oracle is what it is taken for: nothing quantised runs in float32.
    ran = operators(path, tmp_path)
    assert ran >= KINDS[name] and not ran & FLOAT_KINDS


def test_input_is_quantised_as_the_model_does(tmp_path):
    path = NETWORKS["digits"](tmp_path)
    network = load(path)
    inputs = sample_inputs(network, 20)
    name = network.tensors[0].name
    expected = reference_tensors(path, real_inputs(network, inputs), [name])[name]
    np.testing.assert_array_equal(network.tensors[0].to_model(inputs), expected)


def test_network_of_digits(tmp_path):
    network = load(NETWORKS["digits"](tmp_path))
    assert [layer.kind for layer in network.layers] == [
        "CONV_2D", "CONV_2D", "CONV_2D", "AVERAGE_POOL_2D", "RESHAPE", "FULLY_CONNECTED"]
    assert network.layers[1].stride == (2, 2) and network.layers[1].padding == (0, 1, 0, 1)
    assert network.layers[0].requantise.rounding is Rounding.FLOAT
    assert network.tensors[0].model_shape == (1, 1, 8, 8)
    assert network.tensors[1].model_shape == (1, 16, 8, 8)
    assert network.left_out == ("Softmax y_QuantizeLinear_Input",)


def test_what_follows_the_last_quantised_tensor_is_left_out(tmp_path):
    network = load(NETWORKS["perceptron"](tmp_path))
    assert [text.split()[0] for text in network.left_out] == [
        "Softmax", "Identity", "ArgMax", "ArrayFeatureExtractor", "Reshape", "Cast"]
    assert network.tensors[network.outputs[0]].shape == (1, 10)
    assert network.tensors[0].dtype == "uint8"


def test_digits_are_recognised(tmp_path):
    from sklearn.datasets import load_digits

    network = load(NETWORKS["digits"](tmp_path))
    grey, labels = load_digits(return_X_y=True)
    source = network.tensors[0]
    inputs = np.rint(grey[1200:].astype(np.float32) / np.float32(source.scale))
    inputs = np.clip(inputs + source.zero_point, -128, 127).astype(np.int8).reshape(-1, 8, 8, 1)
    outputs = run(network, inputs)[network.outputs[0]]
    assert (outputs.argmax(1) == labels[1200:]).mean() > 0.97
