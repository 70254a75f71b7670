# SPDX-License-Identifier: Apache-2.0
"""One operator, one function: from a node and what it reads to a result that is still real."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ....golden import network as golden
from ....golden.numerics import Requantise, Rounding
from . import mlas
from .context import Context, activation
from .graph import Node
from .mlas import Scaling
from .shapes import reshape, transpose
from .values import Activation, Pending, RealConstant, Value

__all__ = ["OPERATORS"]

MAX_CHANNELS = 1 << 16


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


def _requantise(context: Context, scales: np.ndarray | np.float32, output: Scaling,
                channels: int) -> Requantise:
    try:
        multiplier, shift = mlas.scale_parameters(scales)
    except ValueError as error:
        raise context.fault(f"scale of its input times that of its weights, over that of its "
                            f"output, must be {error}") from None
    one = np.ones(channels, np.int32)
    return Requantise(one * multiplier, one * shift, output.zero_point, -128, 127, Rounding.FLOAT)


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


# Layers with weights.


def conv(context: Context, node: Node, operands: list[Value]) -> Pending:
    source = activation(context, operands)
    if len(source.shape) != 4 or source.image is None:
        raise context.fault("its input must be an image with channels first")
    weights, scales = _weights(context, operands, 4, 0, source)
    height, width, channels = source.shape[1:]
    outputs, inner, kh, kw = weights.shape
    group = node.attributes.get("group", 1)
    depthwise = group != 1 or channels == 1 == outputs
    if not (inner == channels if not depthwise else group == channels == outputs and inner == 1):
        raise context.fault(f"weights of shape {list(weights.shape)} in {group} groups must be "
                            f"for {channels} input channels, in one group, or one for each channel")
    stride, padding = _geometry(context, node, (height, width), (kh, kw))
    bias = _bias(context, operands, outputs, source.scaling, scales)
    shape = (1, *((size + before + after - k) // s + 1 for size, before, after, k, s in zip(
        (height, width), padding[::2], padding[1::2], (kh, kw), stride, strict=True)), outputs)

    def build(output: Scaling, common: dict) -> golden.Layer:
        products = mlas.product_scales(source.scaling, scales, output)
        _check_accumulators(context, _matrix(weights, outputs), bias, source.scaling, products)
        common |= {"sources": (source.index,), "bias": bias, "stride": stride,
                   "padding": padding, "source_zero_point": source.scaling.zero_point,
                   "requantise": _requantise(context, products, output, outputs)}
        if depthwise:
            return golden.DepthwiseConvolution(weights=np.ascontiguousarray(
                weights[:, 0].transpose(1, 2, 0)), **common)
        return golden.Convolution(weights=np.ascontiguousarray(
            weights.transpose(0, 2, 3, 1)), **common)

    return Pending(node, "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", shape, shape[1:],
                   source.scaling.unsigned, build)


def _geometry(context: Context, node: Node, sizes: tuple[int, int], kernel: tuple[int, int]):
    """(stride, padding as top, bottom, left, right) of a window."""
    attributes = node.attributes
    stride = tuple(attributes.get("strides", (1, 1)))
    if len(stride) != 2 or min(stride) < 1:
        raise context.fault(f"strides must be two of at least 1, not {list(stride)}")
    if any(step != 1 for step in attributes.get("dilations", (1, 1))):
        raise context.fault("dilations must be 1; spread the kernel with zeros instead")
    mode = attributes.get("auto_pad", "NOTSET")
    if attributes.get("ceil_mode", 0):
        raise context.fault("ceil_mode must be 0; pad the input instead")
    match mode:
        case "NOTSET":
            begin_y, begin_x, end_y, end_x = attributes.get("pads", (0, 0, 0, 0))
            padding = (begin_y, end_y, begin_x, end_x)
        case "VALID":
            padding = (0, 0, 0, 0)
        case "SAME_UPPER" | "SAME_LOWER":
            parts: list[int] = []
            for size, k, s in zip(sizes, kernel, stride, strict=True):
                total = max((-(-size // s) - 1) * s + k - size, 0)
                less, more = total // 2, total - total // 2
                parts += [less, more] if mode == "SAME_UPPER" else [more, less]
            padding = tuple(parts)
        case _:
            raise context.fault(f"auto_pad must be NOTSET, VALID, SAME_UPPER or SAME_LOWER, not "
                                f"{mode!r}")
    if min(padding) < 0 or max(padding) > 255 or any(
            size + before + after < k for size, before, after, k in zip(
                sizes, padding[::2], padding[1::2], kernel, strict=True)):
        raise context.fault(f"pads must be 0 ... 255 and the kernel of {kernel[0]}x{kernel[1]} "
                            f"must fit the input of {sizes[0]}x{sizes[1]}")
    return stride, padding


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
            requantise=_requantise(context, products, output, outputs))

    return Pending(node, "FULLY_CONNECTED", (1, outputs), None, source.scaling.unsigned, build)


# Sums.


def add(context: Context, node: Node, operands: list[Value]) -> Pending:
    constants = [isinstance(value, RealConstant) for value in operands]
    if any(constants):
        return _add_constant(context, node, operands, constants.index(True))
    first, second = activation(context, operands), activation(context, operands, 1)
    if (first.shape, first.image) != (second.shape, second.image) or np.prod(first.shape) == 1:
        raise context.fault(f"its operands must have one shape of more than one element, not "
                            f"{list(first.model_shape)} and {list(second.model_shape)}")
    if first.scaling.unsigned != second.scaling.unsigned:
        raise context.fault("its operands must both be int8, or both uint8")

    def build(output: Scaling, common: dict) -> golden.Layer:
        table = mlas.sum_table(first.scaling, second.scaling, output)
        return _sum(context, common, first, second, output, table)

    return Pending(node, "ADD", first.shape, first.image, first.scaling.unsigned, build)


def _sum(context: Context, common: dict, first: Activation, second: Activation, output: Scaling,
         table: np.ndarray) -> golden.Layer:
    found = mlas.find_sum(table, first.scaling, second.scaling, output)
    if found is None:
        raise context.fault(
            f"no integers add as onnxruntime's float32 does with scales {first.scaling.scale:.6g}, "
            f"{second.scaling.scale:.6g} and, of the result, {output.scale:.6g}; change one of "
            "them a little")
    return golden.Add(
        **common, sources=(first.index, second.index), zero_points=(0, 0),
        multipliers=found.multipliers, shifts=found.shifts, zero_point=0, low=-128, high=127,
        offset=found.offset, rounding=Rounding.FLOAT)


def _add_constant(context: Context, node: Node, operands: list[Value], position: int) -> Pending:
    source = activation(context, operands, 1 - position)
    value = operands[position]
    assert isinstance(value, RealConstant)
    unsigned = source.scaling.unsigned
    channels = source.shape[-1]
    inner = (1, channels, 1, 1) if len(source.shape) == 4 else (1, channels)
    shape = (1,) * (len(inner) - value.values.ndim) + value.values.shape
    if channels > MAX_CHANNELS:
        raise context.fault(f"channels must be at most {MAX_CHANNELS}, not {channels}")
    flattened = source.image is not None and len(source.shape) == 2
    if shape != inner or flattened or source.image is None and len(source.shape) == 4:
        raise context.fault(f"its constant must have one value for each of {channels} channels, "
                            f"not shape {list(value.values.shape)}")
    if value.dtype != ("uint8" if unsigned else "int8") or value.scales.size != 1:
        raise context.fault(f"its constant must be {'uint8' if unsigned else 'int8'} with one "
                            f"scale, not {value.dtype} with {value.scales.size}")
    constant = Scaling(value.scales[0], int(value.zero_points[0]) - 128 * unsigned, unsigned)
    values = value.values.reshape(-1) - 128 * unsigned

    def build(output: Scaling, common: dict) -> golden.Layer:
        def results(values: np.ndarray) -> np.ndarray:
            return mlas.add_constant(source.scaling, constant, values, output,
                                     constant_first=position == 0,
                                     alone=len(source.shape) == 4 or channels == 1)

        known, rows = np.unique(values, return_inverse=True)
        offset = mlas.constant_offset(known, constant, output) + output.zero_point
        layer = _mapped(common, source, output, results(known), offset, rows)
        if layer is None:
            second = _constant_tensor(context, value.name, source, constant, values)
            layer = _sum(context, common, source, second, output, results(mlas.BYTES).T)
        return layer

    return Pending(node, "ADD", source.shape, source.image, unsigned, build)


def _constant_tensor(context: Context, name: str, source: Activation, scaling: Scaling,
                     values: np.ndarray) -> Activation:
    """A tensor of ``source``'s shape with int8 ``values`` [channels]: a layer of weights 0."""
    result = context.tensor(name, source.shape, scaling, source.image)
    one = np.ones(values.size, np.int32)
    halves = Requantise(one << 30, one * 0, 0, -128, 127, Rounding.FLOAT)
    context.layer(_pointwise({"name": name, "kind": "ADD", "output": result.index}, source,
                             (one * 0).astype(np.int8), (2 * values).astype(np.int32), halves))
    return result


