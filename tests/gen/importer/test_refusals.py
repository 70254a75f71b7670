# SPDX-License-Identifier: Apache-2.0
"""Well-formed models that the importer refuses, each in one sentence that says why."""

import re

import numpy as np
import pytest
import tflite
from systolith.gen.demo import writer
from systolith.gen.demo.writer import OperatorDescription, TensorDescription, write
from systolith.gen.importer.tflite import ImportFault, load

SAME = {"Padding": tflite.Padding.SAME, "StrideH": 1, "StrideW": 1}
DENSE = SAME | {"DilationHFactor": 1, "DilationWFactor": 1}
SHAPE = (1, 4, 4, 8)


def x(**changes) -> TensorDescription:
    return TensorDescription(**{"name": "x", "shape": SHAPE, "scales": [0.5]} | changes)


def y(**changes) -> TensorDescription:
    return x(name="y", **changes)


def w(**changes) -> TensorDescription:
    fields = {"name": "w", "shape": (8, 1, 1, 8), "scales": [0.01] * 8} | changes
    return TensorDescription(data=np.ones(fields["shape"], np.int8), **fields)


def b(channels: int = 8, dtype: str = "int32") -> TensorDescription:
    return TensorDescription(name="b", shape=(channels,), dtype=dtype, scales=[0.005],
                             data=np.zeros(channels, dtype))


def c(values) -> TensorDescription:
    numbers = np.array(values, np.int32)
    return TensorDescription(name="c", shape=numbers.shape, dtype="int32", data=numbers)


def one(kind: str, *tensors, options=DENSE, operands=("x", "w", "b")) -> bytes:
    step = OperatorDescription(kind=kind, inputs=operands, outputs=("y",), options=options)
    return write(tensors, [step], inputs=["x"], outputs=["y"])


