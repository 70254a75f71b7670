# SPDX-License-Identifier: Apache-2.0
"""The digits network's trained layers as a .tflite file."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tflite

from .data import INPUT_SCALE, ZERO_POINT
from .writer import OperatorDescription, TensorDescription, write

__all__ = ["Layer", "export"]

STRIDES = (1, 2, 1)
EXTENTS = (8, 4, 4)


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """Real-valued weights [Cout, kh, kw, Cin] or [Cout, K], bias [Cout] and the weights' scales.

    ``scales``: one value per output channel, or one for all.
    """

    weights: np.ndarray
    bias: np.ndarray
    scales: np.ndarray


def export(layers: Sequence[Layer], *, scales: Sequence[float],
           logits: tuple[float, float]) -> bytes:
    """Quantise three convolutions and the classifier and return the .tflite file.

    ``weight = round(w / s_w)`` in -127..127 and ``bias = round(b / (s_x s_w))`` in int32, with
    ``s_x`` the scale of the layer's input. ``scales``: of the three RELU tensors, whose zero
    point is -128. ``logits``: least and greatest real value of the classifier's output.
    """
    tensors = [TensorDescription(name="input", shape=(1, 8, 8, 1), scales=[INPUT_SCALE],
                                 zero_point=ZERO_POINT)]
    operators = []

    def activation(name: str, shape: tuple[int, ...], scale: float, zero_point: int) -> None:
        tensors.append(TensorDescription(name=name, shape=shape, scales=[scale],
                                         zero_point=zero_point))

    def constants(name: str, layer: Layer, source_scale: float) -> tuple[str, str]:
        step = layer.scales.astype(np.float64)
        spread = step.reshape(-1, *[1] * (layer.weights.ndim - 1))
        weights = np.clip(np.rint(layer.weights / spread), -127, 127).astype(np.int8)
        bias = np.rint(layer.bias / (source_scale * step)).astype(np.int32)
        tensors.append(TensorDescription(name=f"{name}/weights", shape=weights.shape,
                                         scales=list(step), data=weights))
        tensors.append(TensorDescription(name=f"{name}/bias", shape=bias.shape, dtype="int32",
                                         scales=list(source_scale * step), data=bias))
        return f"{name}/weights", f"{name}/bias"

    def operator(kind: str, inputs: tuple[str, ...], output: str, **options) -> None:
        operators.append(OperatorDescription(kind=kind, inputs=inputs, outputs=(output,),
                                             options=options))

    source, source_scale = "input", INPUT_SCALE
    for i, (layer, stride, extent) in enumerate(zip(layers[:-1], STRIDES, EXTENTS, strict=True)):
        name = f"conv{i + 1}"
        operands = (source, *constants(name, layer, source_scale))
        activation(name, (1, extent, extent, len(layer.bias)), scales[i], -128)
        operator("CONV_2D", operands, name, Padding=tflite.Padding.SAME, StrideW=stride,
                 StrideH=stride, FusedActivationFunction=tflite.ActivationFunctionType.RELU,
                 DilationWFactor=1, DilationHFactor=1)
        source, source_scale = name, scales[i]

    channels, extent = len(layers[-2].bias), EXTENTS[-1]
    activation("average", (1, 1, 1, channels), source_scale, -128)
    operator("AVERAGE_POOL_2D", (source,), "average", Padding=tflite.Padding.VALID,
             StrideW=extent, StrideH=extent, FilterWidth=extent, FilterHeight=extent)
    shape = np.array([-1, channels], dtype=np.int32)
    tensors.append(TensorDescription(name="features/shape", shape=shape.shape, dtype="int32",
                                     data=shape))
    activation("features", (1, channels), source_scale, -128)
    operator("RESHAPE", ("average", "features/shape"), "features")

    low, high = logits
    step = (high - low) / 255
    classes = len(layers[-1].bias)
    operands = ("features", *constants("classifier", layers[-1], source_scale))
    activation("classifier", (1, classes), step, round(-128 - low / step))
    operator("FULLY_CONNECTED", operands, "classifier")
    activation("probabilities", (1, classes), 1 / 256, -128)
    operator("SOFTMAX", ("classifier",), "probabilities", Beta=1.0)
    return write(tensors, operators, inputs=["input"], outputs=["probabilities"], name="digits")
