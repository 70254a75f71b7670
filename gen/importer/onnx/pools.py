# SPDX-License-Identifier: Apache-2.0
"""Pools: the largest or the mean of a window."""

from dataclasses import replace

import numpy as np

from ....golden import network as golden
from ....golden.numerics import requantise as requantised
from . import mlas
from .common import geometry, requantise
from .context import Context, image
from .graph import Node
from .mlas import Scaling
from .values import Activation, Pending, Value

__all__ = ["average_pool", "global_average_pool", "global_max_pool", "max_pool"]

MAX_VALUES = 1 << 12
"""Of a window whose sums are proven."""
Window = tuple[tuple[int, int], tuple[int, int], tuple[int, int, int, int]]
"""Kernel, stride, padding."""


def max_pool(context: Context, node: Node, operands: list[Value]) -> Pending:
    source = image(context, operands)
    if any(node.outputs[1:]):
        raise context.fault("it must have one output, without the places of the maxima")
    window = _window(context, node, source)
    for size, before, after in zip(window[0], window[2][::2], window[2][1::2], strict=True):
        if max(before, after) >= size:
            raise context.fault(f"pads must be smaller than the kernel of {size}, not "
                                f"{max(before, after)}")
    return _largest(context, node, source, window)


def global_max_pool(context: Context, node: Node, operands: list[Value]) -> Pending:
    source = image(context, operands)
    return _largest(context, node, source, (source.shape[1:3], (1, 1), (0, 0, 0, 0)))


def global_average_pool(context: Context, node: Node, operands: list[Value]) -> Pending:
    source = image(context, operands)
    return _mean(context, node, source, (source.shape[1:3], (1, 1), (0, 0, 0, 0)))


def average_pool(context: Context, node: Node, operands: list[Value]) -> Pending:
    source = image(context, operands)
    window = _window(context, node, source)
    if any(window[2]):
        raise context.fault("padding must be 0, since windows at a padded border average fewer "
                            "pixels")
    return _mean(context, node, source, window)


def _window(context: Context, node: Node, source: Activation) -> Window:
    kernel = tuple(node.attributes.get("kernel_shape", ()))
    if len(kernel) != 2 or min(kernel) < 1:
        raise context.fault(f"kernel_shape must be two of at least 1, not {list(kernel)}")
    return kernel, *geometry(context, node, source.shape[1:3], kernel)


def _shape(source: Activation, window: Window) -> tuple[int, int, int, int]:
    kernel, stride, padding = window
    height, width = ((size + before + after - k) // s + 1 for size, before, after, k, s in zip(
        source.shape[1:3], padding[::2], padding[1::2], kernel, stride, strict=True))
    return 1, height, width, source.shape[3]


def _largest(context: Context, node: Node, source: Activation, window: Window) -> Pending:
    """Of bytes as of what they stand for, whichever of the two onnxruntime compares."""
    kernel, stride, padding = window

    def build(output: Scaling, common: dict) -> golden.Layer:
        if output != source.scaling:
            raise context.fault("input and output must have the same scale and zero point; "
                                "quantise both with one scale")
        return golden.MaxPool(**common, sources=(source.index,), kernel=kernel, stride=stride,
                              padding=padding, low=-128, high=127)

    shape = _shape(source, window)
    return Pending(node, "MAX_POOL_2D", shape, shape[1:], source.scaling.unsigned, build)


def _mean(context: Context, node: Node, source: Activation, window: Window) -> Pending:
    kernel, stride, _ = window

    def build(output: Scaling, common: dict) -> golden.Layer:
        count = kernel[0] * kernel[1]
        scale = mlas.pool_scale(source.scaling, output, count)
        layer = golden.RequantisedPool(
            **common, sources=(source.index,), kernel=kernel, stride=stride,
            source_zero_point=source.scaling.zero_point,
            requantise=requantise(context, scale, output, source.shape[3]))
        # Over the whole image onnxruntime sums integers.
        return layer if kernel == source.shape[1:3] else _checked(
            context, layer, source.scaling, output, count)

    shape = _shape(source, window)
    return Pending(node, "AVERAGE_POOL_2D", shape, shape[1:], source.scaling.unsigned, build)


def _checked(context: Context, layer: golden.RequantisedPool, source: Scaling, output: Scaling,
             count: int) -> golden.RequantisedPool:
    """The layer, proven for every sum that a window may have.

    onnxruntime rounds what contains the zero point: where ties do occur, that is summed too.
    """
    if count > MAX_VALUES:
        raise context.fault(f"window must have at most {MAX_VALUES} values, not {count}, or be the "
                            "whole image; use GlobalAveragePool")
    least, greatest = mlas.average_bounds(source, output, count)
    sums = np.arange(-128 * count, 127 * count + 1)
    inside = output.zero_point * float(output.scale) / float(source.scale)
    layers = [layer]
    if inside.is_integer():
        layers.insert(0, replace(
            layer, source_zero_point=source.zero_point - int(inside),
            requantise=replace(layer.requantise, zero_point=0)))
    for candidate in layers:
        one = replace(candidate.requantise, multiplier=candidate.requantise.multiplier[:1],
                      shift=candidate.requantise.shift[:1])
        reached = requantised((sums - candidate.source_zero_point * count)[:, None], one)[:, 0]
        if np.array_equal(least, greatest) and np.array_equal(reached, least):
            return candidate
    advice = "use GlobalAveragePool, a window of an odd count, or a convolution of stride 2"
    if source.scale == output.scale:
        fitting = float(mlas.exact_scale(source.scale, count))
        advice = f"quantise input and output with the scale {fitting!r}, or {advice}"
    raise context.fault(
        f"means of {layer.kernel[0]}x{layer.kernel[1]} may be ties, which onnxruntime rounds by "
        f"the noise of float32 sums; {advice}")
