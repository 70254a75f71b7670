# SPDX-License-Identifier: Apache-2.0
"""The network graph: integer layers between int8 tensors."""

from dataclasses import dataclass

import numpy as np

from .dbb import BLOCK
from .numerics import Requantise, Rounding

__all__ = ["Add", "AveragePool", "Concatenation", "Convolution", "DepthwiseConvolution",
           "FullyConnected", "Layer", "MaxPool", "Mean", "Network", "Pad", "RequantisedPool",
           "Rescale", "Reshape", "Softmax", "Tensor"]


@dataclass(frozen=True)
class Tensor:
    """An int8 tensor: ``shape`` with a batch of 1, real value ``scale * (q - zero_point)``.

    ``dtype`` is the model's: uint8 holds 128 more. ``channels_first``: height, width and channels
    of an image that the model holds with its channels first, perhaps flattened; here they are
    last.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str = "int8"
    scale: float = 1.0
    zero_point: int = 0
    channels_first: tuple[int, int, int] | None = None

    @property
    def model_shape(self) -> tuple[int, ...]:
        """``shape`` as the model has it."""
        if self.channels_first is None or len(self.shape) < 4:
            return self.shape
        height, width, channels = self.channels_first
        return self.shape[0], channels, height, width

    def from_model(self, values: np.ndarray) -> np.ndarray:
        """int8 [N, *shape] of the model's values [N, *model_shape] of the model's type."""
        if self.dtype == "uint8":
            values = (values ^ 0x80).view(np.int8)
        if self.channels_first is not None:
            height, width, channels = self.channels_first
            values = values.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
        return np.ascontiguousarray(values).reshape(-1, *self.shape[1:])

    def to_model(self, values: np.ndarray) -> np.ndarray:
        """The inverse of ``from_model``."""
        if self.channels_first is not None:
            values = values.reshape(-1, *self.channels_first).transpose(0, 3, 1, 2)
        values = np.ascontiguousarray(values).reshape(-1, *self.model_shape[1:])
        return values.view(np.uint8) ^ 0x80 if self.dtype == "uint8" else values


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
class RequantisedPool(Layer):
    """Average pool to another scale: a window's sum of ``x - source_zero_point``, requantised.

    There is no padding.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    source_zero_point: int
    requantise: Requantise


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

    ``multipliers`` and right ``shifts`` of first, second and output. With ``rounding`` FLOAT the
    left shift is 23, the operands are rounded to odd (``numerics.multiply_odd``), ``offset`` is
    added to the first, which is rounded to 24 significant bits (``numerics.significant``), and
    their sum is rounded as FLOAT says; all of these must be below 2**31. Otherwise ``offset`` is
    0 and ``rounding`` DOUBLE.
    """

    zero_points: tuple[int, int]
    multipliers: tuple[int, int, int]
    shifts: tuple[int, int, int]
    zero_point: int
    low: int
    high: int
    offset: int = 0
    rounding: Rounding = Rounding.DOUBLE


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
    """Layers in an order in which they can run; tensors by index.

    ``left_out``: the model's operators behind the output, which are no part of the network.
    """

    name: str
    tensors: dict[int, Tensor]
    layers: tuple[Layer, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    left_out: tuple[str, ...] = ()
