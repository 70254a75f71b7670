# SPDX-License-Identifier: Apache-2.0
"""Layers as an array computes them: a matrix of weights, rows of operands, pixel by pixel."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from .. import network as graph
from ..dbb import BLOCK, diagonal
from ..numerics import Requantise
from .conversion import grouped_planes
from .mapping import ArrayShape, LayerMapping, TilePlace

__all__ = ["ON_ARRAY", "ArrayLayer", "array_layer", "check_mapping", "place", "regions",
           "row_order", "tile_columns", "weight_step"]

ON_ARRAY = (graph.Convolution, graph.DepthwiseConvolution, graph.FullyConnected)
"""Layers that an array can take."""
_ZERO_IS_LOWEST = -128


def row_order(kernel: tuple[int, int], channels: int) -> np.ndarray:
    """Which of the weights [kh, kw, Cin], flattened, each row of a layer holds: channel block of
    8, kernel row, kernel column, channel in the block."""
    flat = np.arange(kernel[0] * kernel[1] * channels).reshape(-1, channels)
    return np.concatenate([flat[:, first:first + BLOCK].ravel()
                           for first in range(0, channels, BLOCK)])


def weight_step(weights: np.ndarray, bits: int, *, grouped: bool = False) -> int:
    """log2 of the step of which int8 ``weights`` are multiples, so that ``bits`` are enough in a
    cell: 0 where they are anyway. ``grouped``: of sign-grouped columns, whose magnitudes have a bit
    less and the range -127 ... 127."""
    if grouped:
        reach = min(int(np.abs(weights.astype(np.int16)).max(initial=0)), 127)
        return max(reach.bit_length() - grouped_planes(bits), 0)
    reach = int(np.where(weights < 0, ~weights.astype(np.int16), weights).max(initial=0))
    return max(reach.bit_length() + 1 - bits, 0)


@dataclass(frozen=True, kw_only=True, eq=False)
class ArrayLayer:
    """A layer as the array sees it.

    ``weights`` [Cout, kh, kw, Cin]; ``source_shape`` (height, width, channels); ``padding`` (top,
    bottom, left, right), with the zero point. ``signed``: operands are the raw int8 activations,
    otherwise those plus 128, unsigned, as where the zero point is -128.
    """

    weights: np.ndarray
    bias: np.ndarray
    source_shape: tuple[int, int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    source_zero_point: int
    requantise: Requantise

    @property
    def signed(self) -> bool:
        """Operands are two's complement."""
        return self.source_zero_point != _ZERO_IS_LOWEST

    @property
    def rows(self) -> int:
        """Of weights, in all row tiles."""
        return int(np.prod(self.weights.shape[1:]))

    @property
    def pixels(self) -> int:
        """Of the output."""
        top, bottom, left, right = self.padding
        (height, width, _), (_, kh, kw, _) = self.source_shape, self.weights.shape
        return (((height + top + bottom - kh) // self.stride[0] + 1)
                * ((width + left + right - kw) // self.stride[1] + 1))

    @property
    def matrix(self) -> np.ndarray:
        """Weights int8 [rows, Cout], rows in ``row_order``."""
        order = row_order(self.weights.shape[1:3], self.weights.shape[3])
        return self.weights.reshape(len(self.weights), -1).T[order]

    @property
    def folded_bias(self) -> np.ndarray:
        """Bias with ``-zero_point * sum(weights)``, which raw signed operands leave out, int64."""
        bias = self.bias.astype(np.int64)
        if not self.signed:
            return bias
        return bias - self.source_zero_point * self.matrix.sum(0, dtype=np.int64)

    def operands(self, x: np.ndarray) -> np.ndarray:
        """int16 [N, pixels, rows] of activations int8 [N, ...]: what im2col hands to the rows."""
        x = x.reshape(len(x), *self.source_shape)
        top, bottom, left, right = self.padding
        padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)),
                        constant_values=self.source_zero_point).astype(np.int16)
        if not self.signed:
            padded += 128
        _, kh, kw, channels = self.weights.shape
        windows = np.lib.stride_tricks.sliding_window_view(padded, (kh, kw), (1, 2))
        strided = windows[:, ::self.stride[0], ::self.stride[1]].transpose(0, 1, 2, 4, 5, 3)
        return strided.reshape(len(x), self.pixels, -1)[..., row_order((kh, kw), channels)]


