# SPDX-License-Identifier: Apache-2.0
"""From a network's first layers to the parameters of a front end."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...golden import network as golden
from ...golden.numerics import requantise
from ...rtl.fixed.graph import AdderGraph, Range
from ...rtl.fixed.parameters import (
    FrontEndParameters,
    LayerParameters,
    Scaling,
    SumsParameters,
    WindowParameters,
)
from .adder_graph import adder_graph
from .requantise import constants, thresholds

__all__ = ["FrontEndFault", "front_end"]


class FrontEndFault(ValueError):
    """A layer cannot be part of a front end; the text says why."""


@dataclass(frozen=True)
class _Made:
    """A tensor of the front end: its layer's place, its shape, the range of each channel."""

    place: int
    shape: tuple[int, int, int]
    ranges: list[Range]


def front_end(network: golden.Network, layers: range, *, levels_per_stage: int = 2,
              single_port: bool = False, monitors: bool = False) -> FrontEndParameters:
    """The front end of ``layers`` of ``network``, a range from 0 on. Raises FrontEndFault."""
    if not layers or layers[0] != 0 or layers.step != 1 or layers[-1] >= len(network.layers):
        raise FrontEndFault(f"Layers must be a range from 0 to at most {len(network.layers)}, "
                            f"not {layers!r}")
    source = network.tensors[network.inputs[0]]
    shape = _image(source.shape)
    made = {source.index: _Made(-1, shape, [(-128, 127)] * shape[2])}
    parts = []
    for index in layers:
        layer = network.layers[index]
        part, ranges = _layer(network, layer, [made[each] for each in layer.sources],
                              levels_per_stage, single_port)
        made[layer.output] = _Made(len(parts), part.out_shape, ranges)
        parts.append(part)
    return FrontEndParameters(in_shape=shape, layers=tuple(parts), monitors=monitors)


def _image(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Rows, columns and channels of a tensor."""
    sizes = shape[1:]
    return (*(1,) * (3 - len(sizes)), *sizes)


def _layer(network, layer, sources, levels_per_stage, single_port):
    source = sources[0]
    height, width, channels = source.shape
    match layer:
        case golden.Convolution():
            outputs, kernel_y, kernel_x, _ = layer.weights.shape
            matrix = layer.weights.reshape(outputs, -1).astype(np.int64)
        case golden.DepthwiseConvolution():
            kernel_y, kernel_x, outputs = layer.weights.shape
            matrix = np.zeros((outputs, kernel_y, kernel_x, channels), np.int64)
            for output in range(outputs):
                matrix[output, :, :, output * channels // outputs] = layer.weights[:, :, output]
            matrix = matrix.reshape(outputs, -1)
        case _:
            raise FrontEndFault(f"Layer {layer.name!r} must be one of those that a front end has, "
                                f"not {layer.kind}")
    window = None
    ranges = source.ranges
    if (kernel_y, kernel_x, *layer.stride) != (1, 1, 1, 1):
        window = WindowParameters(
            height=height, width=width, channels=channels, kernel=(kernel_y, kernel_x),
            stride=layer.stride, padding=layer.padding, fill=layer.source_zero_point & 255,
            single_port=single_port)
        if any(layer.padding):
            zero = layer.source_zero_point
            ranges = [(min(low, zero), max(high, zero)) for low, high in ranges]
    ranges = list(ranges) * (kernel_y * kernel_x)
    bias = layer.bias.astype(np.int64) - layer.source_zero_point * matrix.sum(1)
    sums, out = _sums(layer.name, matrix, ranges, bias, layer.requantise, levels_per_stage)
    return LayerParameters(
        name=layer.name, sources=tuple(each.place for each in sources),
        out_shape=_image(network.tensors[layer.output].shape), window=window, sums=sums), out


def _sums(name, matrix, ranges, bias, r, levels_per_stage):
    graph = _graph(matrix, ranges)
    lowest, highest = (np.array(each, np.int64)
                       for each in zip(*graph.output_ranges, strict=True))
    if np.any(lowest + bias < -1 << 31) or np.any(highest + bias >= 1 << 31):
        raise FrontEndFault(f"Accumulators of layer {name!r} must fit 32 bits")

    def reference(sums: np.ndarray) -> np.ndarray:
        return requantise(sums + bias, r).astype(np.int64)

    first = thresholds(reference, lowest, highest, r.low, r.high)
    found = [constants(first[channel], int(lowest[channel]), int(highest[channel]), r.low, r.high,
                       -int(bias[channel])) for channel in range(len(matrix))]
    factors = adder_graph(np.diag([each.factor for each in found]), graph.output_ranges)
    scalings = tuple(
        Scaling(offset=each.offset - (r.low << each.shift), shift=each.shift, low=r.low,
                high=r.high, split=None if each.split is None else each.factor * each.split,
                below=each.below - (r.low << each.shift)) for each in found)
    low, high = reference(lowest[None])[0], reference(highest[None])[0]
    return (SumsParameters(graph=graph, factors=factors, scalings=scalings,
                           levels_per_stage=levels_per_stage),
            [(int(a), int(b)) for a, b in zip(low, high, strict=True)])


def _graph(matrix: np.ndarray, ranges: Sequence[Range]) -> AdderGraph:
    """The adder graph of ``matrix``, made by itself for each group of outputs that share inputs."""
    return adder_graph(matrix, ranges)
