# SPDX-License-Identifier: Apache-2.0
"""Layers with weights: convolutions and matrix products."""

import numpy as np

from ....golden import network as golden
from . import mlas
from .common import geometry, requantise
from .context import MAX_CHANNELS, Context, activation, image
from .graph import Node
from .mlas import Scaling
from .values import Activation, Pending, RealConstant, Value

__all__ = ["conv", "gemm", "matmul"]


def _weights(context: Context, operands: list[Value], rank: int, axis: int,
             source: Activation) -> tuple[np.ndarray, np.ndarray]:
    """int8 weights and their float32 scales, one for each channel along ``axis``."""
    value = operands[1]
    if not isinstance(value, RealConstant) or value.values.ndim != rank:
        raise context.fault(f"its weights must be a constant of {rank} dimensions behind "
                            "DequantizeLinear; quantise weights to int8")
    channels = value.values.shape[axis]
    if not 0 < channels <= MAX_CHANNELS or value.values.size == 0:
        raise context.fault(f"output channels must be 1 ... {MAX_CHANNELS}, not {channels}")
    offset = {"int8": 0, "uint8": 128}.get(value.dtype)
    if offset is None or (offset and not source.scaling.unsigned):
        raise context.fault(f"weights {value.name} must be int8, not {value.dtype}")
    if value.scales.size not in (1, channels) or (value.scales.size > 1 and value.axis != axis):
        raise context.fault(f"weights {value.name} must have one scale or one for each of "
                            f"{channels} output channels, not {value.scales.size} along axis "
                            f"{value.axis}")
    if np.any(value.zero_points != offset):
        wrong = value.zero_points[value.zero_points != offset][0]
        raise context.fault(f"weights {value.name} must have zero point {offset}, not {wrong}; "
                            "quantise weights symmetrically")
    return ((value.values - offset).astype(np.int8),
            np.broadcast_to(value.scales, channels).astype(np.float32))


def _bias(context: Context, operands: list[Value], channels: int, source: Scaling,
          scales: np.ndarray) -> np.ndarray:
    if len(operands) < 3 or operands[2] is None:
        return np.zeros(channels, np.int32)
    value = operands[2]
    if (not isinstance(value, RealConstant) or value.dtype != "int32"
            or value.values.size != channels or np.any(value.zero_points != 0)):
        raise context.fault(f"its bias must be {channels} constants of int32 with zero point 0 "
                            "behind DequantizeLinear, or onnxruntime computes in float32")
    if not np.allclose(value.scales, source.scale * scales, rtol=1e-4, atol=0):
        raise context.fault("its bias must have the scale of its input times that of its weights")
    return value.values.reshape(-1)


def _check_accumulators(context: Context, weights: np.ndarray, bias: np.ndarray, source: Scaling,
                        scales: np.ndarray) -> None:
    """Prove from weights [channels, taps] that float32 holds what is not clamped anyway."""
    largest = max(127 - source.zero_point, 128 + source.zero_point)
    reach = np.abs(weights.astype(np.int64)).sum(1) * largest + np.abs(bias.astype(np.int64))
    wide = (reach > 2**24) & (scales * np.float32(2**24) < 512)
    if np.any(wide) or reach.max() >= 2**31:
        channel = int(np.argmax(np.where(wide, reach, 0) if np.any(wide) else reach))
        raise context.fault(f"sums of channel {channel} may reach {reach[channel]}, which float32 "
                            "does not hold exactly (2**24); use fewer or smaller weights")


def _matrix(weights: np.ndarray, channels: int) -> np.ndarray:
    return weights.reshape(channels, -1)


def conv(context: Context, node: Node, operands: list[Value]) -> Pending:
    source = image(context, operands)
    weights, scales = _weights(context, operands, 4, 0, source)
    height, width, channels = source.shape[1:]
    outputs, inner, kh, kw = weights.shape
    group = node.attributes.get("group", 1)
    depthwise = group != 1 or channels == 1 == outputs
    if not (inner == channels if not depthwise else group == channels == outputs and inner == 1):
        raise context.fault(f"weights of shape {list(weights.shape)} in {group} groups must be "
                            f"for {channels} input channels, in one group, or one for each channel")
    stride, padding = geometry(context, node, (height, width), (kh, kw))
    bias = _bias(context, operands, outputs, source.scaling, scales)
    shape = (1, *((size + before + after - k) // s + 1 for size, before, after, k, s in zip(
        (height, width), padding[::2], padding[1::2], (kh, kw), stride, strict=True)), outputs)

    def build(output: Scaling, common: dict) -> golden.Layer:
        products = mlas.product_scales(source.scaling, scales, output)
        _check_accumulators(context, _matrix(weights, outputs), bias, source.scaling, products)
        common |= {"sources": (source.index,), "bias": bias, "stride": stride,
                   "padding": padding, "source_zero_point": source.scaling.zero_point,
                   "requantise": requantise(context, products, output, outputs)}
        if depthwise:
            return golden.DepthwiseConvolution(weights=np.ascontiguousarray(
                weights[:, 0].transpose(1, 2, 0)), **common)
        return golden.Convolution(weights=np.ascontiguousarray(
            weights.transpose(0, 2, 3, 1)), **common)

    return Pending(node, "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", shape, shape[1:],
                   source.scaling.unsigned, build)


def gemm(context: Context, node: Node, operands: list[Value]) -> Pending:
    numbers = {name: node.attributes.get(name, 1.0) for name in ("alpha", "beta")}
    if numbers != {"alpha": 1.0, "beta": 1.0} or node.attributes.get("transA", 0):
        raise context.fault("alpha and beta must be 1, and transA 0; fold them into the weights")
    return _dense(context, node, operands, bool(node.attributes.get("transB", 0)))


def matmul(context: Context, node: Node, operands: list[Value]) -> Pending:
    return _dense(context, node, operands[:2], False)


def _dense(context: Context, node: Node, operands: list[Value], transposed: bool) -> Pending:
    source = activation(context, operands)
    axis = 0 if transposed else 1
    weights, scales = _weights(context, operands, 2, axis, source)
    weights = weights if transposed else weights.T
    outputs, depth = weights.shape
    if len(source.shape) != 2 or source.shape[1] != depth:
        raise context.fault(f"its input must be a vector of {depth} values, not of shape "
                            f"{list(source.shape)}")
    if source.image is not None:  # flattened with channels first
        height, width, channels = source.image
        weights = weights.reshape(outputs, channels, height, width).transpose(0, 2, 3, 1)
    weights = np.ascontiguousarray(_matrix(weights, outputs))
    bias = _bias(context, operands, outputs, source.scaling, scales)

    def build(output: Scaling, common: dict) -> golden.Layer:
        products = mlas.product_scales(source.scaling, scales, output)
        _check_accumulators(context, weights, bias, source.scaling, products)
        return golden.FullyConnected(
            **common, sources=(source.index,), weights=weights, bias=bias,
            source_zero_point=source.scaling.zero_point,
            requantise=requantise(context, products, output, outputs))

    return Pending(node, "FULLY_CONNECTED", (1, outputs), None, source.scaling.unsigned, build)