def refuse(tmp_path, content: bytes, sentence: str) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(content)
    with pytest.raises(ImportFault, match=re.escape(f"{path}: {sentence}")) as caught:
        load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("content", "sentence"), [
    (one("CONV_2D", x(scales=[0.5] * 4, axis=1), w(), b(), y()),
     "input: tensor x must be quantised per tensor, with one scale, not 4"),
    (one("CONV_2D", x(scales=[]), w(), b(), y()),
     "input: tensor x must be quantised per tensor, with one scale, not 0"),
    (one("CONV_2D", x(dtype="int32"), w(), b(), y()),
     ("input: tensor x must be int8, not int32; quantise the model to full int8, inputs and "
      "outputs included")),
    (one("CONV_2D", x(shape=(2, 4, 4, 8)), w(), b(), y()),
     "input: tensor x must have a batch of 1, not shape [2, 4, 4, 8]"),
    (one("CONV_2D", x(zero_point=200), w(), b(), y()),
     ("input: tensor x must have a positive scale and a zero point of -128 ... 127, not 0.5 and "
      "200")),
    (one("CONV_2D", x(), w(zero_point=3), b(), y()),
     "layer 0 (CONV_2D, y): weights w must have zero point 0, not 3"),
    (one("CONV_2D", x(), w(axis=3), b(), y()),
     ("layer 0 (CONV_2D, y): weights w must have one scale or one for each of 8 output channels, "
      "not 8 along axis 3")),
    (one("CONV_2D", x(), w(scales=[-0.01]), b(), y()),
     "layer 0 (CONV_2D, y): weights w must have positive scales"),
    (one("CONV_2D", x(), w(shape=(8, 1, 1, 4)), b(), y()),
     "layer 0 (CONV_2D, y): weights of shape [8, 1, 1, 4] do not fit"),
    (one("CONV_2D", x(), w(), b(7), y()),
     "layer 0 (CONV_2D, y): bias b must have 8 values, not 7"),
    (one("CONV_2D", x(), w(), b(dtype="int8"), y()),
     ("layer 0 (CONV_2D, y): tensor b must be a constant int32 tensor of 1 dimensions, not a "
      "constant int8 tensor of 1")),
    (one("CONV_2D", x(), w(), b(), y(), options=DENSE | {"DilationWFactor": 2}),
     "layer 0 (CONV_2D, y): dilation must be 1, not 1x2"),
    (one("CONV_2D", x(), w(), b(), y(), options=DENSE | {"StrideH": 0}),
     "layer 0 (CONV_2D, y): stride must be at least 1, not 0x1"),
    (one("CONV_2D", x(), w(), b(), y(), options=DENSE | {"FusedActivationFunction": 4}),
     "layer 0 (CONV_2D, y): fused activation must be NONE, RELU or RELU6, not code 4"),
    (one("CONV_2D", x(), w(), b(), y(scales=[1e-3])),
     ("layer 0 (CONV_2D, y): output scale 0.001 is too small for channel 0: its accumulators would "
      "be scaled up by 5, a left shift of 3, but the requantiser only shifts right, by 0 ... 31")),
    (one("CONV_2D", x(), w(), b(), y(shape=(1, 2, 2, 8))),
     "layer 0 (CONV_2D, y): output must be 4x4, not 2x2"),
    (one("CONV_2D", x(), b(), y(), operands=("x", "x", "b")),
     ("layer 0 (CONV_2D, y): tensor x must be a constant int8 tensor of 4 dimensions, not a "
      "variable int8 tensor of 4")),
    (one("CONV_2D", x(), y(), operands=("x",)),
     "layer 0 (CONV_2D, y): operator must have 2 inputs, not 1"),
    (one("DEPTHWISE_CONV_2D", x(), w(shape=(1, 3, 3, 12), scales=[0.01]), b(12),
         y(shape=(1, 4, 4, 12))),
     ("layer 0 (DEPTHWISE_CONV_2D, y): weights of shape [1, 3, 3, 12] do not fit 8 input and 12 "
      "output channels")),
    (one("FULLY_CONNECTED", x(), w(shape=(8, 8)), b(), y(shape=(1, 8)), options={}),
     "layer 0 (FULLY_CONNECTED, y): weights of shape [8, 8] do not fit 128 inputs and 8 outputs"),
    (one("AVERAGE_POOL_2D", x(), y(scales=[0.25]), operands=("x",),
         options=SAME | {"FilterHeight": 2, "FilterWidth": 2}),
     "layer 0 (AVERAGE_POOL_2D, y): input and output must have the same scale and zero point"),
    (one("AVERAGE_POOL_2D", x(), y(), operands=("x",), options=SAME),
     "layer 0 (AVERAGE_POOL_2D, y): window must be 1 ... 4096 in both directions, not (0, 0)"),
    (one("MAX_POOL_2D", x(), y(zero_point=1), operands=("x",),
         options=SAME | {"FilterHeight": 2, "FilterWidth": 2}),
     "layer 0 (MAX_POOL_2D, y): input and output must have the same scale and zero point"),
    (one("MEAN", x(), c([3]), y(), operands=("x", "c"), options={"KeepDims": True}),
     ("layer 0 (MEAN, y): it must be a mean over height, width or both, axes 1 to 2, not [3]")),
    (one("MEAN", x(), c([1, 2]), y(), operands=("x", "c"), options={"KeepDims": True}),
     "layer 0 (MEAN, y): output must have shape [1, 1, 1, 8], not [1, 4, 4, 8]"),
    (one("MEAN", x(), c([1, 2]), y(shape=(1, 8), scales=[1e-4]), operands=("x", "c"),
         options={"KeepDims": False}),
     ("layer 0 (MEAN, y): output scale 0.0001 is too small for an input of scale 0.5: it needs a "
      "left shift of 9, but at most 6 are possible")),
    (one("RELU", x(), y(shape=(1, 4, 4, 4)), operands=("x",), options={}),
     "layer 0 (RELU, y): output must have shape [1, 4, 4, 8], not [1, 4, 4, 4]"),
    (one("QUANTIZE", x(), y(scales=[1e-3]), operands=("x",), options={}),
     "layer 0 (QUANTIZE, y): output scale 0.001 is too small for an input of scale 0.5"),
    (one("PAD", x(), c([[1, 0], [0, 0], [0, 0], [0, 0]]), y(shape=(2, 4, 4, 8)),
         operands=("x", "c"), options={}),
     "layer 0 (PAD, y): tensor y must have a batch of 1, not shape [2, 4, 4, 8]"),
    (one("PAD", x(), c([[0, 0], [-1, 1], [0, 0], [0, 0]]), y(), operands=("x", "c"), options={}),
     "layer 0 (PAD, y): padding must be 4 pairs of at least 0, of the batch 0, not [[0, 0], [-1"),
    (one("PAD", x(), c([[0, 0], [1, 1], [0, 0], [0, 0]]), y(), operands=("x", "c"), options={}),
     "layer 0 (PAD, y): output must have shape [1, 6, 4, 8], not [1, 4, 4, 8]"),
    (one("PAD", x(), y(), operands=("x", "x"), options={}),
     "layer 0 (PAD, y): tensor x must be a constant of type int32"),
    (one("PADV2", x(), c([[0, 0]] * 4), w(), y(), operands=("x", "c", "w"), options={}),
     "layer 0 (PADV2, y): it must pad with one value, not 64"),
    (one("PADV2", x(), c([[0, 0]] * 4), w(shape=(1,), scales=[0.25]), y(),
         operands=("x", "c", "w"), options={}),
     "layer 0 (PADV2, y): value and output must have the same scale and zero point"),
    (one("CONCATENATION", x(), y(shape=(1, 4, 4, 16), scales=[0.25]), operands=("x", "x"),
         options={"Axis": 3}),
     "layer 0 (CONCATENATION, y): input and output must have the same scale and zero point"),
    (one("CONCATENATION", x(), y(), operands=("x", "x"), options={"Axis": 0}),
     "layer 0 (CONCATENATION, y): axis must be 1 to 3, not 0"),
    (one("CONCATENATION", x(), y(), operands=("x", "x"), options={"Axis": -1}),
     "layer 0 (CONCATENATION, y): output must have size 16 along axis 3, not 8"),
    (one("CONCATENATION", x(), y(shape=(1, 5, 4, 16)), operands=("x", "x"), options={"Axis": 3}),
     ("layer 0 (CONCATENATION, y): inputs must have the output's shape [1, 5, 4, 16] but along "
      "axis 3, not [1, 4, 4, 8]")),
    (one("CONCATENATION", x(), y(), operands=("x",),
         options={"Axis": 3, "FusedActivationFunction": 1}),
     "layer 0 (CONCATENATION, y): fused activation must be NONE, not code 1"),
    (one("ADD", x(), y(shape=(1, 4, 4, 4)), operands=("x", "x"), options={}),
     "layer 0 (ADD, y): operands must have one shape"),
    (one("ADD", x(), b(), y(), operands=("x", "b"), options={}),
     "layer 0 (ADD, y): it reads tensor b, which no earlier layer computes"),
    (one("ADD", x(), y(), operands=("x", "y"), options={}),
     "layer 0 (ADD, y): it reads tensor y, which no earlier layer computes"),
    (one("ADD", x(), y(scales=[1e-7]), operands=("x", "x"), options={}),
     "layer 0 (ADD, y): output scale 1e-07 is too small for operands of scale 0.5 and 0.5"),
    (one("RESHAPE", x(), y(shape=(1, 100)), operands=("x",), options={}),
     "layer 0 (RESHAPE, y): shapes [1, 4, 4, 8] and [1, 100] must have as many elements"),
    (one("SOFTMAX", x(), y(), operands=("x",), options={"Beta": 1.0}),
     "layer 0 (SOFTMAX, y): output must have scale 1/256 and zero point -128, not 0.5 and 0"),
    (one("SOFTMAX", x(), y(scales=[1 / 256], zero_point=-128), operands=("x",),
         options={"Beta": -1.0}),
     "layer 0 (SOFTMAX, y): beta times the input scale must be above 2**-26, not -0.5"),
])
def test_layer(tmp_path, content, sentence):
    refuse(tmp_path, content, sentence)


