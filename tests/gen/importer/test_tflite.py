# SPDX-License-Identifier: Apache-2.0
"""Models as users bring them, broken ones included."""

import time
from pathlib import Path

import numpy as np
import pytest

import systolith.gen.demo as demo
from systolith.gen.demo.writer import OperatorDescription, TensorDescription, write
from systolith.gen.importer.tflite import ImportFault, load
from systolith.golden import network as golden

DIGITS = Path(demo.__file__).parent / "digits_dbb4.tflite"


def test_digits_network_has_its_layers():
    kinds = [layer.kind for layer in load(DIGITS).layers]
    assert kinds == ["CONV_2D", "CONV_2D", "CONV_2D", "AVERAGE_POOL_2D", "RESHAPE",
                     "FULLY_CONNECTED", "SOFTMAX"]


@pytest.mark.parametrize("seed", range(4))
def test_broken_files_end_in_a_sentence(tmp_path, seed):
    good = DIGITS.read_bytes()
    rng = np.random.default_rng(seed)
    path = tmp_path / "broken.tflite"
    for case in range(60):
        raw = bytearray(good)
        if case % 3 == 0:
            raw = raw[:rng.integers(0, len(raw))]
        elif case % 3 == 1:
            for at in rng.integers(8, len(raw), rng.integers(1, 20)):
                raw[at] = rng.integers(256)
        else:
            at = int(rng.integers(8, len(raw) - 4)) & ~3
            raw[at:at + 4] = int(rng.choice([0, 2**31 - 1, 2**32 - 1, 2**24])).to_bytes(4, "little")
        path.write_bytes(raw)
        start = time.monotonic()
        try:
            assert isinstance(load(path), golden.Network)
        except ImportFault as fault:
            assert str(fault).startswith(str(path)) and "\n" not in str(fault)
        assert time.monotonic() - start < 5


def test_random_bytes_are_no_model(tmp_path):
    path = tmp_path / "noise.tflite"
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(ImportFault, match=r"must be a TensorFlow Lite model \(identifier TFL3\)$"):
        load(path)


def _one_layer(kind: str, **changes) -> bytes:
    tensors = [
        TensorDescription(name="x", shape=(1, 4, 4, 8), scales=[changes.get("scale", 0.5)],
                          zero_point=-128),
        TensorDescription(name="w", shape=(8, 1, 1, 8), scales=[0.01] * 8,
                          data=np.ones((8, 1, 1, 8), np.int8)),
        TensorDescription(name="b", shape=(8,), dtype="int32", scales=[0.005] * 8,
                          data=np.zeros(8, np.int32)),
        TensorDescription(name="y", shape=changes.get("output", (1, 4, 4, 8)), scales=[0.5],
                          zero_point=-128),
    ]
    options = {"Padding": 1, "StrideH": 1, "StrideW": 1, "DilationHFactor": 1,
               "DilationWFactor": 1}
    return write(tensors, [OperatorDescription(kind=kind, inputs=("x", "w", "b"),
                                               outputs=("y",), options=options)],
                 inputs=["x"], outputs=["y"])


def test_good_single_layer_loads(tmp_path):
    path = tmp_path / "conv.tflite"
    path.write_bytes(_one_layer("CONV_2D"))
    assert len(load(path).layers) == 1


def test_wrong_output_shape_is_named(tmp_path):
    path = tmp_path / "conv.tflite"
    path.write_bytes(_one_layer("CONV_2D", output=(1, 5, 4, 8)))
    with pytest.raises(ImportFault, match=r"layer 0 \(CONV_2D, y\): output must be 4x4, not 5x4$"):
        load(path)


def test_left_shift_is_named(tmp_path):
    path = tmp_path / "conv.tflite"
    path.write_bytes(_one_layer("CONV_2D", scale=500.0))
    with pytest.raises(ImportFault, match="a left shift of 4, but the requantiser only shifts right"):
        load(path)


def test_unsupported_operator_names_itself(tmp_path, monkeypatch):
    import systolith.gen.importer.tflite as importer
    monkeypatch.setattr(importer, "SUPPORTED", ("RESHAPE",))
    path = tmp_path / "conv.tflite"
    path.write_bytes(_one_layer("CONV_2D"))
    with pytest.raises(ImportFault, match=r"layer 0 \(CONV_2D, y\): operator CONV_2D is not "
                                          r"supported; it needs a function in golden.ops and a "
                                          r"unit of the core or of the host"):
        load(path)
