# SPDX-License-Identifier: Apache-2.0
"""TFLite int8 models into golden networks."""

import math
from pathlib import Path

import numpy as np
from tflite.ActivationFunctionType import ActivationFunctionType
from tflite.AddOptions import AddOptions
from tflite.Conv2DOptions import Conv2DOptions
from tflite.DepthwiseConv2DOptions import DepthwiseConv2DOptions
from tflite.FullyConnectedOptions import FullyConnectedOptions
from tflite.FullyConnectedOptionsWeightsFormat import FullyConnectedOptionsWeightsFormat
from tflite.Padding import Padding
from tflite.Pool2DOptions import Pool2DOptions
from tflite.SoftmaxOptions import SoftmaxOptions

from ...golden import network as golden
from ...golden.numerics import Requantise, Rounding, quantise_multiplier, quantise_multipliers
from ...golden.softmax import INTEGER_BITS
from .fault import ImportFault
from .flatbuffer import DAMAGE, RawGraph, RawOperator, RawTensor, read_graph
from .remedies import remedy

__all__ = ["ImportFault", "load"]

SUPPORTED = ("ADD", "AVERAGE_POOL_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED",
             "RESHAPE", "SOFTMAX")
ACTIVATIONS = {ActivationFunctionType.NONE: None, ActivationFunctionType.RELU: "RELU",
               ActivationFunctionType.RELU6: "RELU6"}
MAX_CHANNELS = 1 << 20
MAX_CLASSES = 4095
MAX_INT32 = (1 << 31) - 1


def load(path: str | Path) -> golden.Network:
    """Read a fully quantised int8 model of batch 1 with one input and one output.

    Requantisation constants come from the scales in double precision, as in LiteRT. Raises
    ImportFault where the file is damaged or holds something unsupported, OSError where it cannot
    be read.
    """
    path = Path(path)
    graph = read_graph(path)
    return _Importer(path, graph).network()


