# SPDX-License-Identifier: Apache-2.0
"""Four ONNX networks of different make, quantised by onnxruntime.

Weights have 7 bits (``reduce_range``), so that onnxruntime is exact on processors without VNNI
too, whose 16-bit sums of two products would saturate.
"""

import warnings
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from systolith.golden.network import Network

__all__ = ["NETWORKS", "quantised_names", "real_inputs", "sample_inputs"]

OPSET = 17


class _Samples(CalibrationDataReader):
    def __init__(self, name: str, values: np.ndarray):
        self.samples = iter([{name: value[None]} for value in values])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.samples, None)


def _save(path: Path, nodes: list, constants: dict[str, np.ndarray], shape: list[int],
          classes: int) -> None:
    graph = helper.make_graph(
        nodes, path.stem, [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, classes])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)],
                                ir_version=8), path)


def _quantise(path: Path, name: str, samples: np.ndarray, *, unsigned: bool,
              per_channel: bool) -> Path:
    quantised = path.with_name(f"{path.stem}_{'uint8' if unsigned else 'int8'}.onnx")
    quantize_static(path, quantised, _Samples(name, samples), quant_format=QuantFormat.QDQ,
                    activation_type=QuantType.QUInt8 if unsigned else QuantType.QInt8,
                    weight_type=QuantType.QInt8, per_channel=per_channel, reduce_range=True)
    return quantised


def _digits() -> tuple[np.ndarray, np.ndarray]:
    """Grey values 0 ... 16, float32 [N, 64], and labels."""
    from sklearn.datasets import load_digits

    grey, labels = load_digits(return_X_y=True)
    return grey.astype(np.float32), labels


def digits(folder: Path, *, unsigned: bool = False) -> Path:
    """The demonstration network, which its training script wrote in float32."""
    path = folder / "digits.onnx"
    path.write_bytes(files("systolith.gen.demo").joinpath("digits_float.onnx").read_bytes())
    samples = _digits()[0][:100].reshape(-1, 1, 8, 8)
    return _quantise(path, "x", samples, unsigned=unsigned, per_channel=True)


def perceptron(folder: Path, *, unsigned: bool = True) -> Path:
    """scikit-learn's MLPClassifier on the digits, by skl2onnx."""
    from skl2onnx import to_onnx
    from sklearn.neural_network import MLPClassifier

    grey, labels = _digits()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MLPClassifier((48, 24), max_iter=60, random_state=0).fit(grey[:1200], labels[:1200])
        exported = to_onnx(model, grey[:1], options={"zipmap": False}, target_opset=OPSET)
    path = folder / "perceptron.onnx"
    onnx.save(exported, path)
    return _quantise(path, "X", grey[:200], unsigned=unsigned, per_channel=False)


