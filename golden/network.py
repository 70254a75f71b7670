# SPDX-License-Identifier: Apache-2.0
"""The network graph: integer layers between int8 tensors."""

from dataclasses import dataclass

import numpy as np

from .dbb import BLOCK
from .numerics import Requantise

__all__ = ["Add", "AveragePool", "Concatenation", "Convolution", "DepthwiseConvolution",
           "FullyConnected", "Layer", "MaxPool", "Mean", "Network", "Pad", "Rescale", "Reshape",
           "Softmax", "Tensor"]


@dataclass(frozen=True)
class Tensor:
    """An int8 tensor: ``shape`` with a batch of 1, real value ``scale * (q - zero_point)``."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str = "int8"
    scale: float = 1.0
    zero_point: int = 0


@dataclass(frozen=True, eq=False)
class Layer:
    """One operator: ``kind`` is TFLite's name; ``sources`` and ``output`` are tensor indices."""

    name: str
    kind: str
    sources: tuple[int, ...]
    output: int


@dataclass(frozen=True, eq=False)
class Convolution(Layer):
    """CONV_2D: ``weights`` int8 [Cout, kh, kw, Cin], ``bias`` int32 [Cout].

    ``stride`` (y, x); ``padding`` (top, bottom, left, right) with the source's zero point.
    ``activation_bound``: elements of each block of 8 source channels that are kept (``dap``).
    """

    weights: np.ndarray
    bias: np.ndarray
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    source_zero_point: int
    requantise: Requantise
    activation_bound: int = BLOCK


@dataclass(frozen=True, eq=False)
class DepthwiseConvolution(Layer):
    """DEPTHWISE_CONV_2D: ``weights`` int8 [kh, kw, Cout], ``bias`` [Cout].

    Of Cin source channels each has ``Cout / Cin`` outputs (the depth multiplier) side by side.
    """

    weights: np.ndarray
    bias: np.ndarray
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    source_zero_point: int
    requantise: Requantise


@dataclass(frozen=True, eq=False)
class FullyConnected(Layer):
    """FULLY_CONNECTED: ``weights`` int8 [Cout, K] over the flattened source.

    ``activation_bound`` as of ``Convolution``.
    """

    weights: np.ndarray
    bias: np.ndarray
    source_zero_point: int
    requantise: Requantise
    activation_bound: int = BLOCK


@dataclass(frozen=True, eq=False)
class AveragePool(Layer):
    """AVERAGE_POOL_2D: windows at a padded border average the pixels that exist."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    low: int
    high: int


@dataclass(frozen=True, eq=False)
class MaxPool(Layer):
    """MAX_POOL_2D: a padded pixel is never the largest."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    low: int
    high: int


@dataclass(frozen=True, eq=False)
class Mean(Layer):
    """MEAN over ``axes``: sums of ``(x - zero point) * 2**left_shift``, requantised.

    ``requantise`` has one multiplier and one shift for all channels.
    """

    axes: tuple[int, ...]
    source_zero_point: int
    left_shift: int
    requantise: Requantise


@dataclass(frozen=True, eq=False)
class Rescale(Layer):
    """RELU, RELU6, QUANTIZE: ``(x - zero point) * 2**left_shift``, requantised, as of ``Mean``."""

    source_zero_point: int
    left_shift: int
    requantise: Requantise


@dataclass(frozen=True, eq=False)
class Pad(Layer):
    """PAD, PADV2: elements of ``value`` before and after, in each dimension (batch included)."""

    padding: tuple[tuple[int, int], ...]
    value: int


@dataclass(frozen=True, eq=False)
class Concatenation(Layer):
    """CONCATENATION along ``axis`` (the batch is 0)."""

    axis: int


@dataclass(frozen=True, eq=False)
class Add(Layer):
    """ADD of two tensors of one shape: both scaled, summed, scaled again; left shift 20.

    ``multipliers`` and right ``shifts`` of first, second and output.
    """

    zero_points: tuple[int, int]
    multipliers: tuple[int, int, int]
    shifts: tuple[int, int, int]
    zero_point: int
    low: int
    high: int


@dataclass(frozen=True, eq=False)
class Reshape(Layer):
    """RESHAPE: the same bytes under another shape (batch of 1 included)."""

    shape: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Softmax(Layer):
    """SOFTMAX over the last axis, scale 1/256 and zero point -128; runs on the host.

    ``multiplier`` and ``left_shift`` scale a distance to the row's largest value into the
    exponential's fixed point; a distance above ``reach`` counts as infinite.
    """

    multiplier: int
    left_shift: int
    reach: int


@dataclass(frozen=True, eq=False)
class Network:
    """Layers in an order in which they can run; tensors by index."""

    name: str
    tensors: dict[int, Tensor]
    layers: tuple[Layer, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
