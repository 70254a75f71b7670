# SPDX-License-Identifier: Apache-2.0
"""Models of one operator, and their comparison with LiteRT."""


import numpy as np
from systolith.gen.demo.writer import OperatorDescription, TensorDescription, write
from systolith.gen.importer.tflite import load
from systolith.golden.interpreter import run

from ..litert import reference_tensors

__all__ = ["activation", "check", "constants", "model", "numbers", "samples"]


def activation(name: str, shape: tuple[int, ...], scale: float, zero_point: int):
    return TensorDescription(name=name, shape=shape, scales=[scale], zero_point=zero_point)


def constants(rng, shape, channels: int, source_scale: float, scales, axis: int):
    weights = rng.integers(-128, 128, shape).astype(np.int8)
    bias = rng.integers(-5000, 5000, channels).astype(np.int32)
    return [
        TensorDescription(name="w", shape=shape, scales=scales, axis=axis, data=weights),
        TensorDescription(name="b", shape=(channels,), dtype="int32", data=bias,
                          scales=[source_scale * scale for scale in scales]),
    ]


def numbers(name: str, values) -> TensorDescription:
    data = np.array(values, np.int32)
    return TensorDescription(name=name, shape=data.shape, dtype="int32", data=data)


def model(kind: str, tensors, *, inputs=("x",), output="y", **options) -> bytes:
    operator = OperatorDescription(kind=kind, inputs=inputs, outputs=(output,), options=options)
    return write(tensors, [operator], inputs=["x"], outputs=[output])


def check(tmp_path, content: bytes, inputs: np.ndarray, *, least_distinct: int = 20) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    network = load(path)
    golden = run(network, inputs)
    expected = reference_tensors(content, inputs, list(golden))
    for index, values in expected.items():
        np.testing.assert_array_equal(golden[index], values)
    assert len(np.unique(golden[network.outputs[0]])) >= least_distinct


def samples(rng, count: int, shape: tuple[int, ...]) -> np.ndarray:
    inputs = rng.integers(-128, 128, (count, *shape)).astype(np.int8)
    inputs[0], inputs[1] = -128, 127
    return inputs