class _Importer:
    def __init__(self, path: Path, graph: RawGraph):
        self.path = path
        self.graph = graph
        self.layers: list[golden.Layer] = []
        self.known: set[int] = set()
        self.channels = 0
        self.where = "model"

    def fault(self, what: str) -> ImportFault:
        return ImportFault(f"{self.path}: {self.where}: {what}")

    def network(self) -> golden.Network:
        graph = self.graph
        if len(graph.inputs) != 1 or len(graph.outputs) != 1:
            raise self.fault(f"network must have one input and one output, not "
                             f"{len(graph.inputs)} and {len(graph.outputs)}")
        self.known = {graph.inputs[0]}
        self.where = "input"
        tensors = {graph.inputs[0]: self.activation(graph.inputs[0])}
        for number, operator in enumerate(graph.operators):
            output = operator.outputs[0] if operator.outputs else -1
            name = graph.tensors[output].name if output >= 0 else "no output"
            self.where = f"layer {number} ({operator.kind}, {name})"
            if operator.kind not in SUPPORTED:
                raise self.fault(f"operator {operator.kind} is not supported; "
                                 f"{remedy(operator.kind)}; supported are {', '.join(SUPPORTED)}")
            if len(operator.outputs) != 1 or output < 0:
                raise self.fault(f"operator must have one output, not {len(operator.outputs)}")
            if output in self.known:
                raise self.fault("its output is written twice, or is an input")
            tensors[output] = self.activation(output)
            try:
                layer = getattr(self, operator.kind.lower())(number, operator)
            except ImportFault:
                raise
            except DAMAGE as error:
                raise self.fault("operator is truncated or damaged") from error
            self.layers.append(layer)
            self.known.add(output)
        self.where = "output"
        if graph.outputs[0] not in self.known or not self.layers:
            raise self.fault("no layer computes it")
        return golden.Network(name=self.path.stem, tensors=tensors, layers=tuple(self.layers),
                              inputs=graph.inputs, outputs=graph.outputs)

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

    # Operators.

    def common(self, number: int, operator: RawOperator) -> dict:
        output = self.raw(operator.outputs[0])
        return {"name": output.name, "kind": operator.kind, "output": operator.outputs[0]}

    def conv_2d(self, number: int, operator: RawOperator) -> golden.Layer:
        options = self.options(operator, Conv2DOptions)
        source, output = self.source(operator), self.activation(operator.outputs[0])
        weights, values = self.weights(operator, 4, 0)
        outputs, kh, kw, channels = weights.shape
        stride, padding = self.geometry(options, source, output, (kh, kw))
        if source.shape[3] != channels or output.shape[3] != outputs:
            raise self.fault(f"weights of shape {list(weights.shape)} do not fit {channels} "
                             "input channels and the output")
        return golden.Convolution(
            **self.common(number, operator), sources=operator.inputs[:1], weights=values,
            bias=self.bias(operator, outputs), stride=stride, padding=padding,
            source_zero_point=source.zero_point,
            requantise=self.requantise(source, weights, output, outputs,
                                       options.FusedActivationFunction(), Rounding.DOUBLE))

    def depthwise_conv_2d(self, number: int, operator: RawOperator) -> golden.Layer:
        options = self.options(operator, DepthwiseConv2DOptions)
        source, output = self.source(operator), self.activation(operator.outputs[0])
        weights, values = self.weights(operator, 4, 3)
        _, kh, kw, channels = weights.shape
        stride, padding = self.geometry(options, source, output, (kh, kw))
        if not source.shape[3] == output.shape[3] == channels or weights.shape[0] != 1:
            raise self.fault("depth multiplier must be 1: as many output as input channels, not "
                             f"{channels} for {source.shape[3]}")
        return golden.DepthwiseConvolution(
            **self.common(number, operator), sources=operator.inputs[:1], weights=values[0],
            bias=self.bias(operator, channels), stride=stride, padding=padding,
            source_zero_point=source.zero_point,
            requantise=self.requantise(source, weights, output, channels,
                                       options.FusedActivationFunction(), Rounding.DOUBLE))

    def fully_connected(self, number: int, operator: RawOperator) -> golden.Layer:
        options = self.options(operator, FullyConnectedOptions)
        source, output = self.source(operator), self.activation(operator.outputs[0])
        weights, values = self.weights(operator, 2, 0)
        outputs, depth = weights.shape
        if options.WeightsFormat() != FullyConnectedOptionsWeightsFormat.DEFAULT:
            raise self.fault(f"weights must be in the default order, not format "
                             f"{options.WeightsFormat()}")
        if int(np.prod(source.shape)) != depth or int(np.prod(output.shape)) != outputs:
            raise self.fault(f"weights of shape {list(weights.shape)} do not fit "
                             f"{int(np.prod(source.shape))} inputs and "
                             f"{int(np.prod(output.shape))} outputs")
        return golden.FullyConnected(
            **self.common(number, operator), sources=operator.inputs[:1], weights=values,
            bias=self.bias(operator, outputs), source_zero_point=source.zero_point,
            requantise=self.requantise(source, weights, output, outputs,
                                       options.FusedActivationFunction(), Rounding.SINGLE))

    def average_pool_2d(self, number: int, operator: RawOperator) -> golden.Layer:
        options = self.options(operator, Pool2DOptions)
        source, output = self.source(operator), self.activation(operator.outputs[0])
        kernel = (options.FilterHeight(), options.FilterWidth())
        if min(kernel) < 1 or max(kernel) > 1 << 12:
            raise self.fault(f"window must be 1 ... 4096 in both directions, not {kernel}")
        stride, padding = self.geometry(options, source, output, kernel)
        if source.shape[3] != output.shape[3]:
            raise self.fault("output must have as many channels as the input")
        if (source.scale, source.zero_point) != (output.scale, output.zero_point):
            raise self.fault("input and output must have the same scale and zero point")
        low, high = self.clamp(options.FusedActivationFunction(), output)
        return golden.AveragePool(**self.common(number, operator), sources=operator.inputs[:1],
                                  kernel=kernel, stride=stride, padding=padding, low=low,
                                  high=high)

    def add(self, number: int, operator: RawOperator) -> golden.Layer:
        options = self.options(operator, AddOptions)
        a, b = self.source(operator, 0), self.source(operator, 1)
        output = self.activation(operator.outputs[0])
        if not a.shape == b.shape == output.shape:
            raise self.fault(f"operands must have one shape, not {list(a.shape)} and "
                             f"{list(b.shape)}")
        low, high = self.clamp(options.FusedActivationFunction(), output)
        twice = 2 * max(a.scale, b.scale)
        (ma, sa), (mb, sb), (mo, so) = (quantise_multiplier(value) for value in (
            a.scale / twice, b.scale / twice, twice / ((1 << 20) * output.scale)))
        if so > 0:
            raise self.fault(f"output scale {output.scale:.6g} is too small for operands of scale "
                             f"{a.scale:.6g} and {b.scale:.6g}: it needs a left shift")
        return golden.Add(
            **self.common(number, operator), sources=operator.inputs[:2],
            zero_points=(a.zero_point, b.zero_point),
            multipliers=(ma, mb, mo), shifts=(-sa, -sb, -so),
            zero_point=output.zero_point, low=low, high=high)

    def reshape(self, number: int, operator: RawOperator) -> golden.Layer:
        source, output = self.source(operator), self.activation(operator.outputs[0])
        if int(np.prod(source.shape)) != int(np.prod(output.shape)):
            raise self.fault(f"shapes {list(source.shape)} and {list(output.shape)} must have "
                             "as many elements")
        if (source.scale, source.zero_point) != (output.scale, output.zero_point):
            raise self.fault("input and output must have the same scale and zero point")
        return golden.Reshape(**self.common(number, operator), sources=operator.inputs[:1],
                              shape=output.shape)

    def softmax(self, number: int, operator: RawOperator) -> golden.Layer:
        options = self.options(operator, SoftmaxOptions)
        source, output = self.source(operator), self.activation(operator.outputs[0])
        if source.shape != output.shape:
            raise self.fault(f"output must have the input's shape {list(source.shape)}, not "
                             f"{list(output.shape)}")
        if output.zero_point != -128 or abs(output.scale * 256 - 1) > 0.001:
            raise self.fault(f"output must have scale 1/256 and zero point -128, not "
                             f"{output.scale} and {output.zero_point}")
        if source.shape[-1] > MAX_CLASSES:
            raise self.fault(f"last dimension must be at most {MAX_CLASSES}, not "
                             f"{source.shape[-1]}")
        fraction_bits = 31 - INTEGER_BITS
        scaled = options.Beta() * source.scale * 2.0**fraction_bits
        if not 1 < scaled < np.inf:
            raise self.fault(f"beta times the input scale must be above 2**-{fraction_bits}, not "
                             f"{options.Beta() * source.scale:.6g}")
        multiplier, shift = quantise_multiplier(min(scaled, float(MAX_INT32)))
        reach = (((1 << INTEGER_BITS) - 1) << fraction_bits) >> shift
        return golden.Softmax(**self.common(number, operator), sources=operator.inputs[:1],
                              multiplier=multiplier, left_shift=shift, reach=reach)
