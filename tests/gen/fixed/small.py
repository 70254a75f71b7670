# SPDX-License-Identifier: Apache-2.0
"""Small random layers for front ends."""

import numpy as np
from systolith.golden import network as golden
from systolith.golden.numerics import Requantise, Rounding

__all__ = ["convolution", "depthwise", "network", "requantise"]


def requantise(rng, channels, *, rounding=Rounding.DOUBLE, zero_point=None, low=-128, high=127,
               shifts=(6, 10)):
    return Requantise(
        multiplier=rng.integers(2**30, 2**31, channels).astype(np.int32),
        shift=rng.integers(*shifts, channels).astype(np.int32),
        zero_point=int(rng.integers(-128, 128)) if zero_point is None else zero_point,
        low=low, high=high, rounding=rounding)


def _weighted(rng, shape, channels):
    return (rng.integers(-127, 128, shape).astype(np.int8),
            rng.integers(-3000, 3000, channels).astype(np.int32))


def convolution(rng, index, inputs, outputs, kernel, stride=(1, 1), padding=(0, 0, 0, 0), *,
                zero_point=-128, r=None):
    weights, bias = _weighted(rng, (outputs, *kernel, inputs), outputs)
    return golden.Convolution(f"conv{index}", "CONV_2D", (index,), index + 1, weights, bias, stride,
                              padding, zero_point, r or requantise(rng, outputs))


def depthwise(rng, index, inputs, outputs, kernel, stride=(1, 1), padding=(0, 0, 0, 0), *,
              zero_point=-128, r=None):
    weights, bias = _weighted(rng, (*kernel, outputs), outputs)
    return golden.DepthwiseConvolution(
        f"depthwise{index}", "DEPTHWISE_CONV_2D", (index,), index + 1, weights, bias, stride,
        padding, zero_point, r or requantise(rng, outputs, shifts=(4, 8)))


def network(shape, *layers):
    """A chain of ``layers`` behind an input [h, w, c]; of tensor n the index is n."""
    tensors = {0: golden.Tensor(0, "input", (1, *shape))}
    for layer in layers:
        source = tensors[layer.sources[0]].shape
        made = ops_shape(layer, source[1:])
        tensors[layer.output] = golden.Tensor(layer.output, layer.name, (1, *made))
    return golden.Network("small", tensors, layers, (0,), (layers[-1].output,))


def ops_shape(layer, shape):
    """Shape of what ``layer`` makes of an image of ``shape``."""
    match layer:
        case golden.Convolution():
            outputs, *kernel, _ = layer.weights.shape
        case golden.DepthwiseConvolution():
            *kernel, outputs = layer.weights.shape
        case golden.FullyConnected():
            return (len(layer.weights),)
        case golden.Mean():
            return (1, 1, shape[2])
        case golden.Pad():
            return tuple(size + sum(sides)
                         for size, sides in zip(shape, layer.padding[1:], strict=True))
        case golden.Rescale() | golden.Add():
            return shape
        case _:
            kernel, outputs = layer.kernel, shape[2]
    top, bottom, left, right = getattr(layer, "padding", (0, 0, 0, 0))
    return ((shape[0] + top + bottom - kernel[0]) // layer.stride[0] + 1,
            (shape[1] + left + right - kernel[1]) // layer.stride[1] + 1, outputs)