@pytest.mark.parametrize(("kind", "remedy"), [
    ("DEQUANTIZE", "convert the model with int8 input and output types"),
    ("MIRROR_PAD", "pad with a constant (PAD), or let the following convolution pad"),
    ("SUM", "use MAX_POOL_2D over the whole extent, or MEAN"),
    ("LEAKY_RELU", "use RELU or RELU6"),
    ("HARD_SWISH", "it needs a table in golden.ops and in the post-processor"),
    ("LSTM", "it needs a function in golden.ops and a unit of the core or of the host"),
])
def test_unsupported_operator_says_what_it_needs(tmp_path, monkeypatch, kind, remedy):
    monkeypatch.setitem(writer._OPERATORS, kind, (1, None))
    content = one(kind, x(), y(), operands=("x",), options={})
    refuse(tmp_path, content, f"layer 0 ({kind}, y): operator {kind} is not supported; {remedy}")


def test_two_inputs(tmp_path):
    step = OperatorDescription(kind="ADD", inputs=("x", "z"), outputs=("y",))
    content = write([x(), x(name="z"), y()], [step], inputs=["x", "z"], outputs=["y"])
    refuse(tmp_path, content, "model: network must have one input and one output, not 2 and 1")


def test_tensor_that_is_computed_twice(tmp_path):
    step = OperatorDescription(kind="ADD", inputs=("x", "x"), outputs=("y",))
    content = write([x(), y()], [step, step], inputs=["x"], outputs=["y"])
    refuse(tmp_path, content, "layer 1 (ADD, y): its output is written twice, or is an input")


