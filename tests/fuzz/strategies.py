# SPDX-License-Identifier: Apache-2.0
"""Random valid models: any operators, shapes, branches, quantisation, densities of weights."""

from dataclasses import dataclass

import numpy as np
import tflite
from hypothesis import strategies as st
from systolith.gen.demo.writer import OperatorDescription, TensorDescription, write

__all__ = ["Model", "models"]

SAME, VALID = tflite.Padding.SAME, tflite.Padding.VALID
PADDINGS = (SAME, VALID)
SPREAD = 45.0
"""Standard deviation of results, in steps of the output's scale."""
MAX_VALUES = 6000
"""Elements of a tensor, so that it fits small memories."""


@dataclass(frozen=True)
class Model:
    """The file's bytes, the input's shape (without batch) and, for the reader of a failure, the
    operators."""

    content: bytes
    shape: tuple[int, ...]
    operators: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Model({self.shape}, {' '.join(self.operators)})"


@dataclass(frozen=True)
class Value:
    """A tensor and the root mean square of its elements' distances to the zero point."""

    name: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int
    rms: float


class _Writer:
    """Appends operators, each on values that exist; returns the value that it computes."""

    def __init__(self, draw):
        self.draw = draw
        self.rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        self.tensors: list[TensorDescription] = []
        self.operators: list[OperatorDescription] = []

    def pick(self, *values):
        return self.draw(st.sampled_from(values))

    def upto(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    # Tensors.

    def value(self, shape, scale: float, zero_point: int, rms: float = SPREAD) -> Value:
        name = f"t{len(self.tensors)}"
        self.tensors.append(TensorDescription(name=name, shape=tuple(shape), scales=[scale],
                                              zero_point=zero_point))
        return Value(name, tuple(shape), float(np.float32(scale)), zero_point, rms)

    def constant(self, data: np.ndarray, scales=(), axis: int = 0, zero_point: int = 0) -> str:
        name = f"c{len(self.tensors)}"
        self.tensors.append(TensorDescription(
            name=name, shape=data.shape, dtype=str(data.dtype), scales=scales, axis=axis,
            zero_point=zero_point, data=data))
        return name

    def apply(self, kind: str, inputs, output: Value, **options) -> Value:
        self.operators.append(OperatorDescription(kind=kind, inputs=tuple(inputs),
                                                  outputs=(output.name,), options=options))
        return output

    def fused(self, scale: float) -> int:
        """NONE, RELU, or RELU6 where 6 is within reach."""
        return self.pick(0, 1, 3 if 0.02 < scale < 0.3 else 1)

    def zero_point(self, fused: int = 0) -> int:
        """Of a result; behind a ReLU low enough to leave something of it."""
        if fused:
            return self.pick(-128, -128, self.upto(-128, 0))
        return self.pick(0, self.upto(-60, 60), self.upto(-60, 60), -128, 127)

    # Layers with weights.

    def weighted(self, kind: str, x: Value, weights_shape, axis: int, shape, fan_in: int,
                 like: Value | None = None, **options) -> Value:
        """A layer with random weights, whose result is quantised ``like`` another value."""
        rng, channels = self.rng, weights_shape[axis]
        density = self.pick(1.0, 1.0, 1.0, 0.6, 0.6, 0.3, 0.1, 0.0)
        weights = np.where(rng.random(weights_shape) < density,
                           rng.integers(-128, 128, weights_shape), 0).astype(np.int8)
        if density and self.pick(False, True):  # whole channels without a weight
            lost = rng.random(channels) < 0.3
            weights[(slice(None),) * axis + (lost,)] = 0
        count = channels if self.pick(True, True, False) and kind != "FULLY_CONNECTED" else 1
        deviation = x.rms * 74 * np.sqrt(max(fan_in * density, 1))
        step = 0.004 if like is None else like.scale * SPREAD / (x.scale * deviation)
        scales = rng.uniform(0.5, 2, count) * step
        scale = x.scale * step * deviation / SPREAD
        bias = rng.normal(0, deviation, channels).astype(np.int32)
        inputs = [x.name, self.constant(weights, scales, axis),
                  self.constant(bias, x.scale * scales)]
        fused = self.fused(scale)
        zero_point = self.zero_point(fused)
        if like is not None:
            scale, zero_point = like.scale, like.zero_point
            fused = 0 if zero_point > 60 else fused
        return self.apply(
            kind, inputs, self.value(shape, scale, zero_point, SPREAD / (1.4 if fused else 1)),
            FusedActivationFunction=fused, **options)

    def geometry(self, x: Value, kernel, stride, padding) -> tuple[int, int] | None:
        """Output rows and columns; None where the window does not fit."""
        if padding == SAME:
            return tuple(-(-n // s) for n, s in zip(x.shape[1:3], stride, strict=True))
        if any(k > n for k, n in zip(kernel, x.shape[1:3], strict=True)):
            return None
        return tuple((n - k) // s + 1
                     for n, k, s in zip(x.shape[1:3], kernel, stride, strict=True))

    def convolution(self, x: Value, padding: int | None = None) -> Value:
        kernel = self.pick((1, 1), (1, 1), (3, 3), (3, 3), (2, 2), (1, 4), (5, 1), (10, 4), (4, 3))
        stride = (self.pick(1, 1, 2), self.pick(1, 1, 2))
        padding = self.pick(*PADDINGS) if padding is None else padding
        size = self.geometry(x, kernel, stride, padding)
        if size is None:
            kernel, size = (1, 1), self.geometry(x, (1, 1), stride, padding)
        channels = self.upto(1, 33)
        return self.weighted("CONV_2D", x, (channels, *kernel, x.shape[3]), 0,
                             (1, *size, channels), kernel[0] * kernel[1] * x.shape[3],
                             Padding=padding, StrideH=stride[0], StrideW=stride[1],
                             DilationHFactor=1, DilationWFactor=1)

    def depthwise(self, x: Value) -> Value:
        kernel = self.pick((3, 3), (3, 3), (2, 3), (1, 1), (5, 1), (1, self.upto(4, 15)),
                           (self.upto(4, 15), 1), (4, 4))
        stride = (self.pick(1, 1, 2), self.pick(1, 1, 2))
        padding = self.pick(*PADDINGS)
        size = self.geometry(x, kernel, stride, padding)
        if size is None:
            padding, size = SAME, self.geometry(x, kernel, stride, SAME)
        multiplier = self.pick(1, 1, 1, 2, 3) if x.shape[3] <= 12 else 1
        channels = x.shape[3] * multiplier
        return self.weighted("DEPTHWISE_CONV_2D", x, (1, *kernel, channels), 3,
                             (1, *size, channels), kernel[0] * kernel[1], Padding=padding,
                             StrideH=stride[0], StrideW=stride[1], DepthMultiplier=multiplier,
                             DilationHFactor=1, DilationWFactor=1)

    def dense(self, x: Value) -> Value:
        count = int(np.prod(x.shape))
        if self.pick(False, True):
            x = self.apply("RESHAPE", [x.name, self.constant(np.array([1, count], np.int32))],
                           self.value((1, count), x.scale, x.zero_point, x.rms))
        outputs = self.upto(1, 20)
        return self.weighted("FULLY_CONNECTED", x, (outputs, count), 0, (1, outputs), count)

    # Layers without.

    def pool(self, x: Value) -> Value:
        kind = self.pick("MAX_POOL_2D", "AVERAGE_POOL_2D")
        kernel = self.pick((2, 2), (3, 3), (1, 2), (3, 1), x.shape[1:3],
                           (min(self.upto(1, 6), x.shape[1]), x.shape[2]))
        stride = (self.pick(1, 2), self.pick(1, 2))
        padding = self.pick(*PADDINGS)
        if max(kernel) > 3:
            padding = VALID
        size = self.geometry(x, kernel, stride, padding)
        if size is None:
            padding, size = SAME, self.geometry(x, kernel, stride, SAME)
        fused = self.fused(x.scale) if x.zero_point < 60 else 0
        return self.apply(kind, [x.name], self.value((1, *size, x.shape[3]), x.scale,
                                                     x.zero_point, x.rms),
                          Padding=padding, StrideH=stride[0], StrideW=stride[1],
                          FilterHeight=kernel[0], FilterWidth=kernel[1],
                          FusedActivationFunction=fused)

    def mean(self, x: Value) -> Value:
        axes = self.pick([1, 2], [2, 1], [-3, -2], [2])
        scale = x.scale * self.pick(1.0, 0.3, 0.05, 1.7)
        shape = [1 if axis in (a % 4 for a in axes) else size for axis, size in enumerate(x.shape)]
        return self.apply("MEAN", [x.name, self.constant(np.array(axes, np.int32))],
                          self.value(shape, scale, self.zero_point(), self.scaled(x, scale)),
                          KeepDims=True)

    def rescale(self, x: Value) -> Value:
        scale = x.scale * self.pick(1.0, 0.6, 0.13, 1.9)
        kind = self.pick("RELU", "RELU6" if 0.02 < scale < 0.3 else "RELU", "QUANTIZE")
        return self.apply(kind, [x.name], self.value(
            x.shape, scale, self.zero_point(int(kind != "QUANTIZE")), self.scaled(x, scale)))

    def scaled(self, x: Value, scale: float) -> float:
        return float(np.clip(x.rms * x.scale / scale, 1, 100))

    def pad(self, x: Value) -> Value:
        pairs = [(0, 0), *((self.upto(0, 2), self.upto(0, 2)) for _ in range(2)),
                 (0, self.pick(0, 0, 0, 3))]
        shape = [size + sum(pair) for size, pair in zip(x.shape, pairs, strict=True)]
        inputs = [x.name, self.constant(np.array(pairs, np.int32))]
        second = self.pick(False, False, True)
        if second:
            inputs.append(self.constant(np.array([self.upto(-128, 127)], np.int8), [x.scale],
                                        zero_point=x.zero_point))
        padded = self.apply("PADV2" if second else "PAD", inputs,
                            self.value(shape, x.scale, x.zero_point, x.rms))
        return self.convolution(padded, VALID) if self.pick(True, True, False) else padded

    # Branches.

    def layer(self, x: Value) -> Value:
        form = self.pick(self.convolution, self.convolution, self.depthwise, self.depthwise,
                         self.pool, self.rescale, self.pad)
        return form(x) if np.prod(x.shape) <= MAX_VALUES else self.pool(x)

    def residual(self, x: Value) -> Value:
        """x plus what one or two layers of its shape make of it."""
        branch = self.same_shape(x)
        if self.pick(True, False):
            branch = self.same_shape(branch)
        first, second = self.pick((x, branch), (branch, x))
        total = float(np.hypot(x.rms * x.scale, branch.rms * branch.scale))
        scale = total / SPREAD * self.pick(1.0, 1.7)
        fused = self.pick(0, 1)
        return self.apply("ADD", [first.name, second.name],
                          self.value(x.shape, scale, self.zero_point(fused)),
                          FusedActivationFunction=fused)

    def same_shape(self, x: Value, like: Value | None = None) -> Value:
        kernel = self.pick((1, 1), (3, 3), (3, 2))
        common = {"Padding": SAME, "StrideH": 1, "StrideW": 1, "DilationHFactor": 1,
                  "DilationWFactor": 1}
        channels = x.shape[3]
        if self.pick(True, False):
            return self.weighted("CONV_2D", x, (channels, *kernel, channels), 0, x.shape,
                                 kernel[0] * kernel[1] * channels, like=like, **common)
        return self.weighted("DEPTHWISE_CONV_2D", x, (1, *kernel, channels), 3, x.shape,
                             kernel[0] * kernel[1], like=like, DepthMultiplier=1, **common)

    def fan(self, x: Value) -> Value:
        """Two or three branches of x, or x itself, side by side; all have one quantisation."""
        axis = self.pick(3, 3, 3, 3, 1, 2)
        scale, zero_point = x.scale, x.zero_point
        ends = []
        for _ in range(self.upto(2, 3)):
            match self.pick("itself", "pool", "layer", "layers"):
                case "itself":
                    end = x
                case "pool":
                    end = self.apply(
                        self.pick("MAX_POOL_2D", "AVERAGE_POOL_2D"), [x.name],
                        self.value(x.shape, scale, zero_point), Padding=SAME, StrideH=1,
                        StrideW=1, FilterHeight=3, FilterWidth=3)
                case "layer":
                    end = self.same_shape(x, like=x)
                case "layers":
                    channels = self.upto(1, 20) if axis == 3 else x.shape[3]
                    shape = (*x.shape[:3], channels)
                    middle = self.same_shape(x)
                    end = self.weighted(
                        "CONV_2D", middle, (channels, 1, 1, x.shape[3]), 0, shape, x.shape[3],
                        like=x, Padding=SAME, StrideH=1, StrideW=1, DilationHFactor=1,
                        DilationWFactor=1)
            ends.append(end)
        shape = list(x.shape)
        shape[axis] = sum(end.shape[axis] for end in ends)
        return self.apply("CONCATENATION", [end.name for end in ends],
                          self.value(shape, scale, zero_point, x.rms),
                          Axis=self.pick(axis, axis - 4))


@st.composite
def models(draw) -> Model:
    """A model that LiteRT runs: one input, one output, at most about a dozen operators."""
    writer = _Writer(draw)
    shape = (1, writer.pick(1, 2, writer.upto(3, 16)), writer.pick(1, writer.upto(2, 16)),
             writer.pick(1, 3, 8, 16, writer.upto(1, 24)))
    zero_point = writer.pick(-128, 83, 127, writer.upto(-128, 127))
    entry = x = writer.value(shape, writer.pick(0.05, 0.5), zero_point,
                             float(np.hypot(74, zero_point)))
    for _ in range(writer.upto(1, 4)):
        form = writer.pick(writer.layer, writer.layer, writer.residual, writer.fan)
        x = form(x) if np.prod(x.shape) <= MAX_VALUES else writer.pool(x)
    if writer.pick(True, False):
        x = writer.mean(x)
    if writer.pick(True, False):
        x = writer.dense(x)
        if writer.pick(True, False):
            x = writer.apply("SOFTMAX", [x.name], writer.value(x.shape, 1 / 256, -128), Beta=1.0)
    content = write(writer.tensors, writer.operators, inputs=[entry.name], outputs=[x.name])
    return Model(content, shape[1:], tuple(step.kind for step in writer.operators))
