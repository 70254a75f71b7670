# SPDX-License-Identifier: Apache-2.0
"""Functions of one value or of two: sums, bounds, another scale."""

from dataclasses import replace

import numpy as np

from ....golden import network as golden
from ....golden.numerics import Requantise, Rounding
from . import mlas
from .context import MAX_CHANNELS, Context, activation
from .graph import Node
from .integers import find_map, find_sum
from .mlas import Scaling
from .values import Activation, Pending, RealConstant, Value

__all__ = ["add", "clip", "relu", "rescaled"]

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
    found = find_sum(table, first.scaling, second.scaling, output)
    if found is None:
        raise context.fault(
            f"no integers add as onnxruntime's float32 does with scales {first.scaling.scale:.6g}, "
            f"{second.scaling.scale:.6g} and, of the result, {output.scale:.6g}; change one of "
            "them a little")
    return golden.Add(**common, sources=(second.index, first.index), **found)


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
    alone = len(source.shape) == 4 or channels == 1

    def build(output: Scaling, common: dict) -> golden.Layer:
        def results(values: np.ndarray) -> np.ndarray:
            return mlas.add_constant(source.scaling, constant, values, output,
                                     constant_first=position == 0, alone=alone)

        known, rows = np.unique(values, return_inverse=True)
        offset = mlas.constant_offset(known, constant, output) + output.zero_point
        layer = _mapped(common, source, output, results(known), offset, rows)
        if layer is None:
            second = _constant_tensor(context, value.name, source, constant, values)
            table = results(mlas.BYTES)
            layer = (_sum(context, common, source, second, output, table.T)
                     if alone or position == 1 else  # what the kernel's inner sum is made of
                     _sum(context, common, second, source, output, table))
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
    found = find_map(table, source.scaling, gain, offset, output.zero_point)
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
        return _function(context, common, source, output, low, high)

    return Pending(node, "RELU", source.shape, source.image, source.scaling.unsigned, build)


def _function(context: Context, common: dict, source: Activation, output: Scaling, low: float,
              high: float) -> golden.Layer:
    """Between two bounds, with another scale."""
    row = mlas.requantise_table(source.scaling, output, low, high)
    layer = _mapped(common, source, output, row[None], np.array([output.zero_point]),
                    np.zeros(source.shape[-1], np.intp))
    if layer is None:
        raise context.fault("no integer multiply-add does what onnxruntime's float32 does "
                            "with its scales; change one of them a little")
    return layer


def rescaled(context: Context, name: str, source: Activation, output: Scaling) -> Activation:
    """``source`` with ``output``'s scale and zero point: itself, or what a layer makes of it."""
    if source.scaling == output:
        return source
    if source.shape[-1] > MAX_CHANNELS:
        raise context.fault(f"channels must be at most {MAX_CHANNELS}, not {source.shape[-1]}")
    result = context.tensor(name, source.shape, output, source.image)
    context.layer(_function(context, {"name": name, "kind": "QUANTIZE", "output": result.index},
                            source, output, -np.inf, np.inf))
    return result
