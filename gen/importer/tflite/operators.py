# SPDX-License-Identifier: Apache-2.0
"""TFLite operators into golden layers, one method each."""

import numpy as np
from tflite.ActivationFunctionType import ActivationFunctionType
from tflite.AddOptions import AddOptions
from tflite.ConcatenationOptions import ConcatenationOptions
from tflite.Conv2DOptions import Conv2DOptions
from tflite.DepthwiseConv2DOptions import DepthwiseConv2DOptions
from tflite.FullyConnectedOptions import FullyConnectedOptions
from tflite.FullyConnectedOptionsWeightsFormat import FullyConnectedOptionsWeightsFormat
from tflite.Pool2DOptions import Pool2DOptions
from tflite.ReducerOptions import ReducerOptions
from tflite.SoftmaxOptions import SoftmaxOptions

from ....golden import network as golden
from ....golden.numerics import Rounding, quantise_multiplier
from ....golden.softmax import INTEGER_BITS
from .flatbuffer import RawOperator
from .operands import MAX_INT32, Operands

__all__ = ["SUPPORTED", "Operators"]

SUPPORTED = ("ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D",
             "FULLY_CONNECTED", "MAX_POOL_2D", "MEAN", "PAD", "PADV2", "QUANTIZE", "RELU", "RELU6",
             "RESHAPE", "SOFTMAX")
MAX_CLASSES = 4095