def array_layer(network: graph.Network, layer: graph.Layer) -> ArrayLayer:
    """A convolution or fully connected layer as the array sees it, a depthwise one densely.

    A fully connected layer takes the tensor ahead of any RESHAPE as its one window. Raises
    ValueError for other layers, and where activations are pruned.
    """
    if getattr(layer, "activation_bound", BLOCK) != BLOCK:
        raise ValueError(f"Activation bound of layer {layer.name} must be {BLOCK} on an array, "
                         f"not {layer.activation_bound!r}")
    match layer:
        case graph.Convolution():
            shape = _image(network.tensors[layer.sources[0]].shape)
            weights, stride, padding = layer.weights, layer.stride, layer.padding
        case graph.DepthwiseConvolution():
            shape = _image(network.tensors[layer.sources[0]].shape)
            weights = diagonal(layer.weights, layer.weights.shape[2] // shape[2])
            stride, padding = layer.stride, layer.padding
        case graph.FullyConnected():
            shape = _ahead_of_reshape(network, layer.sources[0])
            weights = layer.weights.reshape(len(layer.weights), *shape)
            stride, padding = (1, 1), (0, 0, 0, 0)
        case _:
            raise ValueError(f"Layer {layer.name} must be CONV_2D, DEPTHWISE_CONV_2D or "
                             f"FULLY_CONNECTED to lie on an array, not {layer.kind}")
    return ArrayLayer(weights=weights, bias=layer.bias, source_shape=shape, stride=stride,
                      padding=padding, source_zero_point=layer.source_zero_point,
                      requantise=layer.requantise)


def _image(shape: tuple[int, ...]) -> tuple[int, int, int]:
    height, width, channels = (1,) * (4 - len(shape)) + tuple(shape[1:])
    return height, width, channels


def _ahead_of_reshape(network: graph.Network, tensor: int) -> tuple[int, int, int]:
    """The image that a vector was, (1, 1, K) of the network's input."""
    writers = {layer.output: layer for layer in network.layers}
    root = tensor
    while isinstance(writers.get(root), graph.Reshape):
        root = writers[root].sources[0]
    return _image(network.tensors[tensor if root in network.inputs else root].shape)


def tile_columns(mapping: LayerMapping, tile: TilePlace, shape: ArrayShape) -> np.ndarray:
    """The array's column of each channel of a layer, in one of its row tiles."""
    channel = np.arange(mapping.channels)
    return np.array([shape.column(tile.adc + int(k % mapping.adcs),
                                  tile.phase + int(k // mapping.adcs)) for k in channel])


def place(layers: Mapping[int, ArrayLayer], mappings: Mapping[int, LayerMapping],
          shape: ArrayShape) -> tuple[np.ndarray, np.ndarray]:
    """Weights int8 [rows, columns] of all layers on the array, and which cells are written.

    Weights of fewer than 8 bits lie there over ``2**weight_step``. Raises ValueError where a
    mapping is not of its layer, or two layers share a cell.
    """
    weights = np.zeros((shape.rows, shape.columns), np.int8)
    written = np.zeros(weights.shape, bool)
    for index, mapping in mappings.items():
        layer = layers[index]
        check_mapping(layer, mapping)
        cells = layer.matrix >> weight_step(layer.weights, mapping.weight_bits)
        for tile, (first, last) in zip(mapping.tiles, mapping.cuts, strict=True):
            spot = np.ix_(np.arange(tile.row, tile.row + tile.height),
                          tile_columns(mapping, tile, shape))
            if written[spot].any():
                raise ValueError(f"Cells of tensor {index} must be its own, not another layer's")
            weights[spot], written[spot] = cells[first:last], True
    return weights, written


def check_mapping(layer: ArrayLayer, mapping: LayerMapping) -> None:
    """Raises ValueError unless the mapping has the layer's rows and channels."""
    height = sum(tile.height for tile in mapping.tiles)
    if (height, mapping.channels) != (layer.rows, len(layer.weights)):
        raise ValueError(f"Mapping must be of {layer.rows} rows and {len(layer.weights)} channels, "
                         f"not {height} and {mapping.channels}")


def regions(mappings: Mapping[int, LayerMapping],
            shape: ArrayShape) -> Iterator[tuple[slice, np.ndarray]]:
    """Rows and columns of every row tile."""
    for mapping in mappings.values():
        for tile in mapping.tiles:
            yield (slice(tile.row, tile.row + tile.height), tile_columns(mapping, tile, shape))
