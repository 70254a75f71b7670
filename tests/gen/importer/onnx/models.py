# SPDX-License-Identifier: Apache-2.0
"""Small QDQ models by hand, and their comparison with onnxruntime."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from systolith.gen.importer import load
from systolith.gen.importer.onnx.mlas import BYTES, Scaling
from systolith.golden import network as golden
from systolith.golden.interpreter import run

from ....onnx_networks import quantised_names, real_inputs
from ....onnxruntime_oracle import reference_tensors

__all__ = ["PAIRS", "TYPES", "Builder", "compare", "scalings"]

PAIRS = np.stack(np.meshgrid(BYTES, BYTES, indexing="ij"))
TYPES = {"int8": np.int8, "uint8": np.uint8}


class Builder:
    """A graph that grows: real tensors are names; ``quantised`` ones have been through QDQ."""

    def __init__(self, shape: list[int | str], *, dtype: str = "int8", scale: float = 0.05,
                 zero_point: int = 3):
        self.dtype = dtype
        self.shape = shape
        self.nodes: list = []
        self.constants: dict[str, np.ndarray] = {}
        self.count = 0
        self.x = self.quantised("x", scale, zero_point)

    def fresh(self) -> str:
        self.count += 1
        return f"t{self.count}"

    def constant(self, values) -> str:
        name = self.fresh()
        self.constants[name] = np.asarray(values)
        return name

    def node(self, kind: str, *inputs: str, **attributes) -> str:
        output = self.fresh()
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def quantised(self, name: str, scale: float, zero_point: int) -> str:
        """``name`` through QuantizeLinear and DequantizeLinear; the zero point is that of int8."""
        point = zero_point + 128 * (self.dtype == "uint8")
        parameters = (self.constant(np.float32(scale)), self.constant(TYPES[self.dtype](point)))
        return self.node("DequantizeLinear", self.node("QuantizeLinear", name, *parameters),
                         *parameters)

    def dequantised(self, values: np.ndarray, scales, axis: int = 0, zero_point: int = 0) -> str:
        """A quantised constant."""
        scales = np.asarray(scales, np.float32)
        return self.node("DequantizeLinear", self.constant(values), self.constant(scales),
                         self.constant(np.full(scales.shape, zero_point, values.dtype)), axis=axis)

    def save(self, path: Path, output: str, *, opset: int = 17) -> Path:
        graph = helper.make_graph(
            self.nodes, "small",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
            [numpy_helper.from_array(value, name) for name, value in self.constants.items()])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)],
                                    ir_version=8), path)
        return path


def compare(path: Path, inputs: np.ndarray | int, *, least_distinct: int = 20) -> golden.Network:
    """Every quantised tensor against onnxruntime, for int8 inputs or so many random ones."""
    network = load(path)
    if isinstance(inputs, int):
        rng = np.random.default_rng(inputs)
        inputs = rng.integers(-128, 128, (inputs, *network.tensors[0].shape[1:])).astype(np.int8)
        inputs[0], inputs[1] = -128, 127
    tensors = run(network, inputs)
    known = set(quantised_names(path))
    names = {index: network.tensors[index].name for index in tensors
             if network.tensors[index].name in known}
    assert network.outputs[0] in names
    expected = reference_tensors(path, real_inputs(network, inputs), list(names.values()))
    for index, name in names.items():
        np.testing.assert_array_equal(network.tensors[index].to_model(tensors[index]),
                                      expected[name])
    assert len(np.unique(tensors[network.outputs[0]])) >= least_distinct
    return network


def scalings(rng, unsigned: bool, kind: int) -> tuple[Scaling, Scaling, Scaling]:
    """Two operands and a result: any scales, equal ones, ratios of powers of two."""
    a, b = np.exp(rng.uniform(-6, 0, 2)).astype(np.float32)
    output = np.float32(max(a, b) * np.exp(rng.uniform(-0.3, 1)))
    if kind:
        b = a
        output = a * np.float32([0, 1, 2, 0.75][kind])
    points = rng.integers(-128, 128, 3) if kind != 2 else [-128] * 3
    return tuple(Scaling(np.float32(scale), int(point), unsigned)
                 for scale, point in zip((a, b, output), points, strict=True))
