# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace
from importlib.resources import as_file, files

import numpy as np
import pytest
import tflite
from systolith.gen.compile import CompileFault
from systolith.gen.demo.comparison import (
    Measurement,
    check_front_end,
    fixed_weights,
    golden_accuracy,
    select,
    summary,
)
from systolith.gen.demo.data import SEED
from systolith.gen.demo.evaluate import classify
from systolith.gen.importer import load
from systolith.golden.interpreter import run

DEMO = files("systolith.gen.demo")
LAYERS = 2


def shipped(name: str):
    with as_file(DEMO) as folder:
        return load(folder / name)


FIRST, OTHERS = shipped("digits_0_4.tflite"), shipped("digits_5_9.tflite")


def held_back(classes: range) -> tuple[np.ndarray, np.ndarray]:
    with DEMO.joinpath("digits_held_back.npz").open("rb") as stream:
        content = np.load(stream)
        return select(content["input"], content["labels"], classes)


def test_shipped_networks_have_one_front_end():
    check_front_end(OTHERS, FIRST, LAYERS)
    check_front_end(FIRST, OTHERS, LAYERS)
    with pytest.raises(CompileFault, match=r"layer conv3 \(CONV_2D\) must be as in"):
        check_front_end(OTHERS, FIRST, LAYERS + 1)


def stored(name: str) -> dict[str, tuple[bytes, ...]]:
    """Each tensor's data, scales and zero points as they stand in the file."""
    model = tflite.Model.GetRootAs(DEMO.joinpath(name).read_bytes(), 0)
    tensors = map(model.Subgraphs(0).Tensors, range(model.Subgraphs(0).TensorsLength()))
    return {tensor.Name().decode(): (
        np.asarray(model.Buffers(tensor.Buffer()).DataAsNumpy()).tobytes(),
        np.asarray(tensor.Quantization().ScaleAsNumpy()).tobytes(),
        np.asarray(tensor.Quantization().ZeroPointAsNumpy()).tobytes())
        for tensor in tensors if tensor.Quantization()}


def test_shipped_files_have_the_same_bytes_in_the_front_end_alone():
    first, others = stored("digits_0_4.tflite"), stored("digits_5_9.tflite")
    same = {name for name in first if first[name] == others[name]}
    parts = ("", "/weights", "/bias")
    assert same == {"input", "probabilities", *(f"conv{n}{part}" for n in (1, 2) for part in parts)}
    assert len(first["conv2/weights"][0]) == 4608 and len(first["conv2/weights"][1]) == 4 * 32


def test_networks_trained_apart_do_not():
    with pytest.raises(CompileFault, match=r"layer conv1 \(CONV_2D\) must be as in"):
        check_front_end(shipped("digits_dense.tflite"), FIRST, 1)
    check_front_end(shipped("digits_dense.tflite"), FIRST, 0)


def with_layer(place: int, **values):
    layers = list(OTHERS.layers)
    layers[place] = replace(layers[place], **values)
    return replace(OTHERS, layers=tuple(layers))


def one_more(values: np.ndarray) -> np.ndarray:
    changed = values.copy()
    changed.flat[3] += 1
    return changed


@pytest.mark.parametrize("place", range(LAYERS))
@pytest.mark.parametrize("field", ["weights", "bias"])
def test_one_integer_of_a_frozen_layer(place, field):
    value = getattr(OTHERS.layers[place], field)
    with pytest.raises(CompileFault, match=f"layer conv{place + 1} .* must be as in"):
        check_front_end(with_layer(place, **{field: one_more(value)}), FIRST, LAYERS)


@pytest.mark.parametrize("field", ["multiplier", "shift"])
def test_one_constant_of_the_requantisation(field):
    r = OTHERS.layers[1].requantise
    changed = replace(r, **{field: one_more(getattr(r, field))})
    with pytest.raises(CompileFault, match="layer conv2 .* must be as in"):
        check_front_end(with_layer(1, requantise=changed), FIRST, LAYERS)


def test_zero_point_of_a_frozen_layer():
    with pytest.raises(CompileFault, match="layer conv1 .* must be as in"):
        check_front_end(with_layer(0, source_zero_point=-127), FIRST, LAYERS)


