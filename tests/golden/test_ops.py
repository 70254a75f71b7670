# SPDX-License-Identifier: Apache-2.0
"""Single operators against LiteRT, beyond what the networks use."""

import numpy as np
import pytest
import tflite
from systolith.gen.demo.writer import OperatorDescription, TensorDescription, write

from .operators import activation, check, constants, model, samples

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
def test_average_pool_rounds_half_away_from_zero(tmp_path, size, kernel, stride, padding):
    rng = np.random.default_rng(5)
    extent = [-(-(n if padding == SAME else n - k + 1) // s)
              for n, k, s in zip(size, kernel, stride, strict=True)]
    tensors = [activation("x", (1, *size, 4), 0.05, 9),
               activation("y", (1, *extent, 4), 0.05, 9)]
    content = model("AVERAGE_POOL_2D", tensors, Padding=padding, StrideH=stride[0],
                    StrideW=stride[1], FilterHeight=kernel[0], FilterWidth=kernel[1])
    check(tmp_path, content, samples(rng, 40, (*size, 4)))


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