class _Layers:
    """Nodes and random constants of a float graph; each method returns its result's name."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)
        self.constants: dict[str, np.ndarray] = {}
        self.nodes: list = []

    def node(self, kind: str, name: str, *sources: str, **attributes) -> str:
        self.nodes.append(helper.make_node(kind, list(sources), [name], **attributes))
        return name

    def conv(self, source: str, name: str, shape: tuple[int, ...], **attributes) -> str:
        fan = int(np.prod(shape[1:]))
        self.constants[f"{name}_w"] = self.rng.normal(0, fan**-0.5, shape).astype(np.float32)
        self.constants[f"{name}_b"] = self.rng.normal(0, 0.2, shape[0]).astype(np.float32)
        return self.node("Conv", name, source, f"{name}_w", f"{name}_b", **attributes)

    def relu(self, source: str) -> str:
        return self.node("Relu", f"{source}_relu", source)

    def dense(self, source: str, depth: int, outputs: int) -> None:
        self.constants["dense_w"] = self.rng.normal(0, 0.1, (depth, outputs)).astype(np.float32)
        self.node("MatMul", "y", self.node("Flatten", "flat", source), "dense_w")


def residual(folder: Path, *, unsigned: bool = False) -> Path:
    """A stem of stride 2, two residual blocks with a depthwise layer each, a flattened image."""
    g = _Layers(7)
    trunk = g.relu(g.conv("x", "stem", (16, 3, 3, 3), strides=[2, 2], pads=[0, 0, 1, 1]))
    for block, kernel in enumerate((3, 5)):
        branch = g.relu(g.conv(trunk, f"depthwise{block}", (16, 1, kernel, kernel), group=16,
                               auto_pad="SAME_UPPER"))
        branch = g.conv(branch, f"pointwise{block}", (16, 16, 1, 1))
        trunk = g.relu(g.node("Add", f"sum{block}", branch, trunk))
    trunk = g.relu(g.conv(trunk, "narrow", (6, 16, 3, 3), strides=[2, 2], auto_pad="SAME_LOWER"))
    g.dense(trunk, 6 * 3 * 4, 9)
    path = folder / "residual.onnx"
    _save(path, g.nodes, g.constants, [1, 3, 12, 14], 9)
    samples = g.rng.normal(0, 1, (32, 3, 12, 14)).astype(np.float32)
    return _quantise(path, "x", samples, unsigned=unsigned, per_channel=True)


def branches(folder: Path, *, unsigned: bool = False) -> Path:
    """An image padded by hand, largest values of windows, branches put together."""
    g = _Layers(8)
    g.constants["around"] = np.array([0, 0, 1, 1, 0, 0, 1, 1])
    padded = g.node("Pad", "padded", "x", "around")
    stem = g.relu(g.conv(padded, "stem", (8, 3, 3, 3)))
    trunk = g.node("MaxPool", "halved", stem, kernel_shape=[3, 3], strides=[2, 2],
                   pads=[1, 1, 1, 1])
    left = g.relu(g.conv(trunk, "left", (12, 8, 1, 1)))
    right = g.node("MaxPool", "widest", trunk, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    joined = g.node("Concat", "joined", left, right, trunk, axis=1)
    trunk = g.relu(g.conv(joined, "mixed", (10, 28, 3, 3), pads=[1, 1, 1, 1]))
    g.dense(g.node("MaxPool", "pooled", trunk, kernel_shape=[2, 2], strides=[2, 2]), 10 * 3 * 3, 7)
    path = folder / "branches.onnx"
    _save(path, g.nodes, g.constants, [1, 3, 12, 14], 7)
    samples = g.rng.normal(0, 1, (32, 3, 12, 14)).astype(np.float32)
    return _quantise(path, "x", samples, unsigned=unsigned, per_channel=True)


NETWORKS = {"digits": digits, "perceptron": perceptron, "residual": residual,
            "branches": branches}


def sample_inputs(network: Network, count: int) -> np.ndarray:
    """Bytes as golden has them: digits where the network reads them, random ones, extremes."""
    source = network.tensors[network.inputs[0]]
    rng = np.random.default_rng(0)
    inputs = rng.integers(-128, 128, (count, *source.shape[1:])).astype(np.int8)
    if inputs[0].size == 64:
        grey = _digits()[0][1200:1200 + count // 2] / np.float32(source.scale)
        inputs[:count // 2] = np.clip(np.rint(grey) + source.zero_point, -128, 127).reshape(
            -1, *source.shape[1:])
    inputs[-1], inputs[-2] = -128, 127
    return inputs


def real_inputs(network: Network, inputs: np.ndarray) -> np.ndarray:
    """What the model's QuantizeLinear turns into ``inputs``: float32 as the model has it."""
    source = network.tensors[network.inputs[0]]
    real = (inputs.astype(np.float32) - source.zero_point) * np.float32(source.scale)
    if source.channels_first is not None:
        real = real.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(real)


def quantised_names(path: Path) -> Iterable[str]:
    """Names of the tensors that QuantizeLinear writes."""
    return [node.output[0] for node in onnx.load(path).graph.node
            if node.op_type == "QuantizeLinear"]