class Operators(Operands):
    """For each name in ``SUPPORTED`` the method of that name in small letters."""

    def layer(self, operator: RawOperator) -> golden.Layer:
        """The golden layer of a supported operator; raises ImportFault where its form is not."""
        return getattr(self, operator.kind.lower())(operator)

    def common(self, operator: RawOperator) -> dict:
        output = self.raw(operator.outputs[0])
        return {"name": output.name, "kind": operator.kind, "output": operator.outputs[0]}

    def conv_2d(self, operator: RawOperator) -> golden.Layer:
        options = self.options(operator, Conv2DOptions)
        source, output = self.source(operator), self.activation(operator.outputs[0])
        weights, values = self.weights(operator, 4, 0)
        outputs, kh, kw, channels = weights.shape
        stride, padding = self.geometry(options, source, output, (kh, kw))
        if source.shape[3] != channels or output.shape[3] != outputs:
            raise self.fault(f"weights of shape {list(weights.shape)} do not fit {channels} "
                             "input channels and the output")
        return golden.Convolution(
            **self.common(operator), sources=operator.inputs[:1], weights=values,
            bias=self.bias(operator, outputs), stride=stride, padding=padding,
            source_zero_point=source.zero_point,
            requantise=self.requantise(source, weights, output, outputs,
                                       options.FusedActivationFunction(), Rounding.DOUBLE))

    def depthwise_conv_2d(self, operator: RawOperator) -> golden.Layer:
        options = self.options(operator, DepthwiseConv2DOptions)
        source, output = self.source(operator), self.activation(operator.outputs[0])
        weights, values = self.weights(operator, 4, 3)
        _, kh, kw, channels = weights.shape
        stride, padding = self.geometry(options, source, output, (kh, kw))
        if output.shape[3] != channels or channels % source.shape[3] or weights.shape[0] != 1:
            raise self.fault(f"weights of shape {list(weights.shape)} do not fit "
                             f"{source.shape[3]} input and {output.shape[3]} output channels")
        return golden.DepthwiseConvolution(
            **self.common(operator), sources=operator.inputs[:1], weights=values[0],
            bias=self.bias(operator, channels), stride=stride, padding=padding,
            source_zero_point=source.zero_point,
            requantise=self.requantise(source, weights, output, channels,
                                       options.FusedActivationFunction(), Rounding.DOUBLE))

    def fully_connected(self, operator: RawOperator) -> golden.Layer:
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
            **self.common(operator), sources=operator.inputs[:1], weights=values,
            bias=self.bias(operator, outputs), source_zero_point=source.zero_point,
            requantise=self.requantise(source, weights, output, outputs,
                                       options.FusedActivationFunction(), Rounding.SINGLE))

    def average_pool_2d(self, operator: RawOperator) -> golden.Layer:
        return golden.AveragePool(**self.pool(operator))

    def max_pool_2d(self, operator: RawOperator) -> golden.Layer:
        return golden.MaxPool(**self.pool(operator))

    def pool(self, operator: RawOperator) -> dict:
        options = self.options(operator, Pool2DOptions)
        source, output = self.source(operator), self.activation(operator.outputs[0])
        kernel = (options.FilterHeight(), options.FilterWidth())
        if min(kernel) < 1 or max(kernel) > 1 << 12:
            raise self.fault(f"window must be 1 ... 4096 in both directions, not {kernel}")
        stride, padding = self.geometry(options, source, output, kernel)
        if source.shape[3] != output.shape[3]:
            raise self.fault("output must have as many channels as the input")
        self.same_quantisation(source, output)
        low, high = self.clamp(options.FusedActivationFunction(), output)
        return self.common(operator) | {
            "sources": operator.inputs[:1], "kernel": kernel, "stride": stride,
            "padding": padding, "low": low, "high": high}

    def mean(self, operator: RawOperator) -> golden.Layer:
        options = self.options(operator, ReducerOptions)
        source, output = self.source(operator), self.activation(operator.outputs[0])
        rank = len(source.shape)
        values = self.numbers(operator, 1, "int32").ravel()
        axes = sorted({int(axis) + rank if axis < 0 else int(axis) for axis in values})
        if not axes or not 0 < axes[0] <= axes[-1] < rank - 1:
            raise self.fault(f"it must be a mean over height, width or both, axes 1 to {rank - 2}, "
                             f"not {values.tolist()}")
        kept = [1 if axis in axes else size for axis, size in enumerate(source.shape)]
        shape = kept if options.KeepDims() else [
            size for axis, size in enumerate(source.shape) if axis not in axes]
        self.shaped(output, shape)
        count = int(np.prod([source.shape[axis] for axis in axes]))
        left, requantise = self.rescaling(source, output, -128, 127, count)
        return golden.Mean(**self.common(operator), sources=operator.inputs[:1],
                           axes=tuple(axes), source_zero_point=source.zero_point,
                           left_shift=left, requantise=requantise)

    def relu(self, operator: RawOperator) -> golden.Layer:
        return self.rescale(operator, ActivationFunctionType.RELU)

    def relu6(self, operator: RawOperator) -> golden.Layer:
        return self.rescale(operator, ActivationFunctionType.RELU6)

    def quantize(self, operator: RawOperator) -> golden.Layer:
        return self.rescale(operator, ActivationFunctionType.NONE)

    def rescale(self, operator: RawOperator, activation: int) -> golden.Layer:
        source, output = self.source(operator), self.activation(operator.outputs[0])
        self.shaped(output, source.shape)
        left, requantise = self.rescaling(source, output, *self.clamp(activation, output))
        return golden.Rescale(**self.common(operator), sources=operator.inputs[:1],
                              source_zero_point=source.zero_point, left_shift=left,
                              requantise=requantise)

    def pad(self, operator: RawOperator, value: int | None = None) -> golden.Layer:
        source, output = self.source(operator), self.activation(operator.outputs[0])
        amounts = self.numbers(operator, 1, "int32")
        rank = len(source.shape)
        if amounts.shape != (rank, 2) or amounts.min() < 0 or amounts[0].any():
            raise self.fault(f"padding must be {rank} pairs of at least 0, of the batch 0, not "
                             f"{amounts.tolist()}")
        padding = tuple((int(before), int(after)) for before, after in amounts)
        self.shaped(output, [size + sum(pair)
                             for size, pair in zip(source.shape, padding, strict=True)])
        self.same_quantisation(source, output)
        return golden.Pad(**self.common(operator), sources=operator.inputs[:1], padding=padding,
                          value=source.zero_point if value is None else value)

    def padv2(self, operator: RawOperator) -> golden.Layer:
        values = self.numbers(operator, 2, "int8")
        if values.size != 1:
            raise self.fault(f"it must pad with one value, not {values.size}")
        value, output = self.raw(operator.inputs[2]), self.raw(operator.outputs[0])
        if not (np.array_equal(value.scales, output.scales)
                and np.array_equal(value.zero_points, output.zero_points)):
            raise self.fault("value and output must have the same scale and zero point")
        return self.pad(operator, int(values.ravel()[0]))

    def concatenation(self, operator: RawOperator) -> golden.Layer:
        options = self.options(operator, ConcatenationOptions)
        output = self.activation(operator.outputs[0])
        sources = [self.source(operator, position) for position in range(len(operator.inputs))]
        rank = len(output.shape)
        axis = options.Axis() + (rank if options.Axis() < 0 else 0)
        if not 0 < axis < rank:
            raise self.fault(f"axis must be 1 to {rank - 1}, not {options.Axis()}")
        if options.FusedActivationFunction() != ActivationFunctionType.NONE:
            raise self.fault("fused activation must be NONE, not code "
                             f"{options.FusedActivationFunction()}")
        total = 0
        for source in sources:
            self.same_quantisation(source, output)
            if len(source.shape) != rank or any(
                    a != b for i, (a, b) in enumerate(zip(source.shape, output.shape, strict=True))
                    if i != axis):
                raise self.fault(f"inputs must have the output's shape {list(output.shape)} but "
                                 f"along axis {axis}, not {list(source.shape)}")
            total += source.shape[axis]
        if total != output.shape[axis]:
            raise self.fault(f"output must have size {total} along axis {axis}, not "
                             f"{output.shape[axis]}")
        return golden.Concatenation(**self.common(operator), sources=operator.inputs, axis=axis)

    def add(self, operator: RawOperator) -> golden.Layer:
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
            **self.common(operator), sources=operator.inputs[:2],
            zero_points=(a.zero_point, b.zero_point),
            multipliers=(ma, mb, mo), shifts=(-sa, -sb, -so),
            zero_point=output.zero_point, low=low, high=high)

    def reshape(self, operator: RawOperator) -> golden.Layer:
        source, output = self.source(operator), self.activation(operator.outputs[0])
        if int(np.prod(source.shape)) != int(np.prod(output.shape)):
            raise self.fault(f"shapes {list(source.shape)} and {list(output.shape)} must have "
                             "as many elements")
        self.same_quantisation(source, output)
        return golden.Reshape(**self.common(operator), sources=operator.inputs[:1],
                              shape=output.shape)

    def softmax(self, operator: RawOperator) -> golden.Layer:
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
        return golden.Softmax(**self.common(operator), sources=operator.inputs[:1],
                              multiplier=multiplier, left_shift=shift, reach=reach)
