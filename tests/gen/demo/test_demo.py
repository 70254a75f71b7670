# SPDX-License-Identifier: Apache-2.0
from importlib.resources import files

import numpy as np
import pytest
import tflite
from systolith.gen.demo.data import HELD_BACK, digits, split
from systolith.gen.demo.evaluate import accuracy, classify

DEMO = files("systolith.gen.demo")
MODELS = ("digits_dbb4.tflite", "digits_dense.tflite")


def held_back() -> tuple[np.ndarray, np.ndarray]:
    with DEMO.joinpath("digits_held_back.npz").open("rb") as stream:
        content = np.load(stream)
        return content["input"], content["labels"]


def weights_of(name: str) -> dict[str, np.ndarray]:
    model = tflite.Model.GetRootAs(DEMO.joinpath(name).read_bytes(), 0)
    subgraph = model.Subgraphs(0)
    found = {}
    for i in range(subgraph.TensorsLength()):
        tensor = subgraph.Tensors(i)
        if tensor.Name().endswith(b"/weights"):
            data = model.Buffers(tensor.Buffer()).DataAsNumpy().view(np.int8)
            found[tensor.Name().decode()] = data.reshape(tensor.ShapeAsNumpy())
    return found


def non_zeros(weights: np.ndarray) -> np.ndarray:
    return np.count_nonzero(weights.reshape(-1, 8), axis=1)


@pytest.mark.parametrize("name", MODELS)
def test_accuracy_on_held_back_images(name):
    images, labels = held_back()
    assert accuracy(DEMO.joinpath(name).read_bytes(), images, labels) >= 0.97


@pytest.mark.parametrize("name", MODELS)
def test_outputs_are_probabilities(name):
    outputs = classify(DEMO.joinpath(name).read_bytes(), held_back()[0][:8])
    assert outputs.shape == (8, 10) and outputs.dtype == np.int8
    sums = np.sum(outputs.astype(int) + 128, axis=1)
    assert np.all(np.abs(sums - 256) <= 5)


def test_every_block_of_the_pruned_network_has_at_most_four_non_zeros():
    weights = weights_of("digits_dbb4.tflite")
    assert list(weights) == [f"{n}/weights" for n in ("conv1", "conv2", "conv3", "classifier")]
    first = weights.pop("conv1/weights")
    assert first.shape[-1] < 8
    for tensor in weights.values():
        assert tensor.shape[-1] % 8 == 0
        assert non_zeros(tensor).max() == 4


def test_dense_network_exceeds_the_bound_in_every_pruned_layer():
    weights = weights_of("digits_dense.tflite")
    weights.pop("conv1/weights")
    assert all(non_zeros(tensor).max() == 8 for tensor in weights.values())


@pytest.mark.parametrize("name", MODELS)
def test_relu_tensors_have_zero_point_minus_128_and_weights_zero(name):
    subgraph = tflite.Model.GetRootAs(DEMO.joinpath(name).read_bytes(), 0).Subgraphs(0)
    expected = {"input": -128, "conv1": -128, "conv2": -128, "conv3": -128, "average": -128,
                "features": -128, "probabilities": -128, "conv2/weights": 0}
    points = {}
    for i in range(subgraph.TensorsLength()):
        tensor = subgraph.Tensors(i)
        if tensor.Quantization() and tensor.Quantization().ZeroPointLength():
            values = tensor.Quantization().ZeroPointAsNumpy()
            points[tensor.Name().decode()] = int(values[0]) if np.ptp(values) == 0 else None
    assert {key: points[key] for key in expected} == expected


def test_split_is_disjoint_complete_and_seeded():
    training, held = split(1797)
    assert len(held) == HELD_BACK >= 100
    assert not set(training) & set(held)
    assert sorted([*training, *held]) == list(range(1797))
    assert np.array_equal(split(1797)[1], held)


def test_shipped_images_are_those_of_the_split_and_not_in_the_training_part():
    pixels, targets = digits()
    training, held = split(len(pixels))
    images, labels = held_back()
    assert images.dtype == np.int8 and images.shape == (HELD_BACK, 8, 8, 1)
    assert np.array_equal(images, pixels[held])
    assert np.array_equal(labels, targets[held])
    assert not {x.tobytes() for x in pixels[training]} & {x.tobytes() for x in images}


def test_held_back_images_cover_every_digit():
    assert set(held_back()[1].tolist()) == set(range(10))
