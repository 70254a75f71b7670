# SPDX-License-Identifier: Apache-2.0
"""Layers without weights of their own, and what they are made of: windows of the vector unit or,
where those are too small, of the engine with weights spread out for it."""

from typing import NamedTuple

import numpy as np

from ...golden import dbb
from ...golden import network as golden
from ...golden.numerics import Requantise, Rounding
from ...rtl.sequencer.descriptor import Opcode
from ...rtl.vector.window import WINDOW
from .fault import CompileFault

__all__ = ["Shape", "Strip", "copying", "diagonal", "placing", "strips", "window_fields"]

Shape = tuple[int, int, int]
"""Height, width, channels."""
LARGEST = 255
"""Height and width of a window, which a descriptor states in 8 bits."""
LONGEST = (1 << 15) - 1
"""Outputs along an axis."""
MAX_STRIPS = 7
"""Sizes of windows at a padded border, along an axis: those of windows up to 7."""
MAX_SPREAD = 1 << 26
"""Weights of a depthwise layer, spread out as those of a convolution."""


def diagonal(layer: golden.Layer, weights: np.ndarray, multiplier: int = 1) -> np.ndarray:
    """As golden's ``diagonal``; raises CompileFault where the weights are too many."""
    _check_spread(layer, weights.size * weights.shape[2] // multiplier)
    return dbb.diagonal(weights, multiplier)


def window_fields(layer: golden.Layer, source: Shape, output: Shape) -> dict | None:
    """The layer on the core, or None where it is of another kind; raises CompileFault where there
    is no way. An average pool without padding: the others are cut (``Strip``)."""
    match layer:
        case golden.AveragePool():
            fields = _pool(layer, source, output)
            multiplier, shift, bias = _reciprocal(int(np.prod(layer.kernel)))
            return fields | {
                "bias": np.full(source[2], bias), "magnitude": True, "source_zero_point": 0,
                "requantise": _spread(multiplier, shift, source[2], 0, layer.low, layer.high,
                                      Rounding.SINGLE)}
        case golden.RequantisedPool():
            count = int(np.prod(layer.kernel))
            return _window(layer, tuple(layer.kernel), tuple(layer.stride), (0, 0), output) | {
                "bias": np.full(source[2], -layer.source_zero_point * count),
                "source_zero_point": 0, "requantise": layer.requantise}
        case golden.MaxPool():
            fields = _pool(layer, source, output)
            if fields["opcode"] is not Opcode.WINDOW:
                raise CompileFault(f"layer {layer.name} ({layer.kind}): a window larger than "
                                   f"{WINDOW}x{WINDOW} must have an output of width 1, not "
                                   f"{output[1]}")
            return fields | _unchanged(source[2], -128, layer.low, layer.high) | {
                "bias": np.zeros(source[2], np.int32), "maximum": True}
        case golden.Mean():
            return _mean(layer, source, output)
        case golden.Rescale():
            r = layer.requantise
            return copying(source, layer.source_zero_point) | {
                "weights": np.full((1, 1, source[2]), 1 << layer.left_shift, np.int8),
                "requantise": _spread(r.multiplier[0], r.shift[0], source[2], r.zero_point, r.low,
                                      r.high, r.rounding)}
        case golden.Pad():
            return _pad(layer, source, output)
    return None


class Strip(NamedTuple):
    """Neighbouring outputs of a pool along an axis whose windows have one ``size`` inside the
    input: the first and their number, and the first window's place in the input."""

    first: int
    count: int
    start: int
    size: int

    def reach(self, stride: int) -> int:
        """Pixels under all windows."""
        return (self.count - 1) * stride + self.size


def strips(layer: golden.Layer, outputs: int, pixels: int, kernel: int, stride: int,
           padding: int) -> list[Strip]:
    """Along an axis, the fewest strips that cover all outputs; raises CompileFault where they are
    more than ``MAX_STRIPS``."""
    if outputs > LONGEST:
        raise CompileFault(f"layer {layer.name} ({layer.kind}): height and width of its result "
                           f"must be at most {LONGEST}, not {outputs}")
    found: list[Strip] = []
    for output in range(outputs):
        start = output * stride - padding
        end, start = min(start + kernel, pixels), max(start, 0)
        last = found[-1] if found else None
        if last and (last.size, last.start + last.count * stride) == (end - start, start):
            found[-1] = last._replace(count=last.count + 1)
        else:
            found.append(Strip(output, 1, start, end - start))
        if len(found) > MAX_STRIPS:
            raise CompileFault(f"layer {layer.name} ({layer.kind}): with padding, windows must be "
                               f"of at most {MAX_STRIPS} sizes along an axis; use a smaller "
                               "window, or padding VALID")
    return found


def copying(source: Shape, zero_point: int) -> dict:
    """A window of one pixel that hands every element on; padding writes ``zero_point``."""
    return {"opcode": Opcode.WINDOW, "output_shape": source, "kernel": (1, 1), "stride": (1, 1),
            "padding": (0, 0), "weights": np.ones((1, 1, source[2]), np.int8),
            "bias": np.zeros(source[2], np.int32)} | _unchanged(source[2], zero_point)


def placing(layer: golden.Layer, source: Shape, channels: np.ndarray, zero_point: int) -> dict:
    """A 1x1 layer of the engine whose output k is channel ``channels[k]``, or ``zero_point`` where
    that is negative."""
    _check_spread(layer, len(channels) * source[2])
    weights = (channels[:, np.newaxis] == np.arange(source[2])).astype(np.int8)
    count = len(channels)
    return copying((*source[:2], count), zero_point) | {
        "opcode": Opcode.MATRIX, "weights": weights.reshape(count, 1, 1, -1), "depthwise": True}


def _check_spread(layer: golden.Layer, size: int) -> None:
    if size > MAX_SPREAD:
        raise CompileFault(f"layer {layer.name} ({layer.kind}): on the engine it would need "
                           f"{size} weights, of which at most {MAX_SPREAD} are possible; use fewer "
                           "channels")


def _unchanged(channels: int, zero_point: int, low: int = -128, high: int = 127) -> dict:
    """Requantisation that leaves sums as they are: times 1 - 2**-31, rounded."""
    return {"source_zero_point": zero_point, "requantise": _spread(
        2**31 - 1, 0, channels, zero_point, low, high, Rounding.DOUBLE)}


def _spread(multiplier: int, shift: int, channels: int, zero_point: int, low: int, high: int,
            rounding: Rounding) -> Requantise:
    """One multiplier and shift for all channels."""
    return Requantise(np.full(channels, multiplier, np.int32), np.full(channels, shift, np.int32),
                      zero_point, low, high, rounding)


def _window(layer: golden.Layer, kernel: tuple[int, int], stride: tuple[int, int],
            padding: tuple[int, int], output: Shape, weight: int = 1) -> dict:
    """Equal weights under a window: that of the vector unit, which slides, or covers a single
    column of outputs in threes; of any other shape, on the engine."""
    channels = output[2]
    # Where an axis has one output, nothing is strided over.
    stride = tuple(1 if size == 1 else step
                   for size, step in zip(output[:2], stride, strict=True))
    if max(stride) > 2:
        raise CompileFault(f"layer {layer.name} ({layer.kind}): stride must be 1 or 2, not "
                           f"{max(stride)}")
    if max(kernel) > LARGEST:
        raise CompileFault(f"layer {layer.name} ({layer.kind}): windows must be at most "
                           f"{LARGEST}x{LARGEST}, not {kernel[0]}x{kernel[1]}")
    sliding = max(kernel) <= WINDOW
    fields = {"output_shape": output, "kernel": kernel, "stride": stride, "padding": padding}
    if sliding or output[1] == 1:
        weights = np.full((*(min(k, WINDOW) for k in kernel), channels), weight, np.int8)
        return fields | {"opcode": Opcode.WINDOW, "sliding": sliding, "weights": weights}
    weights = diagonal(layer, np.broadcast_to(np.int8(weight), (*kernel, channels)))
    return fields | {"opcode": Opcode.MATRIX, "depthwise": True, "weights": weights}


def _pool(layer: golden.AveragePool | golden.MaxPool, source: Shape, output: Shape) -> dict:
    return _window(layer, tuple(layer.kernel), tuple(layer.stride),
                   (layer.padding[0], layer.padding[2]), output)


def _mean(layer: golden.Mean, source: Shape, output: Shape) -> dict:
    """Raw sums; the zero point of as many elements is in the bias."""
    kernel = tuple(full if kept == 1 else 1
                   for full, kept in zip(source[:2], output[:2], strict=True))
    r, count = layer.requantise, int(np.prod(kernel)) << layer.left_shift
    return _window(layer, kernel, (1, 1), (0, 0), output, 1 << layer.left_shift) | {
        "bias": np.full(source[2], -layer.source_zero_point * count), "source_zero_point": 0,
        "requantise": _spread(r.multiplier[0], r.shift[0], source[2], r.zero_point, r.low, r.high,
                              r.rounding)}


def _pad(layer: golden.Pad, source: Shape, output: Shape) -> dict:
    (top, _), (left, _), (before, after) = (*[(0, 0)] * 3, *layer.padding[1:])[-3:]
    fields = copying(source, layer.value)
    if before or after:
        fields = placing(layer, source, np.pad(np.arange(source[2]), (before, after),
                                        constant_values=-1), layer.value)
    return fields | {"output_shape": output, "padding": (top, left)}


def _reciprocal(count: int) -> tuple[int, int, int]:
    """Multiplier, shift and bias: ``(v + bias) * multiplier >> (31 + shift)`` rounds ``v / count``.

    Half away from zero, exact for ``0 <= v <= 128 * count``: for ``count`` up to ``LARGEST ** 2``
    what the multiplier is too large by adds less than ``1 / count`` to any quotient.
    """
    if count == 1:  # a multiplier of 1 has no Q31; the largest one gives v for v + 1
        return 2**31 - 1, 0, 1
    shift = (count - 1).bit_length() - 1
    return -(-(1 << (31 + shift)) // count), shift, count // 2
