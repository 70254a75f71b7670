# SPDX-License-Identifier: Apache-2.0
"""Operators one by one against onnxruntime.

Weights have 7 bits, for the sake of processors without VNNI.
"""

import numpy as np
import onnx
import pytest
from systolith.gen.importer import load
from systolith.gen.importer.onnx.mlas import exact_scale
from systolith.golden import network as golden
from systolith.golden.interpreter import run

from .models import Builder, compare

DTYPES = pytest.mark.parametrize("dtype", ["int8", "uint8"])


def weights(rng, *shape: int) -> np.ndarray:
    return rng.integers(-63, 64, shape).astype(np.int8)


def convolution(b: Builder, rng, source: str, shape: tuple[int, ...], *, scale=0.05,
                per_channel=True, output=(0.08, -4), **attributes) -> str:
    channels = shape[0]
    scales = (rng.uniform(0.5, 2, channels) * np.prod(shape[1:]) ** -0.5 * 0.03).astype(np.float32)
    if not per_channel:
        scales = scales[:1].reshape(())
    w = b.dequantised(weights(rng, *shape), scales)
    bias = rng.integers(-2000, 2000, channels).astype(np.int32)
    c = b.dequantised(bias, np.float32(scale) * scales)
    return b.quantised(b.node("Conv", source, w, c, **attributes), *output)