def _pointwise(common: dict, source: Activation, weights: np.ndarray, bias: np.ndarray,
               requantise: Requantise) -> golden.Layer:
    return golden.DepthwiseConvolution(
        **common, sources=(source.index,), weights=weights.reshape(1, 1, -1), bias=bias,
        stride=(1, 1), padding=(0, 0, 0, 0), source_zero_point=source.scaling.zero_point,
        requantise=requantise)


def _mapped(common: dict, source: Activation, output: Scaling, table: np.ndarray,
            offset: np.ndarray, rows: np.ndarray) -> golden.Layer | None:
    """A function of one value, given for all of them, as a depthwise 1x1 convolution.

    ``rows``: of ``table`` and ``offset``, for each channel.
    """
    gain = float(source.scaling.scale) / float(output.scale)
    found = mlas.find_map(table, source.scaling, gain, offset)
    if found is None:
        return None
    weights, bias, requantise = found
    return _pointwise(common, source, weights[rows], bias[rows], replace(
        requantise, multiplier=requantise.multiplier[rows], shift=requantise.shift[rows]))


# Bounds.


def relu(context: Context, node: Node, operands: list[Value]) -> Pending:
    return _bounded(context, node, operands, 0.0, float("inf"))


def clip(context: Context, node: Node, operands: list[Value]) -> Pending:
    limits = [node.attributes.get("min", -np.inf), node.attributes.get("max", np.inf)]
    for position, value in enumerate(operands[1:3]):
        if isinstance(value, RealConstant) and value.values.size == 1:
            value = (value.values - value.zero_points) * value.scales
        if value is not None and (not isinstance(value, np.ndarray) or value.size != 1):
            raise context.fault("its bounds must be constants")
        if value is not None:
            limits[position] = float(value.reshape(()))
    return _bounded(context, node, operands, *limits)


