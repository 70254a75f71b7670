# SPDX-License-Identifier: Apache-2.0
"""Golden against LiteRT's reference kernels: every operator's tensor of real networks."""

import numpy as np
import pytest
from systolith.gen.importer.tflite import load
from systolith.golden.interpreter import run

from ..litert import reference_tensors

MODELS = ("kws_ref_model", "kws_dbb4_ft", "kws_dbb2_ft", "vww_96_int8",
          "pretrainedResnet_quant", "ad01_int8", "str_ww_ref_model")


def _inputs(network, rng) -> np.ndarray:
    shape = network.tensors[network.inputs[0]].shape[1:]
    x = rng.integers(-128, 128, (6, *shape)).astype(np.int8)
    x[1], x[2] = -128, 127
    return x


@pytest.mark.parametrize("name", MODELS)
def test_every_tensor_equals_litert(networks, name):
    path = networks / f"{name}.tflite"
    network = load(path)
    inputs = _inputs(network, np.random.default_rng(1))
    if name.startswith("kws"):
        real = np.load(networks / "kws_public100.npz")["input"]
        inputs = np.concatenate([inputs, real])
    golden = run(network, inputs)
    assert set(golden) == {layer.output for layer in network.layers}
    for index, expected in reference_tensors(path, inputs, list(golden)).items():
        np.testing.assert_array_equal(golden[index], expected, err_msg=f"tensor {index}")


def test_kws_accuracy_is_that_of_the_reference(networks):
    archive = np.load(networks / "kws_public100.npz")
    network = load(networks / "kws_ref_model.tflite")
    outputs = run(network, archive["input"])[network.outputs[0]]
    assert (outputs.argmax(1) == archive["labels"]).mean() == pytest.approx(0.92)
