# SPDX-License-Identifier: Apache-2.0
from importlib.resources import files

import numpy as np
import pytest
from systolith.gen.importer.tflite import load
from systolith.golden.interpreter import BATCH, run

from ..litert import reference_tensors

DEMO = files("systolith.gen.demo")


@pytest.fixture(scope="module")
def content() -> bytes:
    return DEMO.joinpath("digits_dbb4.tflite").read_bytes()


@pytest.fixture(scope="module")
def network(content, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "digits.tflite"
    path.write_bytes(content)
    return load(path)


def test_every_tensor_of_the_digits_network_equals_litert(network, content):
    with DEMO.joinpath("digits_held_back.npz").open("rb") as stream:
        images = np.load(stream)["input"]
    golden = run(network, images)
    assert list(golden) == [layer.output for layer in network.layers]
    for index, expected in reference_tensors(content, images, list(golden)).items():
        np.testing.assert_array_equal(golden[index], expected)


def test_inputs_beyond_one_batch_do_not_mix(network):
    images = np.random.default_rng(0).integers(-128, 128, (BATCH + 3, 8, 8, 1)).astype(np.int8)
    together = run(network, images)
    alone = run(network, images[BATCH + 1:BATCH + 2])
    for index, values in alone.items():
        assert values.dtype == np.int8
        assert np.array_equal(together[index][BATCH + 1:BATCH + 2], values)


def test_inputs_of_another_type(network):
    with pytest.raises(TypeError, match="Inputs must be int8, not 'uint8'"):
        run(network, np.zeros((1, 8, 8, 1), np.uint8))


@pytest.mark.parametrize("shape", [(8, 8, 1), (1, 8, 8), (0, 8, 8, 1), (1, 8, 8, 2), ()])
def test_inputs_of_another_shape(network, shape):
    with pytest.raises(ValueError, match=r"Inputs must be of shape \[N, 8, 8, 1\] with N at least "
                                         r"1, not \("):
        run(network, np.zeros(shape, np.int8))
