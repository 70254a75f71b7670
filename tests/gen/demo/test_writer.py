# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import tflite
from systolith.gen.demo.evaluate import classify
from systolith.gen.demo.writer import OperatorDescription, TensorDescription, write


def fully_connected() -> bytes:
    weights = np.array([[1, 2, -3], [127, 0, 0]], dtype=np.int8)
    bias = np.array([10, -20], dtype=np.int32)
    tensors = [
        TensorDescription(name="x", shape=(1, 3), scales=[1.0]),
        TensorDescription(name="w", shape=(2, 3), scales=[1.0], data=weights),
        TensorDescription(name="b", shape=(2,), dtype="int32", scales=[1.0], data=bias),
        TensorDescription(name="y", shape=(1, 2), scales=[1.0], zero_point=3),
    ]
    operators = [OperatorDescription(kind="FULLY_CONNECTED", inputs=("x", "w", "b"),
                                     outputs=("y",))]
    return write(tensors, operators, inputs=["x"], outputs=["y"])


def elementwise(kind: str, options: dict, **extra) -> bytes:
    tensors = [TensorDescription(name=n, shape=(1, 4, 4, 2), scales=[1.0]) for n in "xy"]
    tensors += extra.get("tensors", [])
    inputs = ("x", *extra.get("inputs", ()))
    return write(tensors, [OperatorDescription(kind=kind, inputs=inputs, outputs=("y",),
                                               options=options)], inputs=["x"], outputs=["y"])


def test_fully_connected_computes_what_was_described():
    images = np.array([[1, 1, 1], [2, 3, 4]], dtype=np.int8)
    outputs = classify(fully_connected(), images)
    assert outputs.tolist() == [[13, 110], [9, 127]]


def test_depthwise_convolution_loads_and_computes():
    weights = np.zeros((1, 3, 3, 2), dtype=np.int8)
    weights[0, 1, 1] = [1, -2]
    tensors = [
        TensorDescription(name="w", shape=weights.shape, scales=[1.0, 1.0], axis=3, data=weights),
        TensorDescription(name="b", shape=(2,), dtype="int32", scales=[1.0, 1.0],
                          data=np.zeros(2, dtype=np.int32)),
    ]
    model = elementwise("DEPTHWISE_CONV_2D",
                        {"Padding": tflite.Padding.SAME, "StrideW": 1, "StrideH": 1,
                         "DepthMultiplier": 1, "DilationWFactor": 1, "DilationHFactor": 1},
                        tensors=tensors, inputs=("w", "b"))
    x = np.arange(32, dtype=np.int8).reshape(1, 4, 4, 2)
    assert np.array_equal(classify(model, x), x * np.array([1, -2], dtype=np.int8))


def test_add_loads_and_computes():
    x = np.arange(32, dtype=np.int8).reshape(1, 4, 4, 2)
    assert np.array_equal(classify(elementwise("ADD", {}, inputs=("x",)), x), 2 * x)


def test_data_is_aligned_and_the_file_is_identified():
    model = fully_connected()
    assert model[4:8] == b"TFL3"
    root = tflite.Model.GetRootAs(model, 0)
    assert root.Version() == 3
    assert root.Buffers(0).DataLength() == 0
    content = np.array([1, 2, -3, 127, 0, 0], dtype=np.int8).tobytes()
    assert model.index(content) % 16 == 0


def test_unknown_operator():
    with pytest.raises(ValueError, match="Operator must be one of ADD, .*, not 'LSTM'"):
        OperatorDescription(kind="LSTM", inputs=(), outputs=())


def test_unknown_type():
    with pytest.raises(ValueError, match="Tensor type must be one of int8, int32, not 'int4'"):
        TensorDescription(name="x", shape=(1,), dtype="int4")


def test_data_of_another_type():
    with pytest.raises(TypeError, match="Data of x must be int8, not 'int32'"):
        TensorDescription(name="x", shape=(1,), data=np.zeros(1, dtype=np.int32))


def test_data_of_another_shape():
    with pytest.raises(ValueError, match=r"Data of x must be of shape \(2,\), not \(1,\)"):
        TensorDescription(name="x", shape=(2,), data=np.zeros(1, dtype=np.int8))


def test_number_of_scales():
    with pytest.raises(ValueError, match="Scales of x must be one or 3, not 2"):
        TensorDescription(name="x", shape=(3, 4), scales=[1.0, 1.0])


def test_unknown_tensor_name():
    with pytest.raises(ValueError, match="must be one of the described tensors, not 'z'"):
        write([TensorDescription(name="x", shape=(1,))], [], inputs=["z"], outputs=["x"])


def test_repeated_tensor_name():
    tensors = [TensorDescription(name="x", shape=(1,))] * 2
    with pytest.raises(ValueError, match="Tensor names must be unique"):
        write(tensors, [], inputs=["x"], outputs=["x"])