@DTYPES
@pytest.mark.parametrize(("shape", "attributes"), [
    ((12, 5, 3, 3), {"pads": [1, 1, 1, 1]}),
    ((12, 5, 3, 3), {"strides": [2, 2], "pads": [0, 0, 1, 1]}),
    ((8, 5, 2, 4), {"strides": [2, 1], "pads": [1, 0, 2, 3]}),
    ((7, 5, 1, 1), {}),
    ((7, 5, 5, 5), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    ((7, 5, 4, 4), {"auto_pad": "SAME_LOWER"}),
    ((7, 5, 3, 3), {"auto_pad": "VALID", "strides": [2, 2]}),
    ((5, 1, 3, 3), {"group": 5, "pads": [1, 1, 1, 1]}),
    ((5, 1, 5, 3), {"group": 5, "pads": [2, 1, 2, 1], "strides": [2, 2]}),
])
def test_convolution(tmp_path, dtype, shape, attributes):
    rng = np.random.default_rng(sum(shape))
    b = Builder([1, 5, 9, 10], dtype=dtype)
    path = b.save(tmp_path / "m.onnx", convolution(b, rng, b.x, shape, **attributes))
    network = compare(path, 12)
    kind = golden.DepthwiseConvolution if "group" in attributes else golden.Convolution
    assert isinstance(network.layers[0], kind)


def test_convolution_with_one_scale_and_without_bias(tmp_path):
    rng = np.random.default_rng(1)
    b = Builder(["batch", 4, 6, 6])
    w = b.dequantised(weights(rng, 6, 4, 3, 3), np.float32(0.01))
    compare(b.save(tmp_path / "m.onnx", b.quantised(b.node("Conv", b.x, w), 0.1, 5)), 12)


def test_uint8_weights_around_128(tmp_path):
    rng = np.random.default_rng(2)
    b = Builder([1, 20], dtype="uint8")
    w = b.dequantised((weights(rng, 20, 11).astype(np.int16) + 128).astype(np.uint8), 0.01,
                      zero_point=128)
    compare(b.save(tmp_path / "m.onnx", b.quantised(b.node("MatMul", b.x, w), 0.05, 5)), 30)


@pytest.mark.parametrize("bits", range(8, 15))
def test_ties_and_saturation(tmp_path, bits):
    # A scale of a power of two: an accumulator in 2**(bits - 7) is a tie, and many saturate.
    b = Builder([1, 2], scale=0.5, zero_point=0)
    w = b.dequantised(np.array([[1, 63, 0], [63, -63, 1]], np.int8), np.float32(2.0**-bits))
    path = b.save(tmp_path / "m.onnx", b.quantised(b.node("MatMul", b.x, w), 2.0**-7, 1))
    pairs = np.stack(np.meshgrid(np.arange(-128, 128), np.arange(-128, 128, 5)), -1)
    compare(path, pairs.reshape(-1, 2).astype(np.int8), least_distinct=10)


@DTYPES
@pytest.mark.parametrize("transposed", [0, 1])
def test_gemm_behind_a_flattened_image(tmp_path, dtype, transposed):
    rng = np.random.default_rng(3)
    b = Builder([1, 3, 4, 5], dtype=dtype)
    flat = b.quantised(b.node("Flatten", b.x), 0.05, 3)
    scales = rng.uniform(0.002, 0.006, 13).astype(np.float32)
    w = b.dequantised(weights(rng, *((13, 60) if transposed else (60, 13))), scales,
                      axis=1 - transposed)
    c = b.dequantised(rng.integers(-900, 900, 13).astype(np.int32), np.float32(0.05) * scales)
    hidden = b.node("Relu", b.node("Gemm", flat, w, c, transB=transposed))
    network = compare(b.save(tmp_path / "m.onnx", b.quantised(hidden, 0.05, -128)), 40)
    assert network.tensors[1].channels_first == (4, 5, 3)


def test_image_with_channels_last(tmp_path):
    rng = np.random.default_rng(4)
    b = Builder([1, 6, 5, 3])
    image = b.quantised(b.node("Transpose", b.x, perm=[0, 3, 1, 2]), 0.05, 3)
    result = convolution(b, rng, image, (4, 3, 3, 3))
    last = b.quantised(b.node("Transpose", result, perm=[0, 2, 3, 1]), 0.08, -4)
    network = compare(b.save(tmp_path / "m.onnx", last), 10)
    assert network.tensors[0].model_shape == (1, 6, 5, 3)


def test_shapes_of_a_vector(tmp_path):
    rng = np.random.default_rng(5)
    b = Builder([1, 6, 1, 1])
    flat = b.quantised(b.node("Squeeze", b.x, b.constant(np.array([2, 3]))), 0.05, 3)
    image = b.quantised(b.node("Reshape", flat, b.constant(np.array([0, 6, 1, -1]))), 0.05, 3)
    flat = b.quantised(b.node("Reshape", convolution(b, rng, image, (9, 6, 1, 1)),
                              b.constant(np.array([1, -1]))), 0.08, -4)
    image = b.quantised(b.node("Unsqueeze", flat, b.constant(np.array([2, -1]))), 0.08, -4)
    compare(b.save(tmp_path / "m.onnx", convolution(b, rng, image, (9, 9, 1, 1), scale=0.08)), 30)


@DTYPES
@pytest.mark.parametrize("seed", range(6))
def test_residual_sum(tmp_path, dtype, seed):
    rng = np.random.default_rng(seed)
    b = Builder([1, 4, 8, 8], dtype=dtype, scale=0.05, zero_point=int(rng.integers(-128, 128)))
    scale = float(rng.uniform(0.02, 0.2))
    branch = convolution(b, rng, b.x, (4, 4, 1, 1), output=(scale, int(rng.integers(-128, 128))))
    operands = (b.x, branch) if seed % 2 else (branch, b.x)
    total = b.quantised(b.node("Add", *operands), float(rng.uniform(0.05, 0.2)),
                        int(rng.integers(-60, 60)))
    compare(b.save(tmp_path / "m.onnx", total), 20)


@DTYPES
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize(("inner", "constant"), [([33], [33]), ([33], [1, 33]), ([1], [1]),
                                                 ([5, 3, 3], [5, 1, 1])])
def test_constant_sum(tmp_path, dtype, first, inner, constant):
    rng = np.random.default_rng(len(inner))
    b = Builder([1, *inner], dtype=dtype, scale=0.0503)
    values = rng.integers(0, 128, constant).astype(dtype)
    known = b.dequantised(values, np.float32(0.02137),
                          zero_point=(values.dtype == np.uint8) * 97 + 5)
    operands = (known, b.x) if first else (b.x, known)
    total = b.quantised(b.node("Add", *operands), 0.0627, -7)
    path = b.save(tmp_path / "m.onnx", total)
    values = np.broadcast_to(np.arange(-128, 128, dtype=np.int8).reshape(-1, *[1] * len(inner)),
                             (256, *(inner if len(inner) == 1 else [3, 3, 5])))
    compare(path, values)


def test_constant_sum_is_one_layer_where_one_does_it(tmp_path):
    b = Builder([1, 9], scale=0.0503)
    known = b.dequantised(np.arange(-4, 5).astype(np.int8), np.float32(0.31415))
    path = b.save(tmp_path / "m.onnx", b.quantised(b.node("Add", b.x, known), 0.0627, -7))
    network = compare(path, 60)
    assert [type(layer) for layer in network.layers] == [golden.DepthwiseConvolution]


def test_constant_sum_that_no_line_meets(tmp_path):
    b = Builder([1, 2], dtype="uint8", scale=np.float32(0.024435094), zero_point=-30)
    values = (np.array([-109, -93]) + 128).astype(np.uint8)
    known = b.dequantised(values, np.float32(0.047750857), zero_point=-82 + 128)
    path = b.save(tmp_path / "m.onnx", b.quantised(
        b.node("Add", b.x, known), np.float32(0.039867796), 80))
    inputs = np.tile(np.arange(-128, 128, dtype=np.int8)[:, None], 2)
    network = compare(path, inputs)
    assert [type(layer) for layer in network.layers] == [golden.DepthwiseConvolution, golden.Add]
    assert run(network, inputs)[network.layers[0].output].tolist() == [[-109, -93]] * 256


@DTYPES
@pytest.mark.parametrize(("kind", "bounds"), [("Relu", ()), ("Clip", (-1.3, 2.2)),
                                              ("Clip", (0, 6))])
def test_bound_by_itself(tmp_path, dtype, kind, bounds):
    b = Builder([1, 256], dtype=dtype)
    limits = [b.constant(np.float32(value)) for value in bounds]
    path = b.save(tmp_path / "m.onnx", b.quantised(b.node(kind, b.x, *limits), 0.031, -20))
    compare(path, np.arange(-128, 128, dtype=np.int8)[None])


@DTYPES
@pytest.mark.parametrize(("size", "scale"), [((4, 5), 0.03), ((2, 2), 0.05), ((7, 7), 0.011)])
def test_global_average_pool(tmp_path, dtype, size, scale):
    b = Builder([1, 3, *size], dtype=dtype)
    path = b.save(tmp_path / "m.onnx", b.quantised(b.node("GlobalAveragePool", b.x), scale, 9))
    rng = np.random.default_rng(6)
    middle = rng.integers(-100, 100, (300, 1, 1, 3))
    compare(path, np.clip(middle + rng.integers(-30, 30, (300, *size, 3)), -128, 127).astype(
        np.int8))


@DTYPES
@pytest.mark.parametrize(("kernel", "stride", "scale"), [(3, 1, 0.05), (3, 2, 0.05),
                                                         (1, 2, 0.061), (2, 2, 0.0437)])
def test_average_pool(tmp_path, dtype, kernel, stride, scale):
    b = Builder([1, 3, 7, 9], dtype=dtype)
    pooled = b.node("AveragePool", b.x, kernel_shape=[kernel] * 2, strides=[stride] * 2)
    compare(b.save(tmp_path / "m.onnx", b.quantised(pooled, scale, 3)), 60)


@DTYPES
@pytest.mark.parametrize("kernel", [(2, 2), (4, 4), (2, 3)])
@pytest.mark.parametrize(("scale", "output", "points"), [
    (2.0**-5, 2.0**-5, (3, 3)), (0.049999237060546875, 0.049999237060546875, (-128, -128)),
    (0.25, 0.25, (-7, 60)), (0.25, 0.125, (5, -8)), (0.125, 0.25, (6, 4))])
def test_average_pool_whose_ties_are_exact(tmp_path, dtype, kernel, scale, output, points):
    scale = np.float32(scale)
    if kernel != (2, 2):  # more values, fewer bits of scale
        scale = exact_scale(scale, kernel[0] * kernel[1])
        output = scale if output == 0.049999237060546875 else output
    b = Builder([1, 3, 8, 12], dtype=dtype, scale=scale, zero_point=points[0])
    pooled = b.node("AveragePool", b.x, kernel_shape=list(kernel), strides=[2, 2])
    path = b.save(tmp_path / "m.onnx", b.quantised(pooled, output, points[1]))
    rng = np.random.default_rng(1)
    middle = rng.integers(-128, 128, (60, 1, 1, 3)) + rng.integers(-9, 10, (60, 8, 12, 3))
    compare(path, np.clip(middle, -128, 127).astype(np.int8))


@DTYPES
def test_average_pool_of_the_whole_image(tmp_path, dtype):
    # Then onnxruntime sums integers: 2x2 is no window with ties.
    b = Builder([1, 16, 2, 2], dtype=dtype)
    pooled = b.node("AveragePool", b.x, kernel_shape=[2, 2])
    compare(b.save(tmp_path / "m.onnx", b.quantised(pooled, 0.05, 3)), 60)


@DTYPES
@pytest.mark.parametrize(("kernel", "attributes"), [
    ([2, 2], {"strides": [2, 2]}),
    ([3, 3], {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
    ([3, 3], {"pads": [0, 2, 1, 1]}),
    ([2, 3], {"strides": [1, 2], "auto_pad": "SAME_UPPER"}),
    ([3, 2], {"auto_pad": "SAME_LOWER"}),
    ([1, 1], {"strides": [2, 2]}),
])
def test_max_pool(tmp_path, dtype, kernel, attributes):
    b = Builder([1, 5, 7, 9], dtype=dtype)
    pooled = b.node("MaxPool", b.x, kernel_shape=kernel, **attributes)
    network = compare(b.save(tmp_path / "m.onnx", b.quantised(pooled, 0.05, 3)), 20)
    assert [type(layer) for layer in network.layers] == [golden.MaxPool]


@DTYPES
def test_global_max_pool(tmp_path, dtype):
    b = Builder([1, 5, 3, 4], dtype=dtype)
    path = b.save(tmp_path / "m.onnx", b.quantised(b.node("GlobalMaxPool", b.x), 0.05, 3))
    assert compare(path, 60).layers[0].kernel == (3, 4)


@DTYPES
@pytest.mark.parametrize("axis", [1, 2, 3, -3])
def test_concatenation(tmp_path, dtype, axis):
    rng = np.random.default_rng(9)
    b = Builder([1, 4, 5, 6], dtype=dtype)
    other = convolution(b, rng, b.x, (4, 4, 1, 1), output=(0.0437, 20))
    pooled = b.quantised(b.node("MaxPool", b.x, kernel_shape=[1, 1]), 0.05, 3)
    joined = b.node("Concat", other, b.x, pooled, other, axis=axis)
    network = compare(b.save(tmp_path / "m.onnx", b.quantised(joined, 0.05, 3)), 20)
    # The operand of another scale is brought to that of the result, once.
    assert [layer.kind for layer in network.layers] == [
        "CONV_2D", "MAX_POOL_2D", "QUANTIZE", "CONCATENATION"]


@DTYPES
def test_concatenation_of_vectors(tmp_path, dtype):
    rng = np.random.default_rng(10)
    b = Builder([1, 24], dtype=dtype)
    parts = [b.quantised(b.node("MatMul", b.x, b.dequantised(weights(rng, 24, size), 0.01)),
                         scale, point) for size, scale, point in ((8, 0.1, -3), (13, 0.077, 31))]
    joined = b.node("Concat", *parts, axis=-1)
    compare(b.save(tmp_path / "m.onnx", b.quantised(joined, 0.1, -3)), 40)


@DTYPES
@pytest.mark.parametrize(("pads", "value"), [
    ([0, 0, 1, 2, 0, 0, 3, 0], None), ([0, 1, 0, 0, 0, 2, 1, 1], 1.23),
    ([0, 0, 1, 1, 0, 0, 1, 1], -np.inf)])
def test_padding(tmp_path, dtype, pads, value):
    b = Builder([1, 3, 4, 5], dtype=dtype)
    around = [b.constant(np.float32(value))] if value is not None else []
    padded = b.node("Pad", b.x, b.constant(np.array(pads)), *around)
    network = compare(b.save(tmp_path / "m.onnx", b.quantised(padded, 0.05, 3)), 20)
    assert network.layers[0].value == {None: 3, 1.23: 28, -np.inf: -128}[value]


def test_padding_with_a_quantised_value(tmp_path):
    b = Builder([1, 20], dtype="uint8")
    known = b.dequantised(np.array(177, np.uint8), np.float32(0.05), zero_point=131)
    padded = b.node("Pad", b.x, b.constant(np.array([0, 2, 0, 3])), known)
    compare(b.save(tmp_path / "m.onnx", b.quantised(padded, 0.05, 3)), 20)


def test_input_may_be_bytes(tmp_path):
    rng = np.random.default_rng(8)
    b = Builder([1, 12])
    w = b.dequantised(weights(rng, 12, 5), np.float32(0.01))
    path = b.save(tmp_path / "m.onnx", b.quantised(b.node("MatMul", b.x, w), 0.05, 5))
    expected = compare(path, 10)
    model = onnx.load(path)
    cut = onnx.utils.Extractor(onnx.shape_inference.infer_shapes(model)).extract_model(
        [model.graph.node[0].output[0]], [model.graph.output[0].name])
    onnx.save(cut, path)
    network = load(path)
    assert len(network.layers) == 1
    np.testing.assert_array_equal(network.layers[0].weights, expected.layers[0].weights)
    assert network.tensors[0].zero_point == expected.tensors[0].zero_point
