# SPDX-License-Identifier: Apache-2.0
"""The operators: pure functions on int8 arrays with a leading batch axis.

Sums of products are formed by float64 matrix products, which are exact: every partial sum is an
integer far below 2**53.
"""

from collections.abc import Iterator

import numpy as np

from .dap import prune_activations
from .network import (
    Add,
    AveragePool,
    Concatenation,
    Convolution,
    DepthwiseConvolution,
    FullyConnected,
    MaxPool,
    Mean,
    Pad,
    RequantisedPool,
    Rescale,
)
from .numerics import (
    Rounding,
    multiply_double,
    multiply_float,
    multiply_odd,
    requantise,
    significant,
)

__all__ = ["FLOAT_ADD_SHIFT", "add", "average_pool", "concatenation", "convolution",
           "depthwise_convolution", "fully_connected", "max_pool", "mean", "pad",
           "requantised_pool", "rescale"]

ADD_SHIFT = 20
FLOAT_ADD_SHIFT = 23
"""Left shifts of ADD's operands: LiteRT's, and that with rounding FLOAT."""


def _pad(x: np.ndarray, padding: tuple[int, int, int, int], value: int = 0) -> np.ndarray:
    top, bottom, left, right = padding
    return np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=value)


def _taps(x: np.ndarray, kernel: tuple[int, int],
          stride: tuple[int, int]) -> Iterator[tuple[int, int, np.ndarray]]:
    """For every tap (y, x) of the window the pixels under it, a view [N, oh, ow, C]."""
    (kh, kw), (sy, sx) = kernel, stride
    height, width = x.shape[1] - kh + 1, x.shape[2] - kw + 1
    for ky in range(kh):
        for kx in range(kw):
            yield ky, kx, x[:, ky:ky + height:sy, kx:kx + width:sx]


def convolution(x: np.ndarray, layer: Convolution) -> np.ndarray:
    """``requantise(sum over window and channels of (x - zero_point) * w + bias)``.

    ``x``: int8 [N, h, w, Cin]; result: int8 [N, oh, ow, Cout]. A padded pixel adds nothing.
    """
    outputs, kh, kw, _ = layer.weights.shape
    kept = prune_activations(x, zero_point=layer.source_zero_point, bound=layer.activation_bound)
    offset = _pad(kept.astype(np.float64) - layer.source_zero_point, layer.padding)
    windows = np.concatenate([pixels for _, _, pixels in _taps(offset, (kh, kw), layer.stride)],
                             axis=-1)
    weights = layer.weights.reshape(outputs, -1).T.astype(np.float64)
    flat = windows.reshape(-1, weights.shape[0]) @ weights
    total = flat.reshape(*windows.shape[:3], outputs).astype(np.int64)
    return requantise(total + layer.bias, layer.requantise)


def depthwise_convolution(x: np.ndarray, layer: DepthwiseConvolution) -> np.ndarray:
    """As ``convolution``, each channel by itself.

    ``x``: int8 [N, h, w, Cin], or [N, Cin] of one pixel each.
    """
    x = x.reshape(len(x), *(x.shape[1:3] if x.ndim == 4 else (1, 1)), x.shape[-1])
    repeated = np.repeat(x, layer.weights.shape[2] // x.shape[3], axis=-1)
    offset = _pad(repeated.astype(np.int64) - layer.source_zero_point, layer.padding)
    weights = layer.weights.astype(np.int64)
    total = layer.bias.astype(np.int64)
    for ky, kx, pixels in _taps(offset, layer.weights.shape[:2], layer.stride):
        total = total + pixels * weights[ky, kx]
    return requantise(total, layer.requantise)


def fully_connected(x: np.ndarray, layer: FullyConnected) -> np.ndarray:
    """``requantise((x - zero_point) . w + bias)``: ``x`` int8 [N, ...], flattened; [N, Cout]."""
    kept = prune_activations(x.reshape(len(x), -1), zero_point=layer.source_zero_point,
                             bound=layer.activation_bound)
    flat = kept.astype(np.float64) - layer.source_zero_point
    total = (flat @ layer.weights.T.astype(np.float64)).astype(np.int64)
    return requantise(total + layer.bias, layer.requantise)


def average_pool(x: np.ndarray, layer: AveragePool) -> np.ndarray:
    """Mean of the window's existing pixels, rounded half away from zero, clamped.

    ``x``: int8 [N, h, w, C].
    """
    def sums(values: np.ndarray) -> np.ndarray:
        windows = _taps(_pad(values, layer.padding), layer.kernel, layer.stride)
        return np.asarray(sum(pixels for _, _, pixels in windows))

    count = sums(np.ones((1, *x.shape[1:3], 1), np.int64))
    total = sums(x.astype(np.int64))
    mean = np.sign(total) * ((np.abs(total) + count // 2) // count)
    return np.clip(mean, layer.low, layer.high).astype(np.int8)


def requantised_pool(x: np.ndarray, layer: RequantisedPool) -> np.ndarray:
    """``requantise(sum over window of (x - zero_point))``: ``x`` int8 [N, h, w, C]."""
    offset = x.astype(np.int64) - layer.source_zero_point
    total = sum(pixels for _, _, pixels in _taps(offset, layer.kernel, layer.stride))
    return requantise(np.asarray(total), layer.requantise)


def max_pool(x: np.ndarray, layer: MaxPool) -> np.ndarray:
    """The largest of the window's existing pixels, clamped: ``x`` int8 [N, h, w, C]."""
    padded = _pad(x, layer.padding, -128)
    windows = [pixels for _, _, pixels in _taps(padded, layer.kernel, layer.stride)]
    return np.clip(np.maximum.reduce(windows), layer.low, layer.high)


def mean(x: np.ndarray, layer: Mean) -> np.ndarray:
    """``requantise(sum of (x - zero_point) * 2**left_shift)`` over the layer's axes, which stay
    with size 1. What divides by their count is in the multiplier."""
    total = (x.astype(np.int64) - layer.source_zero_point).sum(layer.axes, keepdims=True)
    return requantise(total << layer.left_shift, layer.requantise)


def rescale(x: np.ndarray, layer: Rescale) -> np.ndarray:
    """``requantise((x - zero_point) * 2**left_shift)``, element by element."""
    offset = x.astype(np.int64) - layer.source_zero_point
    return requantise(offset << layer.left_shift, layer.requantise)


def pad(x: np.ndarray, layer: Pad) -> np.ndarray:
    """``x`` with the layer's value around it."""
    return np.pad(x, layer.padding, constant_values=layer.value)


def concatenation(parts: list[np.ndarray], layer: Concatenation) -> np.ndarray:
    """``parts`` one after the other along the layer's axis."""
    return np.concatenate(parts, layer.axis)


def add(a: np.ndarray, b: np.ndarray, layer: Add) -> np.ndarray:
    """Both operands shifted left and scaled, their sum scaled: three roundings, or as of FLOAT."""
    exact = layer.rounding is Rounding.FLOAT
    scale, scale_sum = ((multiply_odd, multiply_float) if exact
                        else (multiply_double, multiply_double))
    first, second = (
        scale((x.astype(np.int64) - zero_point) << (FLOAT_ADD_SHIFT if exact else ADD_SHIFT),
              multiplier, shift)
        for x, zero_point, multiplier, shift in zip(
            (a, b), layer.zero_points, layer.multipliers[:2], layer.shifts[:2], strict=True))
    if exact:
        first = significant(first + layer.offset)
    scaled = scale_sum(first + second, layer.multipliers[2], layer.shifts[2])
    return np.clip(scaled + layer.zero_point, layer.low, layer.high).astype(np.int8)
