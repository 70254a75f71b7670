# SPDX-License-Identifier: Apache-2.0
import io
import zipfile

import numpy as np
import pytest
from systolith.gen.cli.inputs import InputFault, load_inputs
from systolith.golden.network import Network, Tensor

NETWORK = Network(name="net", tensors={
    0: Tensor(0, "in", (1, 4, 4, 1)), 1: Tensor(1, "more", (1, 3))},
    layers=(), inputs=(0,), outputs=(1,))
IMAGES = np.arange(32, dtype=np.int8).reshape(2, 4, 4, 1)


def fault(path, network=NETWORK):
    with pytest.raises(InputFault) as caught:
        load_inputs(path, network)
    return str(caught.value).removeprefix(f"{path}: ")


def saved(tmp_path, **arrays):
    np.savez(tmp_path / "x.npz", **arrays)
    return tmp_path / "x.npz"


def test_inputs_without_labels(tmp_path):
    values, labels = load_inputs(saved(tmp_path, input=IMAGES), NETWORK)
    np.testing.assert_array_equal(values, IMAGES)
    assert values.dtype == np.int8
    assert labels is None


def test_labels_become_int64(tmp_path):
    path = saved(tmp_path, input=IMAGES, labels=np.array([3, 1], np.uint8))
    _, labels = load_inputs(path, NETWORK)
    assert labels is not None
    assert labels.tolist() == [3, 1]
    assert labels.dtype == np.int64


def test_other_arrays_are_not_looked_at(tmp_path):
    path = saved(tmp_path, input=IMAGES, names=np.array([{}, None], object))
    assert len(load_inputs(path, NETWORK).values) == 2


def test_missing_file_is_the_operating_systems_fault(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_inputs(tmp_path / "none.npz", NETWORK)


@pytest.mark.parametrize("raw", [b"", b"hello", b"PK\x03\x04", b"\x80\x04N."])
def test_file_that_is_no_archive(raw, tmp_path):
    (tmp_path / "x.npz").write_bytes(raw)
    assert fault(tmp_path / "x.npz") == "file must be an .npz archive with the array 'input'"


def test_bare_array(tmp_path):
    np.save(tmp_path / "x.npy", IMAGES)
    assert fault(tmp_path / "x.npy") == (
        "file must be an .npz archive with the array 'input', not a bare array")


def test_missing_input(tmp_path):
    assert fault(saved(tmp_path, images=IMAGES, y=IMAGES)) == (
        "archive must hold the array 'input', not only images, y")


def test_pickled_input(tmp_path):
    assert fault(saved(tmp_path, input=np.array([{}], object))) == (
        "array 'input' cannot be read: it holds Python objects")


def test_damaged_input(tmp_path):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr("input.npy", b"\x93NUMPY\x01\x00\x10\x00damaged")
    (tmp_path / "x.npz").write_bytes(raw.getvalue())
    assert fault(tmp_path / "x.npz") == "array 'input' cannot be read: the file is damaged"


def test_truncated_archive(tmp_path):
    path = saved(tmp_path, input=IMAGES)
    path.write_bytes(path.read_bytes()[:-30])
    assert fault(path) == "file must be an .npz archive with the array 'input'"


def test_entry_that_is_no_array(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("input", b"text")
    assert fault(tmp_path / "x.npz").startswith("input must be int8, not")


def test_wrong_type(tmp_path):
    assert fault(saved(tmp_path, input=IMAGES.astype(np.float32))) == (
        "input must be int8, not float32; quantise it with the model's input scale 1 and zero "
        "point 0")


@pytest.mark.parametrize("shape", [(4, 4, 1), (2, 4, 4), (2, 4, 4, 3), (0, 4, 4, 1), ()])
def test_wrong_shape(shape, tmp_path):
    assert fault(saved(tmp_path, input=np.zeros(shape, np.int8))) == (
        f"input must have the shape [N, 4, 4, 1] with N at least 1, not {list(shape)}")


def test_labels_of_the_wrong_type(tmp_path):
    assert fault(saved(tmp_path, input=IMAGES, labels=np.array(["a", "b"]))) == (
        "labels must be integers, not <U1")


def test_labels_of_the_wrong_number(tmp_path):
    assert fault(saved(tmp_path, input=IMAGES, labels=np.arange(3))) == (
        "labels must have the shape [2], one for each input, not [3]")


def test_network_of_two_inputs(tmp_path):
    network = Network(name="net", tensors=NETWORK.tensors, layers=(), inputs=(0, 1), outputs=(1,))
    assert fault(saved(tmp_path, input=IMAGES), network) == (
        "net: network must have one input, not 2")