@pytest.mark.parametrize("name", ["input", "conv1", "conv2"])
@pytest.mark.parametrize("values", [{"scale": 0.25}, {"zero_point": -127}])
def test_scale_and_zero_point_of_a_tensor_of_the_front_end(name, values):
    tensors = {index: replace(tensor, **values) if tensor.name == name else tensor
               for index, tensor in OTHERS.tensors.items()}
    with pytest.raises(CompileFault, match=rf"tensor {name} must have the scale .* operators "
                                           r"0\.\.1 are fixed in hardware"):
        check_front_end(replace(OTHERS, tensors=tensors), FIRST, LAYERS)


@pytest.mark.parametrize("field", ["weights", "bias"])
def test_back_end_may_be_trained_again(field):
    value = getattr(OTHERS.layers[LAYERS], field)
    check_front_end(with_layer(LAYERS, **{field: one_more(value)}), FIRST, LAYERS)


@pytest.mark.parametrize(("network", "classes", "least"), [
    (FIRST, range(0, 5), 0.97), (OTHERS, range(5, 10), 0.94)])
def test_accuracy_of_shipped_networks_by_golden_as_by_litert(network, classes, least):
    images, labels = held_back(classes)
    assert golden_accuracy(network, images, labels) >= least
    content = DEMO.joinpath(f"digits_{classes[0]}_{classes[-1]}.tflite").read_bytes()
    np.testing.assert_array_equal(run(network, images)[network.outputs[0]],
                                  classify(content, images))


def test_accuracy_counts_the_labels_that_are_met():
    images, labels = held_back(range(5))
    wrong = labels.copy()
    wrong[:3] = (labels[:3] + 1) % 5
    right = golden_accuracy(FIRST, images[:3], labels[:3])
    assert right == 1 and golden_accuracy(FIRST, images[:3], wrong[:3]) == 0


def test_selected_images_are_of_the_classes_and_labelled_from_0():
    images = np.arange(6).reshape(6, 1)
    found = select(images, np.array([9, 4, 5, 0, 7, 5]), range(5, 8))
    assert [values.tolist() for values in found] == [[[2], [4], [5]], [0, 2, 0]]


def test_fixed_weights_are_those_of_the_frozen_layers():
    assert [fixed_weights(FIRST, count) for count in range(4)] == [
        0, 144, 144 + 16 * 32 * 9, 144 + 16 * 32 * 9 + 32 * 64 * 9]


def measured(frozen: int, seed: int, share: float, start: str = "0-4") -> Measurement:
    return Measurement(classes="5-9", start=start, frozen=frozen, fixed_weights=100 * frozen,
                       seed=seed, images=50, accuracy=share)


def test_summary_of_seeds():
    rows = summary([measured(0, 1, 0.98, "random"), measured(0, 1, 0.90), measured(2, 1, 0.89),
                    measured(0, 2, 0.94), measured(2, 2, 0.87)])
    assert [(row["start"], row["frozen_layers"], row["seeds"], row["images"]) for row in rows] == [
        ("random", 0, 1, 50), ("0-4", 0, 2, 100), ("0-4", 2, 2, 100)]
    assert [row["mean"] for row in rows] == pytest.approx([98, 92, 88])
    assert rows[0]["deviation"] is None
    assert [row["deviation"] for row in rows[1:]] == pytest.approx([8**0.5, 2**0.5])
    assert [row["least"] for row in rows] == pytest.approx([98, 90, 87])
    assert [row["to_training_all"] for row in rows[:2]] == [None, None]
    assert rows[2]["to_training_all"] == pytest.approx(-4)
    assert [row["fixed_weights"] for row in rows] == [0, 0, 200]


def test_recorded_accuracies_are_those_of_the_shipped_networks():
    content = json.loads(DEMO.joinpath("transfer.json").read_text())
    assert content["layers"] == LAYERS
    measurements = [Measurement(**entry) for entry in content["measurements"]]
    assert json.loads(json.dumps(summary(measurements))) == content["summary"]
    for network, classes, start, frozen in ((FIRST, range(0, 5), "random", 0),
                                            (OTHERS, range(5, 10), "0-4", LAYERS)):
        images, labels = held_back(classes)
        expected = Measurement(
            classes=f"{classes[0]}-{classes[-1]}", start=start, frozen=frozen,
            fixed_weights=fixed_weights(network, frozen), seed=SEED, images=len(images),
            accuracy=golden_accuracy(network, images, labels))
        assert expected in measurements
