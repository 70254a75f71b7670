# SPDX-License-Identifier: Apache-2.0
"""What operators of several kinds have: windows, scales of accumulators."""

import numpy as np

from ....golden.numerics import Requantise, Rounding
from . import mlas
from .context import Context
from .graph import Node
from .mlas import Scaling

__all__ = ["geometry", "requantise"]


def geometry(context: Context, node: Node, sizes: tuple[int, int], kernel: tuple[int, int]):
    """(stride, padding as top, bottom, left, right) of a window."""
    attributes = node.attributes
    stride = tuple(attributes.get("strides", (1, 1)))
    if len(stride) != 2 or min(stride) < 1:
        raise context.fault(f"strides must be two of at least 1, not {list(stride)}")
    if any(step != 1 for step in attributes.get("dilations", (1, 1))):
        raise context.fault("dilations must be 1; spread the kernel with zeros instead")
    mode = attributes.get("auto_pad", "NOTSET")
    if attributes.get("ceil_mode", 0):
        raise context.fault("ceil_mode must be 0; pad the input instead")
    match mode:
        case "NOTSET":
            begin_y, begin_x, end_y, end_x = attributes.get("pads", (0, 0, 0, 0))
            padding = (begin_y, end_y, begin_x, end_x)
        case "VALID":
            padding = (0, 0, 0, 0)
        case "SAME_UPPER" | "SAME_LOWER":
            parts: list[int] = []
            for size, k, s in zip(sizes, kernel, stride, strict=True):
                total = max((-(-size // s) - 1) * s + k - size, 0)
                less, more = total // 2, total - total // 2
                parts += [less, more] if mode == "SAME_UPPER" else [more, less]
            padding = tuple(parts)
        case _:
            raise context.fault(f"auto_pad must be NOTSET, VALID, SAME_UPPER or SAME_LOWER, not "
                                f"{mode!r}")
    if min(padding) < 0 or max(padding) > 255 or any(
            size + before + after < k for size, before, after, k in zip(
                sizes, padding[::2], padding[1::2], kernel, strict=True)):
        raise context.fault(f"pads must be 0 ... 255 and the kernel of {kernel[0]}x{kernel[1]} "
                            f"must fit the input of {sizes[0]}x{sizes[1]}")
    return stride, padding


def requantise(context: Context, scales: np.ndarray | np.float32, output: Scaling,
                channels: int) -> Requantise:
    try:
        multiplier, shift = mlas.scale_parameters(scales)
    except ValueError as error:
        raise context.fault(f"scale of its input times that of its weights, over that of its "
                            f"output, must be {error}") from None
    one = np.ones(channels, np.int32)
    return Requantise(one * multiplier, one * shift, output.zero_point, -128, 127, Rounding.FLOAT)
