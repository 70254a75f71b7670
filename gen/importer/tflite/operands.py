# SPDX-License-Identifier: Apache-2.0
"""What TFLite operators are made of: tensors, constants, fused activations, geometry, scales."""

import math
from pathlib import Path

import numpy as np
from tflite.ActivationFunctionType import ActivationFunctionType
from tflite.Padding import Padding

from ....golden import network as golden
from ....golden.numerics import Requantise, Rounding, quantise_multiplier, quantise_multipliers
from ..fault import ImportFault
from .flatbuffer import RawGraph, RawOperator, RawTensor

__all__ = ["MAX_INT32", "Operands"]

ACTIVATIONS = {ActivationFunctionType.NONE: None, ActivationFunctionType.RELU: "RELU",
               ActivationFunctionType.RELU6: "RELU6"}
MAX_CHANNELS = 1 << 20
MAX_INT32 = (1 << 31) - 1
MAX_LEFT_SHIFT = 6
"""Of a rescaled operand: 2**6 is the largest power of two among int8 weights."""


class Operands:
    """Checked access to a graph's tensors and options; ``where`` names the layer in faults."""

    def __init__(self, path: Path, graph: RawGraph):
        self.path = path
        self.graph = graph
        self.known: set[int] = set()
        self.channels = 0
        self.where = "model"

    def fault(self, what: str) -> ImportFault:
        """A fault at the layer that is being read."""
        return ImportFault(f"{self.path}: {self.where}: {what}")

    # Tensors.

    def raw(self, index: int) -> RawTensor:
        if index < 0:
            raise self.fault("a tensor that it needs is missing")
        return self.graph.tensors[index]

    def activation(self, index: int) -> golden.Tensor:
        raw = self.raw(index)
        if raw.dtype != "int8":
            raise self.fault(f"tensor {raw.name} must be int8, not {raw.dtype}; quantise the "
                             "model to full int8, inputs and outputs included")
        if raw.scales.size != 1 or raw.zero_points.size != 1:
            raise self.fault(f"tensor {raw.name} must be quantised per tensor, with one scale, "
                             f"not {raw.scales.size}")
        scale, zero_point = float(raw.scales[0]), int(raw.zero_points[0])
        if not (0 < scale < np.inf) or not -128 <= zero_point <= 127:
            raise self.fault(f"tensor {raw.name} must have a positive scale and a zero point of "
                             f"-128 ... 127, not {scale} and {zero_point}")
        if not raw.shape or raw.shape[0] != 1:
            raise self.fault(f"tensor {raw.name} must have a batch of 1, not shape "
                             f"{list(raw.shape)}")
        return golden.Tensor(index, raw.name, raw.shape, "int8", scale, zero_point)

    def source(self, operator: RawOperator, position: int = 0) -> golden.Tensor:
        if len(operator.inputs) <= position:
            raise self.fault(f"operator must have {position + 1} inputs, not "
                             f"{len(operator.inputs)}")
        index = operator.inputs[position]
        if index not in self.known:
            raise self.fault(f"it reads tensor {self.raw(index).name}, which no earlier layer "
                             "computes")
        return self.activation(index)

    def constant(self, operator: RawOperator, position: int, dtype: str,
                 rank: int) -> tuple[RawTensor, np.ndarray]:
        if len(operator.inputs) <= position:
            raise self.fault(f"operator must have {position + 1} inputs, not "
                             f"{len(operator.inputs)}")
        raw = self.raw(operator.inputs[position])
        if raw.data is None or raw.dtype != dtype or len(raw.shape) != rank:
            held = "constant" if raw.data is not None else "variable"
            raise self.fault(f"tensor {raw.name} must be a constant {dtype} tensor of {rank} "
                             f"dimensions, not a {held} {raw.dtype} tensor of {len(raw.shape)}")
        return raw, raw.data

    def numbers(self, operator: RawOperator, position: int, dtype: str) -> np.ndarray:
        """A constant operand of any rank."""
        if len(operator.inputs) <= position:
            raise self.fault(f"operator must have {position + 1} inputs, not "
                             f"{len(operator.inputs)}")
        raw = self.raw(operator.inputs[position])
        if raw.data is None or raw.dtype != dtype:
            raise self.fault(f"tensor {raw.name} must be a constant of type {dtype}")
        return raw.data

    def same_quantisation(self, source: golden.Tensor, output: golden.Tensor) -> None:
        """As LiteRT's int8 kernels demand where values are handed on."""
        if (source.scale, source.zero_point) != (output.scale, output.zero_point):
            raise self.fault("input and output must have the same scale and zero point")

    def shaped(self, output: golden.Tensor, shape) -> None:
        """The output's shape is what the operator makes of its input's."""
        if tuple(output.shape) != tuple(shape):
            raise self.fault(f"output must have shape {list(shape)}, not {list(output.shape)}")

    def weights(self, operator: RawOperator, rank: int,
                axis: int) -> tuple[RawTensor, np.ndarray]:
        raw, values = self.constant(operator, 1, "int8", rank)
        channels = raw.shape[axis]
        self.channels += channels
        if self.channels > MAX_CHANNELS:
            raise self.fault(f"model must have at most {MAX_CHANNELS} output channels, not "
                             f"{self.channels}")
        if raw.scales.size not in (1, channels) or (raw.scales.size > 1 and raw.axis != axis):
            raise self.fault(f"weights {raw.name} must have one scale or one for each of "
                             f"{channels} output channels, not {raw.scales.size} along axis "
                             f"{raw.axis}")
        if not np.all((raw.scales > 0) & np.isfinite(raw.scales)):
            raise self.fault(f"weights {raw.name} must have positive scales")
        if raw.zero_points.size not in (0, 1, channels):
            raise self.fault(f"weights {raw.name} must have one zero point or one for each of "
                             f"{channels} output channels, not {raw.zero_points.size}")
        if np.any(raw.zero_points != 0):
            raise self.fault(f"weights {raw.name} must have zero point 0, not "
                             f"{raw.zero_points[raw.zero_points != 0][0]}")
        return raw, values

    def bias(self, operator: RawOperator, channels: int) -> np.ndarray:
        if len(operator.inputs) < 3 or operator.inputs[2] < 0:
            return np.zeros(channels, np.int32)
        raw, values = self.constant(operator, 2, "int32", 1)
        if raw.shape != (channels,):
            raise self.fault(f"bias {raw.name} must have {channels} values, not {raw.shape[0]}")
        return values.astype(np.int32)

    # Options.

    def options(self, operator: RawOperator, kind):
        options = kind()
        if operator.options is None:
            raise self.fault("its options are missing")
        options.Init(operator.options.Bytes, operator.options.Pos)
        return options

    def clamp(self, activation: int, output: golden.Tensor) -> tuple[int, int]:
        if activation not in ACTIVATIONS:
            raise self.fault(f"fused activation must be NONE, RELU or RELU6, not code "
                             f"{activation}")
        low, high = -128, 127
        if ACTIVATIONS[activation] is not None:
            low = max(low, output.zero_point)
        if ACTIVATIONS[activation] == "RELU6":
            with np.errstate(over="ignore"):
                six = float(np.float32(6.0) / np.float32(output.scale))
            if six > MAX_INT32:
                raise self.fault(f"output scale must be large enough for RELU6, not "
                                 f"{output.scale}")
            high = min(high, output.zero_point + math.floor(six + 0.5))
        return low, high

    def geometry(self, options, source: golden.Tensor, output: golden.Tensor,
                 kernel: tuple[int, int]):
        """(stride, padding), checked against the output's shape."""
        if len(source.shape) != 4 or len(output.shape) != 4:
            raise self.fault(f"input and output must have 4 dimensions, not "
                             f"{len(source.shape)} and {len(output.shape)}")
        stride = (options.StrideH(), options.StrideW())
        dilation = tuple(getattr(options, name)() for name in ("DilationHFactor", "DilationWFactor")
                         if hasattr(options, name))
        if min(stride) < 1:
            raise self.fault(f"stride must be at least 1, not {stride[0]}x{stride[1]}")
        if any(factor != 1 for factor in dilation):
            raise self.fault(f"dilation must be 1, not {'x'.join(map(str, dilation))}; spread "
                             "the kernel with zeros instead")
        if options.Padding() not in (Padding.SAME, Padding.VALID):
            raise self.fault(f"padding must be SAME or VALID, not code {options.Padding()}")
        padding, sizes = [], []
        for size, k, s in zip(source.shape[1:3], kernel, stride, strict=True):
            if options.Padding() == Padding.SAME:
                out = -(-size // s)
                total = max((out - 1) * s + k - size, 0)
            elif k > size:
                raise self.fault(f"kernel of {k} must fit the input of {size}")
            else:
                out, total = (size - k) // s + 1, 0
            sizes.append(out)
            padding += [total // 2, total - total // 2]
        if tuple(sizes) != tuple(output.shape[1:3]):
            raise self.fault(f"output must be {sizes[0]}x{sizes[1]}, not "
                             f"{output.shape[1]}x{output.shape[2]}")
        return stride, tuple(padding)

    def requantise(self, source: golden.Tensor, weights: RawTensor, output: golden.Tensor,
                   channels: int, activation: int, rounding: Rounding) -> Requantise:
        low, high = self.clamp(activation, output)
        scales = source.scale * weights.scales.astype(np.float64) / output.scale
        multipliers, shifts = quantise_multipliers(scales)
        if np.any(shifts > 0):
            channel = int(np.argmax(shifts))
            raise self.fault(
                f"output scale {output.scale:.6g} is too small for channel {channel}: its "
                f"accumulators would be scaled up by {scales[channel]:.6g}, a left shift of "
                f"{shifts[channel]}, but the requantiser only shifts right, by 0 ... 31")
        one = np.ones(channels, np.int32)
        return Requantise(one * multipliers, one * -shifts, output.zero_point, low, high,
                          rounding)

    def rescaling(self, source: golden.Tensor, output: golden.Tensor, low: int, high: int,
                  count: int = 1) -> tuple[int, Requantise]:
        """Left shift and requantisation of the sum of ``count`` values into their mean.

        LiteRT divides the multiplier of a power of two near ``count`` by it, and truncates.
        """
        multiplier, shift = quantise_multiplier(source.scale / output.scale)
        places = min(count.bit_length() - 1, 32, 31 + shift)
        multiplier, shift = (multiplier << places) // count, shift - places
        if shift > MAX_LEFT_SHIFT:
            raise self.fault(f"output scale {output.scale:.6g} is too small for an input of scale "
                             f"{source.scale:.6g}: it needs a left shift of {shift}, but at most "
                             f"{MAX_LEFT_SHIFT} are possible")
        return max(shift, 0), Requantise(
            np.array([multiplier], np.int32), np.array([max(-shift, 0)], np.int32),
            output.zero_point, low, high, Rounding.DOUBLE)