def test_output_that_nothing_computes(tmp_path):
    step = OperatorDescription(kind="ADD", inputs=("x", "x"), outputs=("z",))
    content = write([x(), y(), x(name="z")], [step], inputs=["x"], outputs=["y"])
    refuse(tmp_path, content, "output: no layer computes it")


def test_layers_out_of_order(tmp_path):
    steps = [OperatorDescription(kind="ADD", inputs=("z", "z"), outputs=("y",)),
             OperatorDescription(kind="ADD", inputs=("x", "x"), outputs=("z",))]
    content = write([x(), y(), x(name="z")], steps, inputs=["x"], outputs=["y"])
    refuse(tmp_path, content, "layer 0 (ADD, y): it reads tensor z, which no earlier layer "
                              "computes")


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.tflite")


def test_folder(tmp_path):
    with pytest.raises(ImportFault, match=f"^{re.escape(str(tmp_path))}: model must be a file$"):
        load(tmp_path)


def test_file_beyond_the_limit(tmp_path):
    path = tmp_path / "net.tflite"
    with path.open("wb") as stream:
        stream.truncate((64 << 20) + 1)
    with pytest.raises(ImportFault, match="net.tflite: model must be at most 64 MiB$"):
        load(path)


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\x1c\0\0\0TFL2" + bytes(100)])
def test_file_of_another_kind(tmp_path, content):
    refuse(tmp_path, content, "file must be a TensorFlow Lite model (identifier TFL3)")


def test_control_characters_in_names_do_not_reach_the_terminal(tmp_path):
    content = one("ADD", x(), TensorDescription(name="y\x1b[2J\n", shape=(1, 9), scales=[0.5]), y(),
                  operands=("x", "y\x1b[2J\n"), options={})
    refuse(tmp_path, content, "layer 0 (ADD, y): it reads tensor y?[2J?, which no earlier layer "
                              "computes")


def test_long_name(tmp_path):
    content = one("ADD", x(), y(), TensorDescription(name="n" * 2000, shape=(1,)),
                  operands=("x", "x"), options={})
    refuse(tmp_path, content, "tensor 2: name must be at most 1024 bytes, not 2000")
