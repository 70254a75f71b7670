# SPDX-License-Identifier: Apache-2.0
"""A keyword-spotting network for an array: regular 3x3 convolutions where others are depthwise.

The shape of AnalogNets-KWS (arXiv 2111.06503, section 5; MicroNets without depthwise layers), as
far as it is known: a first convolution with 49 x 10 outputs, four of 3x3 with 25 x 5 outputs and a
fully connected layer, each a single conversion a pixel on 1024 x 512 cells with 128 ADCs, 991 in
all. Weights are drawn: it has cycles, a mapping and bits, but no accuracy.
"""

import numpy as np

from ..network import AveragePool, Convolution, FullyConnected, Layer, Network, Reshape, Tensor
from ..numerics import Requantise, Rounding, quantise_multipliers

__all__ = ["CHANNELS", "keyword_spotting"]

CHANNELS = 90
"""Of every convolution: 56.5 % of the cells are used then, as of the paper's network about 57 %."""
CLASSES = 12

_INPUT_ZERO_POINT = 83  # of the features of MLPerf Tiny's keyword spotting
_RELU_ZERO_POINT = -128
_WEIGHT = 40.0
_OUTPUT = 60.0


def keyword_spotting(seed: int = 0, channels: int = CHANNELS) -> Network:
    """The network for int8 features [1, 49, 10, 1], with the weights of ``seed``.

    Requantisation is such that outputs use the range of int8. Tensors: 0 the input, 1 ... 5 of the
    convolutions, 6 of the average pool, 7 of its reshape, 8 the classes.
    """
    rng = np.random.default_rng(seed)
    shapes = [(1, 49, 10, 1), (1, 49, 10, channels), *[(1, 25, 5, channels)] * 4,
              (1, 1, 1, channels), (1, channels), (1, CLASSES)]
    zero_points = [_INPUT_ZERO_POINT, *[_RELU_ZERO_POINT] * 7, 0]
    tensors = {index: Tensor(index, f"t{index}", shape, zero_point=zero_point)
               for index, (shape, zero_point) in enumerate(zip(shapes, zero_points, strict=True))}
    padding = {(10, 4): (4, 5, 1, 2), (3, 3): (1, 1, 1, 1)}  # SAME, whatever the stride here
    layers: list[Layer] = []
    for index in range(1, 6):
        kernel, inputs = ((10, 4), 1) if index == 1 else ((3, 3), channels)
        # From 10 columns to 5 at stride 2, SAME pads nothing ahead of the first.
        around = (1, 1, 0, 1) if index == 2 else padding[kernel]
        stride = (2, 2) if index == 2 else (1, 1)
        weights = _weights(rng, (channels, *kernel, inputs))
        layers.append(Convolution(
            name=f"conv{index}", kind="CONV_2D", sources=(index - 1,), output=index,
            weights=weights, bias=_bias(rng, channels), stride=stride, padding=around,
            source_zero_point=zero_points[index - 1],
            requantise=_requantise(weights, 25.0 if index == 1 else 45.0, _RELU_ZERO_POINT,
                                   Rounding.DOUBLE)))
    layers.append(AveragePool(name="pool", kind="AVERAGE_POOL_2D", sources=(5,), output=6,
                              kernel=(25, 5), stride=(25, 5), padding=(0, 0, 0, 0), low=-128,
                              high=127))
    layers.append(Reshape(name="features", kind="RESHAPE", sources=(6,), output=7,
                          shape=(1, channels)))
    weights = _weights(rng, (CLASSES, channels))
    layers.append(FullyConnected(
        name="classes", kind="FULLY_CONNECTED", sources=(7,), output=8, weights=weights,
        bias=_bias(rng, CLASSES), source_zero_point=_RELU_ZERO_POINT,
        requantise=_requantise(weights, 25.0, 0, Rounding.SINGLE)))
    return Network(name="analognets_kws", tensors=tensors, layers=tuple(layers), inputs=(0,),
                   outputs=(8,))


def _weights(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.clip(np.rint(rng.normal(0, _WEIGHT, shape)), -127, 127).astype(np.int8)


def _bias(rng: np.random.Generator, channels: int) -> np.ndarray:
    return rng.integers(-2000, 2000, channels).astype(np.int32)


def _requantise(weights: np.ndarray, operand: float, zero_point: int,
                rounding: Rounding) -> Requantise:
    """For operands of such a root mean square; every channel a little different."""
    channels = len(weights)
    rows = weights[0].size
    spread = np.linspace(0.8, 1.25, channels) * _WEIGHT * operand * rows ** 0.5
    multiplier, shift = quantise_multipliers(_OUTPUT / spread)
    return Requantise(multiplier=multiplier, shift=-shift, zero_point=zero_point, low=-128,
                      high=127, rounding=rounding)
