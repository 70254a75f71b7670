# SPDX-License-Identifier: Apache-2.0
"""From a network's first layers to the parameters of a front end."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...golden import network as golden
from ...golden.dbb import BLOCK
from ...golden.numerics import requantise
from ...rtl.constants.graph import Range
from ...rtl.constants.plan import Form
from ...rtl.fixed.parameters import (
    FoldedParameters,
    FrontEndParameters,
    LayerParameters,
    MaximumParameters,
    SumsParameters,
    WindowParameters,
)
from .addition import addition
from .latency import queue_depths
from .sums import FrontEndFault, WeightedSums, folded, unfolded

__all__ = ["front_end"]


@dataclass(frozen=True)
class _Made:
    """A tensor: its layer's place, its shape as a stream, the range of each channel, and padding
    around it (top, bottom, left, right) with ``value``, which the next layer adds."""

    place: int
    shape: tuple[int, int, int]
    ranges: tuple[Range, ...]
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    value: int = 0


@dataclass(frozen=True, kw_only=True)
class _Options:
    folds: Mapping[int, int]
    levels_per_stage: int
    form: Form
    single_port: bool
    effort: int


def front_end(network: golden.Network, layers: range, *, folds: Mapping[int, int] | None = None,
              levels_per_stage: int = 2, form: Form = Form.ROWS, effort: int = 1,
              single_port: bool = False, monitors: bool = False) -> FrontEndParameters:
    """The front end of ``layers`` of ``network``, a range from 0 on; its output is the last one's.

    ``folds``: cycles a pixel of layers that are folded, by number; ``levels_per_stage``: of
    additions; ``form`` and ``effort`` of sums (``adder_graph``; with 0 weights share none);
    ``single_port``: of line buffers. Raises FrontEndFault.
    """
    if not layers or layers[0] != 0 or layers.step != 1 or layers[-1] >= len(network.layers):
        raise FrontEndFault(f"Layers must be a range from 0 to at most {len(network.layers)}, "
                            f"not {layers!r}")
    options = _Options(folds=folds or {}, levels_per_stage=levels_per_stage, form=form,
                       single_port=single_port, effort=effort)
    source = network.tensors[network.inputs[0]]
    shape = _image(source.shape)
    made = {source.index: _Made(-1, shape, ((-128, 127),) * shape[2])}
    parts: list[LayerParameters] = []
    for index in layers:
        layer = network.layers[index]
        sources = [made[each] for each in layer.sources]
        match layer:
            case golden.Reshape():
                made[layer.output] = sources[0]
            case golden.Pad():
                made[layer.output] = _padded(layer, sources[0])
            case _:
                part, ranges = _layer(layer, sources, options, options.folds.get(index, 1))
                made[layer.output] = _Made(len(parts), part.out_shape, tuple(ranges))
                parts.append(part)
    if not parts or made[network.layers[layers[-1]].output] != _Made(
            len(parts) - 1, parts[-1].out_shape, made[parts[-1].tensor].ranges):
        raise FrontEndFault("The last layer of a front end must compute its tensor, not "
                            f"{network.layers[layers[-1]].kind}")
    taken = {place for part in parts for place in part.sources}
    for place, part in enumerate(parts[:-1]):
        if place not in taken:
            raise FrontEndFault(f"Layer {part.name!r} must be taken by a later one of the front "
                                "end")
    behind = {each for layer in network.layers[layers.stop:] for each in layer.sources}
    for part in parts[:-1]:
        if part.tensor in behind:
            raise FrontEndFault(f"Only the last layer's tensor must be taken behind the front "
                                f"end, not that of {part.name!r}")
    return queue_depths(FrontEndParameters(in_shape=shape, layers=tuple(parts),
                                           monitors=monitors))


def _image(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Rows, columns and channels of a tensor."""
    sizes = shape[1:]
    if len(sizes) > 3:
        raise FrontEndFault(f"Tensor must be an image or flat, not of shape {shape!r}")
    return (*(1,) * (3 - len(sizes)), *sizes)


