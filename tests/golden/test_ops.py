# SPDX-License-Identifier: Apache-2.0
"""Single operators against LiteRT, beyond what the networks use."""

import numpy as np
import pytest
import tflite
from systolith.gen.demo.writer import OperatorDescription, TensorDescription, write

from .operators import activation, check, constants, model, numbers, samples

SAME, VALID = tflite.Padding.SAME, tflite.Padding.VALID
NONE, RELU, RELU6 = (getattr(tflite.ActivationFunctionType, name)
                     for name in ("NONE", "RELU", "RELU6"))


@pytest.mark.parametrize("fused", [NONE, RELU, RELU6])
@pytest.mark.parametrize(("size", "kernel", "stride", "padding"), [
    ((7, 6), (3, 3), (1, 1), SAME),
    ((7, 6), (3, 3), (2, 2), SAME),
    ((8, 8), (3, 3), (2, 2), SAME),
    ((9, 5), (4, 2), (2, 1), SAME),
    ((9, 5), (4, 2), (2, 3), VALID),
    ((6, 6), (1, 1), (2, 2), SAME),
    ((3, 2), (5, 5), (1, 1), SAME),
])
def test_convolution(tmp_path, size, kernel, stride, padding, fused):
    rng = np.random.default_rng(1)
    scales = list(rng.uniform(0.002, 0.02, 6))
    extent = [-(-(n if padding == SAME else n - k + 1) // s)
              for n, k, s in zip(size, kernel, stride, strict=True)]
    tensors = [activation("x", (1, *size, 5), 0.05, 83),
               *constants(rng, (6, *kernel, 5), 6, 0.05, scales, 0),
               activation("y", (1, *extent, 6), 0.06, -30)]
    content = model("CONV_2D", tensors, inputs=("x", "w", "b"), Padding=padding,
                    StrideH=stride[0], StrideW=stride[1], FusedActivationFunction=fused,
                    DilationHFactor=1, DilationWFactor=1)
    check(tmp_path, content, samples(rng, 12, (*size, 5)), least_distinct=10)


def test_convolution_with_one_scale_and_powers_of_two(tmp_path):
    rng = np.random.default_rng(2)
    tensors = [activation("x", (1, 6, 6, 3), 0.5, -1),
               *constants(rng, (4, 1, 1, 3), 4, 0.5, [0.25], 0),
               activation("y", (1, 6, 6, 4), 16.0, 3)]
    content = model("CONV_2D", tensors, inputs=("x", "w", "b"), Padding=SAME, StrideH=1, StrideW=1,
                    DilationHFactor=1, DilationWFactor=1)
    check(tmp_path, content, samples(rng, 50, (6, 6, 3)))


@pytest.mark.parametrize(("size", "kernel", "stride", "padding"), [
    ((7, 6), (3, 3), (1, 1), SAME),
    ((8, 7), (3, 3), (2, 2), SAME),
    ((20, 1), (15, 1), (1, 1), VALID),
    ((6, 9), (1, 5), (1, 2), SAME),
])
def test_depthwise_convolution(tmp_path, size, kernel, stride, padding):
    rng = np.random.default_rng(3)
    scales = list(rng.uniform(0.002, 0.02, 5))
    extent = [-(-(n if padding == SAME else n - k + 1) // s)
              for n, k, s in zip(size, kernel, stride, strict=True)]
    tensors = [activation("x", (1, *size, 5), 0.05, 11),
               *constants(rng, (1, *kernel, 5), 5, 0.05, scales, 3),
               activation("y", (1, *extent, 5), 0.04, -3)]
    content = model("DEPTHWISE_CONV_2D", tensors, inputs=("x", "w", "b"), Padding=padding,
                    StrideH=stride[0], StrideW=stride[1], DepthMultiplier=1, DilationHFactor=1,
                    DilationWFactor=1)
    check(tmp_path, content, samples(rng, 8, (*size, 5)))


@pytest.mark.parametrize(("kernel", "multiplier"), [((3, 3), 2), ((1, 5), 3), ((2, 2), 8)])
def test_depth_multiplier(tmp_path, kernel, multiplier):
    rng = np.random.default_rng(10)
    channels = 5 * multiplier
    scales = list(rng.uniform(0.002, 0.02, channels))
    tensors = [activation("x", (1, 7, 6, 5), 0.05, 11),
               *constants(rng, (1, *kernel, channels), channels, 0.05, scales, 3),
               activation("y", (1, 7, 6, channels), 0.04, -3)]
    content = model("DEPTHWISE_CONV_2D", tensors, inputs=("x", "w", "b"), Padding=SAME, StrideH=1,
                    StrideW=1, DepthMultiplier=multiplier, DilationHFactor=1, DilationWFactor=1)
    check(tmp_path, content, samples(rng, 8, (7, 6, 5)))


@pytest.mark.parametrize("scales", [[0.5], [0.25], [0.013], [0.5] * 4, [0.25, 0.125, 0.07, 0.01]])
def test_fully_connected_with_ties_and_scales_of_both_kinds(tmp_path, scales):
    rng = np.random.default_rng(4)
    tensors = [activation("x", (1, 8), 0.125, 5),
               *constants(rng, (4, 8), 4, 0.125, scales, 0),
               activation("y", (1, 4), 8.0 if max(scales) > 0.1 else 0.5, 7)]
    content = model("FULLY_CONNECTED", tensors, inputs=("x", "w", "b"))
    check(tmp_path, content, samples(rng, 1000, (8,)))


@pytest.mark.parametrize(("size", "kernel", "stride", "padding"), [
    ((25, 5), (25, 5), (25, 5), VALID),
    ((7, 7), (3, 3), (2, 2), SAME),
    ((8, 6), (2, 4), (2, 1), SAME),
    ((8, 6), (2, 2), (1, 1), VALID),
])
@pytest.mark.parametrize("kind", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
@pytest.mark.parametrize("fused", [NONE, RELU, RELU6])
def test_pools(tmp_path, size, kernel, stride, padding, kind, fused):
    rng = np.random.default_rng(5)
    extent = [-(-(n if padding == SAME else n - k + 1) // s)
              for n, k, s in zip(size, kernel, stride, strict=True)]
    tensors = [activation("x", (1, *size, 4), 0.05, 9),
               activation("y", (1, *extent, 4), 0.05, 9)]
    content = model(kind, tensors, Padding=padding, StrideH=stride[0], StrideW=stride[1],
                    FilterHeight=kernel[0], FilterWidth=kernel[1], FusedActivationFunction=fused)
    # The largest of 125 random bytes is nearly always one of the largest.
    check(tmp_path, content, samples(rng, 40, (*size, 4)), least_distinct=5)


def test_largest_of_low_values(tmp_path):
    tensors = [activation("x", (1, 3, 3, 2), 0.05, 9), activation("y", (1, 3, 3, 2), 0.05, 9)]
    content = model("MAX_POOL_2D", tensors, Padding=SAME, StrideH=1, StrideW=1, FilterHeight=3,
                    FilterWidth=3)
    inputs = np.random.default_rng(8).integers(-128, -100, (60, 3, 3, 2)).astype(np.int8)
    check(tmp_path, content, inputs)


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("axes", [[1, 2], [2, 1], [-3, -2], [1], [2], 1])
@pytest.mark.parametrize(("scale", "zero_point"), [(0.05, 9), (0.05, -40), (0.0031, 9),
                                                   (0.0499, 100), (0.31, -128)])
def test_mean(tmp_path, axes, keep, scale, zero_point):
    rng = np.random.default_rng(12)
    size = [int(value) for value in rng.integers(1, 12, 2)]
    gone = {axis % 4 for axis in np.ravel(axes)}
    shape = [1 if i in gone else n for i, n in enumerate((1, *size, 5)) if keep or i not in gone]
    tensors = [activation("x", (1, *size, 5), 0.05, 9), numbers("a", axes),
               activation("y", tuple(shape), scale, zero_point)]
    content = model("MEAN", tensors, inputs=("x", "a"), KeepDims=keep)
    inputs = samples(rng, 60, (*size, 5))
    inputs[2:30] = rng.integers(-128, 128, (28, 1, 1, 5))  # means far from zero
    check(tmp_path, content, inputs, least_distinct=8)


@pytest.mark.parametrize("kind", ["RELU", "RELU6", "QUANTIZE"])
@pytest.mark.parametrize("ratio", [1, 0.02, 0.13, 0.5, 0.999, 1.3, 7, 41])
def test_rescaling(tmp_path, kind, ratio):
    for source_zero, zero in ((-128, -128), (17, -3), (-90, 127), (127, -128)):
        tensors = [activation("x", (1, 16), 0.05, source_zero),
                   activation("y", (1, 16), 0.05 * ratio, zero)]
        content = model(kind, tensors)
        check(tmp_path, content, np.arange(-128, 128).astype(np.int8).reshape(16, 16),
              least_distinct=1)


@pytest.mark.parametrize("padding", [[(0, 0), (1, 2), (0, 3), (0, 0)],
                                     [(0, 0), (0, 0), (2, 0), (1, 4)]])
@pytest.mark.parametrize("value", [None, -128, 77])
def test_pad(tmp_path, padding, value):
    rng = np.random.default_rng(9)
    shape = [n + sum(pair) for n, pair in zip((1, 4, 3, 5), padding, strict=True)]
    constant = np.array([0 if value is None else value], np.int8)
    tensors = [activation("x", (1, 4, 3, 5), 0.05, 9), numbers("p", padding),
               TensorDescription(name="v", shape=(1,), scales=[0.05], zero_point=9,
                                 data=constant),
               activation("y", tuple(shape), 0.05, 9)]
    content = (model("PAD", tensors, inputs=("x", "p")) if value is None
               else model("PADV2", tensors, inputs=("x", "p", "v")))
    check(tmp_path, content, samples(rng, 10, (4, 3, 5)))


@pytest.mark.parametrize("axis", [1, 2, 3, -1])
def test_concatenation(tmp_path, axis):
    rng = np.random.default_rng(11)
    shape = [1, 4, 3, 5]
    shape[axis] *= 3
    tensors = [activation("x", (1, 4, 3, 5), 0.05, 9), activation("z", (1, 4, 3, 5), 0.05, 9),
               activation("y", tuple(shape), 0.05, 9)]
    pool = OperatorDescription(kind="MAX_POOL_2D", inputs=("x",), outputs=("z",), options={
        "Padding": SAME, "StrideH": 1, "StrideW": 1, "FilterHeight": 2, "FilterWidth": 2})
    join = OperatorDescription(kind="CONCATENATION", inputs=("x", "z", "x"), outputs=("y",),
                               options={"Axis": axis})
    check(tmp_path, write(tensors, [pool, join], inputs=["x"], outputs=["y"]),
          samples(rng, 20, (4, 3, 5)))


@pytest.mark.parametrize(("scale", "zero_point"), [(0.25, 0), (0.07, -9), (2.0, 100)])
def test_add(tmp_path, scale, zero_point):
    rng = np.random.default_rng(6)
    tensors = [activation("x", (1, 4, 4, 3), 0.25, 17),
               activation("z", (1, 4, 4, 3), 0.25, 17),
               activation("y", (1, 4, 4, 3), scale, zero_point)]
    pool = OperatorDescription(kind="AVERAGE_POOL_2D", inputs=("x",), outputs=("z",), options={
        "Padding": SAME, "StrideH": 1, "StrideW": 1, "FilterHeight": 2, "FilterWidth": 2})
    add = OperatorDescription(kind="ADD", inputs=("x", "z"), outputs=("y",),
                              options={"FusedActivationFunction": RELU6 if scale == 0.07 else NONE})
    check(tmp_path, write(tensors, [pool, add], inputs=["x"], outputs=["y"]),
          samples(rng, 50, (4, 4, 3)))


@pytest.mark.parametrize("output_scale", [0.011, 0.034, 0.3])
def test_add_of_two_scales(tmp_path, output_scale):
    rng = np.random.default_rng(7)
    weights = np.eye(3, dtype=np.int8).reshape(3, 1, 1, 3) * np.int8(127)
    tensors = [
        activation("x", (1, 4, 4, 3), 0.031, -128),
        TensorDescription(name="w", shape=weights.shape, scales=[0.01] * 3, data=weights),
        TensorDescription(name="b", shape=(3,), dtype="int32", scales=[0.00031] * 3,
                          data=np.array([0, 900, -900], np.int32)),
        activation("z", (1, 4, 4, 3), 0.0471, 38),
        activation("y", (1, 4, 4, 3), output_scale, -2),
    ]
    convolution = OperatorDescription(
        kind="CONV_2D", inputs=("x", "w", "b"), outputs=("z",),
        options={"Padding": SAME, "StrideH": 1, "StrideW": 1, "DilationHFactor": 1,
                 "DilationWFactor": 1})
    add = OperatorDescription(kind="ADD", inputs=("x", "z"), outputs=("y",))
    check(tmp_path, write(tensors, [convolution, add], inputs=["x"], outputs=["y"]),
          samples(rng, 50, (4, 4, 3)))