def _bounded(context: Context, node: Node, operands: list[Value], low: float,
             high: float) -> Pending:
    if isinstance(operands[0], Pending):
        if operands[0].clip is not None:
            raise context.fault("only one RELU or Clip may stand between an operator and its "
                                "QuantizeLinear")
        return replace(operands[0], clip=(low, high))
    source = activation(context, operands)

    def build(output: Scaling, common: dict) -> golden.Layer:
        row = mlas.requantise_table(source.scaling, output, low, high)
        layer = _mapped(common, source, output, row[None], np.array([output.zero_point]),
                        np.zeros(source.shape[-1], np.intp))
        if layer is None:
            raise context.fault("no integer multiply-add does what onnxruntime's float32 does "
                                "with its scales; change one of them a little")
        return layer

    return Pending(node, "RELU", source.shape, source.image, source.scaling.unsigned, build)


# Pools.


def global_average_pool(context: Context, node: Node, operands: list[Value]) -> Pending:
    source = _image(context, operands)
    return _pool(context, node, source, source.shape[1:3], (1, 1), exact=True)


def average_pool(context: Context, node: Node, operands: list[Value]) -> Pending:
    source = _image(context, operands)
    kernel = tuple(node.attributes.get("kernel_shape", ()))
    if len(kernel) != 2 or min(kernel) < 1:
        raise context.fault(f"kernel_shape must be two of at least 1, not {list(kernel)}")
    stride, padding = _geometry(context, node, source.shape[1:3], kernel)
    if any(padding):
        raise context.fault("padding must be 0, since windows at a padded border average fewer "
                            "pixels")
    return _pool(context, node, source, kernel, stride, exact=False)


def _image(context: Context, operands: list[Value]) -> Activation:
    source = activation(context, operands)
    if len(source.shape) != 4 or source.image is None:
        raise context.fault("its input must be an image with channels first")
    return source


def _pool(context: Context, node: Node, source: Activation, kernel: tuple[int, int],
          stride: tuple[int, int], *, exact: bool) -> Pending:
    count, channels = kernel[0] * kernel[1], source.shape[3]
    height, width = ((size - k) // s + 1 for size, k, s in zip(
        source.shape[1:3], kernel, stride, strict=True))

    def build(output: Scaling, common: dict) -> golden.Layer:
        if not exact and mlas.average_moves(source.scaling, output, count):
            raise context.fault(
                f"means of {kernel[0]}x{kernel[1]} may be ties, which onnxruntime rounds by the "
                "noise of float32 sums; use GlobalAveragePool, a window of an odd count, or a "
                "convolution of stride 2")
        return golden.RequantisedPool(
            **common, sources=(source.index,), kernel=kernel, stride=stride,
            source_zero_point=source.scaling.zero_point,
            requantise=_requantise(context, mlas.pool_scale(source.scaling, output, count),
                                   output, channels))

    shape = (1, height, width, channels)
    return Pending(node, "AVERAGE_POOL_2D", shape, shape[1:], source.scaling.unsigned, build)


OPERATORS: dict[str, Callable[[Context, Node, list[Value]], Value]] = {
    "Add": add, "AveragePool": average_pool, "Clip": clip, "Conv": conv, "Flatten": reshape,
    "Gemm": gemm, "GlobalAveragePool": global_average_pool, "MatMul": matmul, "Relu": relu,
    "Reshape": reshape, "Squeeze": reshape, "Transpose": transpose, "Unsqueeze": reshape}