def _padded(layer: golden.Pad, source: _Made) -> _Made:
    sides = (*layer.padding[-3], *layer.padding[-2])
    if any(map(any, (layer.padding[-1], *layer.padding[:-3]))) or any(source.padding):
        raise FrontEndFault(f"Layer {layer.name!r} must pad rows and columns alone, and once")
    return replace(source, padding=sides, value=layer.value)


def _layer(layer: golden.Layer, sources: list[_Made], options: _Options,
           phases: int) -> tuple[LayerParameters, list[Range]]:
    """A layer's parameters, but for its queues, and the ranges of its channels."""
    source = sources[0]
    common = {"name": layer.name, "tensor": layer.output,
              "sources": tuple(each.place for each in sources), "queues": (0,) * len(sources)}
    if isinstance(layer, golden.Add):
        if sources[0].shape != sources[1].shape or any(any(each.padding) for each in sources):
            raise FrontEndFault(f"Layer {layer.name!r} must add tensors of one shape")
        operation, ranges = addition(layer, [*source.ranges, *sources[1].ranges],
                                     options.levels_per_stage, options.form)
        return LayerParameters(**common, in_channels=2 * source.shape[2],
                               out_shape=source.shape, operation=operation), ranges
    window, whole = _window(layer, source, options)
    inside = list(source.ranges)
    if window is not None and any(window.padding):
        fill = window.fill - (window.fill >> 7 << 8)
        inside = [(min(low, fill), max(high, fill)) for low, high in inside]
    if isinstance(layer, golden.MaxPool):
        operation: SumsParameters | FoldedParameters | MaximumParameters = MaximumParameters(
            taps=window.taps if window else 1, channels=source.shape[2], low=layer.low,
            high=layer.high, levels_per_stage=options.levels_per_stage)
        ranges = [(max(low, layer.low), min(high, layer.high)) for low, high in source.ranges]
        ranges = [(min(low, layer.high), max(high, layer.low)) for low, high in ranges]
    else:
        pixels = source.shape[0] * source.shape[1] if whole else 1
        taps = window.taps if window else 1
        values = [(pixels * low, pixels * high) for low, high in inside] * taps
        sums = _weighted(layer, source, values, taps, pixels)
        operation = (unfolded(sums, options.levels_per_stage, options.form,
                              options.effort) if phases == 1
                     else folded(sums, phases, options.levels_per_stage, options.form))
        ranges = sums.out_ranges()
    size = (1, 1) if whole else source.shape[:2] if window is None else (window.out_height,
                                                                         window.out_width)
    return LayerParameters(
        **common, in_channels=source.shape[2], out_shape=(*size, len(ranges)),
        operation=operation, window=window,
        total_of=source.shape[0] * source.shape[1] if whole else 0), ranges


