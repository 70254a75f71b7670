# SPDX-License-Identifier: Apache-2.0
"""Models that the importer refuses, each in one sentence that names the node and says why."""

import re

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from systolith.gen.importer import ImportFault, load

from .models import Builder

W = np.ones((8, 8), np.int8)
IMAGE = [1, 8, 6, 6]
KERNEL = np.ones((8, 8, 1, 1), np.int8)


def refuse(path, sentence: str) -> None:
    with pytest.raises(ImportFault, match=re.escape(sentence)) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def graph(tmp_path, make, shape=(1, 8), **fields):
    b = Builder(list(shape), **fields)
    return b.save(tmp_path / "net.onnx", make(b))


def weights(b: Builder, values=W, scales=0.01, **fields) -> str:
    return b.dequantised(values, scales, **fields)


def out(b: Builder, name: str) -> str:
    return b.quantised(name, 0.1, 0)


def conv(b: Builder, kernel=KERNEL, **attributes) -> str:
    return out(b, b.node("Conv", b.x, weights(b, kernel), **attributes))


def matmul(b: Builder) -> str:
    return out(b, b.node("MatMul", b.x, weights(b)))


def float_bias(b: Builder) -> str:
    c = b.constant(np.zeros(8, np.float32))
    return out(b, b.node("Gemm", b.x, weights(b), c))


def scaled_bias(b: Builder) -> str:
    return out(b, b.node("Gemm", b.x, weights(b),
                         b.dequantised(np.zeros(8, np.int32), np.float32(1))))


def read_twice(b: Builder) -> str:
    product = b.node("MatMul", b.x, weights(b))
    return b.node("Add", out(b, product), out(b, product))


def wide_sums(b: Builder) -> str:
    w = weights(b, np.full((8, 8), 127, np.int8), np.float32(1e-9))
    c = b.dequantised(np.full(8, 2**25, np.int32), np.float32(0.05) * np.float32(1e-9))
    return b.quantised(b.node("Gemm", b.x, w, c), 0.1, 0)


def places_of_maxima(b: Builder) -> str:
    result = b.node("MaxPool", b.x, kernel_shape=[2, 2])
    b.nodes[-1].output.append("places")
    return out(b, result)


def after_softmax(b: Builder) -> str:
    return out(b, b.node("MatMul", out(b, b.node("Softmax", matmul(b))), weights(b)))


