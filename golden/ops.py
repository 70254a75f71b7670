# SPDX-License-Identifier: Apache-2.0
"""The operators: pure functions on int8 arrays with a leading batch axis.

Sums are formed in float64 where that is exact: products of bytes stay far below 2**53.
"""

import math

import numpy as np

from .network import Add, AveragePool, Convolution, DepthwiseConvolution, FullyConnected, Softmax
from .numerics import multiply_double, requantise

__all__ = ["add", "average_pool", "convolution", "depthwise_convolution", "fully_connected",
           "softmax"]


def _pad(x: np.ndarray, padding: tuple[int, int, int, int], value) -> np.ndarray:
    top, bottom, left, right = padding
    return np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=value)


def _windows(x: np.ndarray, kernel: tuple[int, int], stride: tuple[int, int]) -> np.ndarray:
    """[N, H, W, C] -> [N, oh, ow, C, kh, kw], a view."""
    view = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(1, 2))
    return view[:, ::stride[0], ::stride[1]]


def convolution(x: np.ndarray, layer: Convolution) -> np.ndarray:
    """``requantise(sum over the window and channels of (x - zero_point) * w + bias)``."""
    outputs, kh, kw, _ = layer.weights.shape
    offset = _pad(x.astype(np.float64) - layer.source_zero_point, layer.padding, 0.0)
    windows = _windows(offset, (kh, kw), layer.stride)
    flat = windows.reshape(*windows.shape[:3], -1)
    weights = layer.weights.transpose(3, 1, 2, 0).reshape(-1, outputs).astype(np.float64)
    total = np.rint(flat @ weights).astype(np.int64) + layer.bias.astype(np.int64)
    return requantise(total, layer.requantise)


def depthwise_convolution(x: np.ndarray, layer: DepthwiseConvolution) -> np.ndarray:
    """As ``convolution``, each channel by itself."""
    kernel = layer.weights.shape[:2]
    offset = _pad(x.astype(np.int64) - layer.source_zero_point, layer.padding, 0)
    windows = _windows(offset, kernel, layer.stride)
    weights = layer.weights.transpose(2, 0, 1).astype(np.int64)
    total = (windows * weights).sum((-2, -1)) + layer.bias.astype(np.int64)
    return requantise(total, layer.requantise)


def fully_connected(x: np.ndarray, layer: FullyConnected) -> np.ndarray:
    """``requantise((x - zero_point) . w + bias)`` over the flattened source, [N, Cout]."""
    flat = x.reshape(len(x), -1).astype(np.float64) - layer.source_zero_point
    total = np.rint(flat @ layer.weights.T.astype(np.float64)).astype(np.int64)
    return requantise(total + layer.bias.astype(np.int64), layer.requantise)


def average_pool(x: np.ndarray, layer: AveragePool) -> np.ndarray:
    """Mean of the window's pixels, rounded half away from zero, clamped."""
    ones = _pad(np.ones((1, *x.shape[1:3], 1), np.int64), layer.padding, 0)
    count = _windows(ones, layer.kernel, layer.stride).sum((-2, -1))
    total = _windows(_pad(x.astype(np.int64), layer.padding, 0), layer.kernel,
                     layer.stride).sum((-2, -1))
    mean = np.sign(total) * ((np.abs(total) + count // 2) // count)
    return np.clip(mean, layer.low, layer.high).astype(np.int8)


def add(a: np.ndarray, b: np.ndarray, layer: Add) -> np.ndarray:
    """Both operands shifted left by 20 and scaled, their sum scaled: three double roundings."""
    total = sum(
        multiply_double((x.astype(np.int64) - zero) << 20, multiplier, shift)
        for x, zero, multiplier, shift in zip((a, b), layer.zero_points, layer.multipliers,
                                              layer.shifts, strict=False))
    scaled = multiply_double(np.asarray(total), layer.multipliers[2], layer.shifts[2])
    return np.clip(scaled + layer.zero_point, layer.low, layer.high).astype(np.int8)


def softmax(x: np.ndarray, layer: Softmax) -> np.ndarray:
    """LiteRT's table softmax in single precision, value by value in its order.

    ``table[255 - d] = exp(-scale * beta * d)``; the sum runs from first to last.
    """
    single = np.float32
    step = single(-single(layer.source_scale) * single(layer.beta))
    table = np.array([math.exp(float(single(step * single(d)))) for d in range(256)], single)
    distance = x.max(-1, keepdims=True).astype(np.int64) - x
    exponentials = table[distance]
    total = np.zeros(x.shape[:-1], single)
    for i in range(x.shape[-1]):
        total = (total + exponentials[..., i]).astype(single)
    inverse = (single(1.0) / (total * single(layer.scale))).astype(single)
    scaled = (exponentials * inverse[..., None]).astype(single).astype(np.float64)
    rounded = np.floor(scaled + 0.5)  # std::round of a non-negative number
    return np.clip(rounded + layer.zero_point, -128, 127).astype(np.int8)