def _window(layer, source: _Made, options: _Options) -> tuple[WindowParameters | None, bool]:
    """A layer's windows, None for pixels; and whether it sums up the whole frame instead."""
    height, width, channels = source.shape
    padding, stride = (0, 0, 0, 0), (1, 1)
    fill = source.value
    match layer:
        case golden.Convolution():
            kernel = layer.weights.shape[1:3]
        case golden.DepthwiseConvolution():
            kernel = layer.weights.shape[:2]
        case golden.FullyConnected():
            kernel = (height, width)
        case golden.AveragePool() | golden.RequantisedPool() | golden.MaxPool():
            kernel = layer.kernel
        case golden.Mean():
            if {axis % 4 for axis in layer.axes} != {1, 2}:
                raise FrontEndFault(f"Layer {layer.name!r} must be the mean over rows and columns")
            kernel = (height, width)
        case golden.Rescale():
            kernel = (1, 1)
        case _:
            raise FrontEndFault(f"Layer {layer.name!r} must be one that a front end can compute, "
                                f"not {layer.kind}")
    if not isinstance(layer, golden.FullyConnected | golden.Mean | golden.Rescale):
        stride = layer.stride
        padding = getattr(layer, "padding", padding)
    pools = golden.AveragePool | golden.RequantisedPool | golden.Mean
    if isinstance(layer, golden.AveragePool) and any(padding):
        raise FrontEndFault(f"Layer {layer.name!r} must average windows inside the frame")
    if any(source.padding):
        around = getattr(layer, "source_zero_point", None)
        if around is None or isinstance(layer, pools | golden.FullyConnected | golden.Rescale) or (
                any(padding) and around != fill):
            raise FrontEndFault(f"Layer {layer.name!r} must be a convolution whose own padding, if "
                                f"any, is {fill}, as that in front of it")
        padding = tuple(map(sum, zip(padding, source.padding, strict=True)))
    elif isinstance(layer, golden.MaxPool):
        fill = -128
    else:
        fill = getattr(layer, "source_zero_point", 0)
    if isinstance(layer, pools) and (*kernel, *padding) == (height, width, 0, 0, 0, 0) and (
            height * width > 1):
        return None, True
    if (*kernel, *stride, *padding) == (1, 1, 1, 1, 0, 0, 0, 0):
        return None, False
    try:
        return WindowParameters(
            height=height, width=width, channels=channels, kernel=tuple(map(int, kernel)),
            stride=tuple(map(int, stride)), padding=tuple(map(int, padding)), fill=fill & 255,
            single_port=options.single_port), False
    except ValueError as fault:
        raise FrontEndFault(f"Layer {layer.name!r}: {fault}") from fault


def _weighted(layer, source: _Made, ranges: list[Range], taps: int,
              pixels: int) -> WeightedSums:
    """The sums of a layer over windows of ``taps`` pixels, each of which is the sum of
    ``pixels``."""
    channels = source.shape[2]
    if getattr(layer, "activation_bound", BLOCK) < BLOCK:
        raise FrontEndFault(f"Layer {layer.name!r} must take all activations, not "
                            f"{layer.activation_bound} of {BLOCK}")
    match layer:
        case golden.Convolution() | golden.FullyConnected():
            matrix = layer.weights.reshape(len(layer.weights), -1).astype(np.int64)
        case golden.DepthwiseConvolution():
            outputs = layer.weights.shape[2]
            matrix = np.zeros((outputs, taps, channels), np.int64)
            of = np.arange(outputs) * channels // outputs
            matrix[np.arange(outputs), :, of] = layer.weights.reshape(taps, outputs).T
            matrix = matrix.reshape(outputs, -1)
        case _:
            matrix = np.tile(np.eye(channels, dtype=np.int64), taps)
    count = taps * pixels
    zero = getattr(layer, "source_zero_point", 0)
    bias = np.zeros(len(matrix), np.int64)
    if isinstance(layer, golden.AveragePool):
        low, high = layer.low, layer.high

        def reference(sums: np.ndarray) -> np.ndarray:
            mean = np.sign(sums) * ((np.abs(sums) + count // 2) // count)
            return np.clip(mean, low, high)
    else:
        r = layer.requantise
        low, high = r.low, r.high
        left = getattr(layer, "left_shift", 0)
        if isinstance(layer, golden.Mean | golden.Rescale | golden.RequantisedPool):
            bias -= zero * count
        else:
            bias = layer.bias.astype(np.int64) - zero * matrix.sum(1)

        def reference(sums: np.ndarray) -> np.ndarray:
            return requantise((sums + bias) << left, r).astype(np.int64)

    sums = WeightedSums(layer.name, matrix, ranges, reference, low, high, -bias)
    if not isinstance(layer, golden.AveragePool):
        ends = np.stack(sums.limits()) + bias << left
        if ends.min() < -1 << 31 or ends.max() >= 1 << 31:
            raise FrontEndFault(f"Accumulators of layer {layer.name!r} must fit 32 bits")
    return sums