@pytest.mark.parametrize(("make", "shape", "sentence"), [
    (lambda b: out(b, b.node("MatMul", "x", weights(b))), (1, 8),
     "(MatMul, t9): it must read a tensor through DequantizeLinear"),
    (lambda b: out(b, b.node("MatMul", b.x, b.constant(W.astype(np.float32)))), (1, 8),
     "its weights must be a constant of 2 dimensions behind DequantizeLinear"),
    (lambda b: out(b, b.node("MatMul", b.x, weights(b, zero_point=3))), (1, 8),
     "must have zero point 0, not 3; quantise weights symmetrically"),
    (lambda b: out(b, b.node("MatMul", b.x, weights(b, scales=[0.1] * 8))), (1, 8),
     "must have one scale or one for each of 8 output channels, not 8 along axis 0"),
    (lambda b: out(b, b.node("MatMul", b.x, weights(b, W.astype(np.uint8)))), (1, 8),
     "must be int8, not uint8"),
    (lambda b: out(b, b.node("MatMul", b.x, weights(b, np.ones((7, 8), np.int8)))), (1, 8),
     "its input must be a vector of 7 values, not of shape [1, 8]"),
    (float_bias, (1, 8), "its bias must be 8 constants of int32 with zero point 0"),
    (scaled_bias, (1, 8), "its bias must have the scale of its input times that of its weights"),
    (lambda b: out(b, b.node("Gemm", b.x, weights(b), alpha=0.5)), (1, 8),
     "alpha and beta must be 1, and transA 0"),
    (lambda b: b.quantised(b.node("MatMul", b.x, weights(b)), 1e-4, 0), (1, 8),
     "must be from 0 to below 1, not 5"),
    (wide_sums, (1, 8), "sums of channel 0 may reach 33687528, which float32 does not hold"),
    (lambda b: b.node("MatMul", b.x, weights(b)), (1, 8), "output: t9 is never quantised"),
    (read_twice, (1, 8), "only this node may read what it quantises"),
    (lambda b: out(b, b.node("Relu", b.node("MatMul", b.x, weights(b)))), (1, 8),
     "quantise with asymmetric activations, without the RELU"),
    (lambda b: b.quantised(matmul(b), 0.2, 1), (1, 8), "another scale without an operator between"),
    (after_softmax, (1, 8), ("it comes after Softmax t14, which the core has no unit for; it may "
     "only stand at the end, for the host")),
    (lambda b: out(b, b.node("Tanh", b.x)), (1, 8), ("operator Tanh is not supported; it needs a "
     "table in golden.ops and in the post-processor; use Relu; supported are Add, ")),
    (lambda b: out(b, b.node("LpPool", b.x, kernel_shape=[2, 2])), IMAGE,
     "operator LpPool is not supported; use MaxPool, GlobalMaxPool or GlobalAveragePool"),
    (lambda b: out(b, b.node("MaxPool", b.x, kernel_shape=[2, 2])), IMAGE,
     "input and output must have the same scale and zero point; quantise both with one scale"),
    (lambda b: out(b, b.node("MaxPool", b.x, kernel_shape=[2, 2], pads=[2, 0, 0, 0])), IMAGE,
     "pads must be smaller than the kernel of 2, not 2"),
    (places_of_maxima, IMAGE, "it must have one output, without the places of the maxima"),
    (lambda b: out(b, b.node("MaxPool", b.x)), IMAGE,
     "kernel_shape must be two of at least 1, not []"),
    (lambda b: out(b, b.node("GlobalMaxPool", b.x)), (1, 8),
     "its input must be an image with channels first"),
    (lambda b: out(b, b.node("Concat", b.x, b.x, axis=0)), IMAGE, "axis must be 1 ... 3, not 0"),
    (lambda b: out(b, b.node("Concat", b.x, out(b, b.node("GlobalAveragePool", b.x)), axis=1)),
     IMAGE, "must have one shape but along its axis, not [1, 8, 6, 6] and [1, 8, 1, 1]"),
    (lambda b: out(b, b.node("Concat", b.x, b.constant(np.ones((1, 8), np.float32)), axis=1)),
     (1, 8), "it must read a tensor through DequantizeLinear"),
    (lambda b: out(b, b.node("Pad", b.x, b.constant(np.array([0, 1, 0, 1])))), (1, 8),
     "input and output must have the same scale and zero point; quantise both with one scale"),
    (lambda b: out(b, b.node("Pad", b.x, b.constant(np.array([0, -1, 0, 1])))), (1, 8),
     "pads must be 0 ... 255, of the batch 0, not [0, -1, 0, 1]"),
    (lambda b: out(b, b.node("Pad", b.x, b.constant(np.array([0, 2**40, 0, 1])))), (1, 8),
     "pads must be 0 ... 255, of the batch 0, not [0, 1099511627776, 0, 1]"),
    (lambda b: out(b, b.node("Pad", b.x, b.constant(np.array([1, 1])))), (1, 8),
     "pads must be 4 constants"),
    (lambda b: out(b, b.node("Pad", b.x, b.constant(np.zeros(4, np.int64)), mode="edge")), (1, 8),
     "mode must be constant, without axes, not 'edge'"),
    (lambda b: out(b, b.node("Pad", b.x, b.constant(np.zeros(4, np.int64)),
                             b.constant(np.float32(np.nan)))), (1, 8),
     "the value around it must be one constant number"),
    (lambda b: out(b, b.node("ReduceMean", b.x, axes=[2, 3])), IMAGE,
     "operator ReduceMean is not supported; export a global mean as GlobalAveragePool"),
    (lambda b: conv(b, dilations=[2, 2]), IMAGE, "dilations must be 1"),
    (lambda b: conv(b, strides=[0, 1]), IMAGE, "strides must be two of at least 1, not [0, 1]"),
    (lambda b: conv(b, pads=[0, 0, -1, 0]), IMAGE, "pads must be 0 ... 255"),
    (lambda b: conv(b, auto_pad="MIRROR"), IMAGE,
     "auto_pad must be NOTSET, VALID, SAME_UPPER or SAME_LOWER, not 'MIRROR'"),
    (lambda b: conv(b, np.ones((8, 4, 1, 1), np.int8), group=2), IMAGE,
     "weights of shape [8, 4, 1, 1] in 2 groups must be for 8 input channels"),
    (lambda b: conv(b, np.ones((8, 8, 7, 7), np.int8)), IMAGE,
     "the kernel of 7x7 must fit the input of 6x6"),
    (conv, (1, 8), "its input must be an image with channels first"),
    (lambda b: b.quantised(b.node("AveragePool", b.x, kernel_shape=[2, 2]), 0.05, 3), IMAGE,
     ("means of 2x2 may be ties, which onnxruntime rounds by the noise of float32 sums; quantise "
      "input and output with the scale 0.049999237060546875, or use GlobalAveragePool")),
    (lambda b: out(b, b.node("AveragePool", b.x, kernel_shape=[1 << 12, 1 << 12])),
     (1, 1, 1 << 12, 1 << 13), "window must have at most 4096 values, not 16777216, or be"),
    (lambda b: out(b, b.node("AveragePool", b.x, kernel_shape=[3, 3], pads=[1, 1, 1, 1])), IMAGE,
     "padding must be 0, since windows at a padded border average fewer pixels"),
    (lambda b: out(b, b.node("Transpose", b.x, perm=[0, 1, 3, 2])), IMAGE,
     "not perm [0, 1, 3, 2] of [1, 8, 6, 6]"),
    (lambda b: out(b, b.node("Reshape", b.x, b.constant(np.array([1, 4, 12, 6])))), IMAGE,
     "its values would change places"),
    (lambda b: out(b, b.node("Reshape", b.x, b.constant(np.array([2, -1])))), IMAGE,
     "shape [1, 8, 6, 6] must become [1, K] or [1, C, H, W], not [2, 144]"),
    (lambda b: matmul(b), (2, 8), "input must be [1, K] or [1, C, H, W], not [2, 8]"),
    (lambda b: matmul(b), (1, "k"), "input must have fixed sizes of at least 1"),
    (lambda b: matmul(b), (1, 2**40), "input must have fixed sizes of at least 1"),
])
def test_model_is_refused(tmp_path, make, shape, sentence):
    refuse(graph(tmp_path, make, shape), sentence)


def test_activations_of_two_types(tmp_path):
    def mixed(b: Builder) -> str:
        first = matmul(b)
        b.dtype = "uint8"
        return out(b, b.node("MatMul", first, weights(b)))

    refuse(graph(tmp_path, mixed), "must both be int8, or both uint8")


def test_concatenation_of_two_types(tmp_path):
    def mixed(b: Builder) -> str:
        first = b.x
        b.dtype = "uint8"
        return out(b, b.node("Concat", b.quantised(b.node("Relu", first), 0.1, 0), first, axis=1))

    refuse(graph(tmp_path, mixed), "must both be int8, or both uint8")


def test_sum_with_scales_that_make_ties(tmp_path):
    def total(b: Builder) -> str:
        branch = b.quantised(b.node("MatMul", b.x, weights(b)), 0.021, 7)
        return b.quantised(b.node("Add", b.x, branch), 0.062, -7)

    refuse(graph(tmp_path, total),
           "no integers add as onnxruntime's float32 does with scales 0.05, 0.021 and, of the "
           "result, 0.062; change one of them a little")


def change(tmp_path, edit):
    path = graph(tmp_path, matmul)
    model = onnx.load(path)
    edit(model)
    path.write_bytes(model.SerializeToString())
    return path


def external(model):
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def turned(model):
    nodes = list(model.graph.node)[::-1]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def cyclic(model):
    model.graph.node[0].input[0] = model.graph.node[-1].output[0]


def huge(model):
    del model.graph.initializer[0].dims[:]
    model.graph.initializer[0].dims.extend([2**40, 2**20])


def longer(model):
    model.graph.initializer[-1].dims.append(3)


def twice(model):
    model.graph.initializer.append(model.graph.initializer[0])


def written_twice(model):
    model.graph.node.append(model.graph.node[-1])


def second_input(model):
    model.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [1]))


def other_output(model):
    model.graph.output[0].name = "nowhere"


def old(model):
    model.opset_import[0].version = 7


def long_name(model):
    model.graph.node[0].name = "n" * 5000


def empty(model):
    del model.graph.node[:]


def no_output(model):
    del model.graph.output[:]


@pytest.mark.parametrize(("edit", "sentence"), [
    (external, "data outside the file is not supported; save the model as one file"),
    (turned, "which no earlier node computes; nodes must be in an order in which they can run"),
    (cyclic, "which no earlier node computes"),
    (huge, "shape must have sizes of at least 0 and at most"),
    (longer, "elements for shape"),
    (twice, "it is there twice"),
    (written_twice, "is there already"),
    (second_input, "network must have one input, not 2"),
    (other_output, "output nowhere: no node computes it"),
    (old, "opset must be 10 to 26, not 7"),
    (long_name, "name must be at most 1024 characters, not 5000"),
    (empty, "file is truncated or damaged, or no ONNX model"),
    (no_output, "one quantised tensor must be the network's output or lead to it, not 0"),
])
def test_graph_is_refused(tmp_path, edit, sentence):
    refuse(change(tmp_path, edit), sentence)


def test_other_suffix(tmp_path):
    refuse(tmp_path / "net.pt", "model must be a .tflite or an .onnx file")


def test_folder(tmp_path):
    (tmp_path / "net.onnx").mkdir()
    refuse(tmp_path / "net.onnx", "model must be a file")
