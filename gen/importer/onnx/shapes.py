# SPDX-License-Identifier: Apache-2.0
"""Operators that give the same values another shape."""

import numpy as np

from ....golden import network as golden
from .context import Context, activation
from .graph import Node, printable
from .values import Activation, Real, Value

__all__ = ["reshape", "transpose"]


def reshape(context: Context, node: Node, operands: list[Value]) -> Real:
    source = activation(context, operands)
    before = source.model_shape
    count = int(np.prod(before))
    match node.kind:
        case "Flatten":
            if node.attributes.get("axis", 1) != 1:
                raise context.fault("axis must be 1")
            after = (1, count)
        case "Reshape":
            wanted = operands[1]
            if not isinstance(wanted, np.ndarray) or wanted.ndim != 1 or wanted.size > 6:
                raise context.fault("its shape must be a constant")
            sizes = [before[at] if size == 0 and at < len(before) else int(size)
                     for at, size in enumerate(wanted.tolist())]
            known = int(np.prod([float(size) for size in sizes if size > 0]))
            after = tuple(count // max(known, 1) if size == -1 else size for size in sizes)
        case _:  # Squeeze and Unsqueeze, of sizes of 1
            after = (1, count) if node.kind == "Squeeze" else (1, count, 1, 1)
            if node.kind == "Squeeze" and before[1:].count(1) < len(before) - 2:
                raise context.fault("it must leave one size besides the batch")
            if node.kind == "Unsqueeze" and (len(before) != 2 or sorted(
                    _axes(context, node, operands)) != [2, 3]):
                raise context.fault("it must make [1, C] into [1, C, 1, 1]")
    if len(after) not in (2, 4) or after[0] != 1 or int(np.prod(
            [float(size) for size in after])) != count or min(after) < 1:
        raise context.fault(f"shape {list(before)} must become [1, K] or [1, C, H, W], not "
                            f"{list(after)}")
    if len(after) == 2:
        image = source.image if source.image and min(
            source.image[2], source.image[0] * source.image[1]) > 1 else None
        return _viewed(context, node, source, after, image)
    channels, height, width = after[1:]
    image = (height, width, channels)
    if source.image not in (None, image) or (
            source.image is None and channels > 1 and height * width > 1):
        raise context.fault(f"shape {list(before)} must not become {list(after)}: its values would "
                            "change places")
    return _viewed(context, node, source, (1, *image), image)


def _axes(context: Context, node: Node, operands: list[Value]) -> list[int]:
    axes = operands[1] if len(operands) > 1 else np.array(node.attributes.get("axes", ()))
    if not isinstance(axes, np.ndarray):
        raise context.fault("its axes must be constants")
    return [int(axis) + 4 * (axis < 0) for axis in axes.reshape(-1)]


def transpose(context: Context, node: Node, operands: list[Value]) -> Real:
    source = activation(context, operands)
    order = node.attributes.get("perm")
    if len(source.shape) == 4:
        if order == (0, 3, 1, 2) and source.image is None:
            return _viewed(context, node, source, source.shape, source.shape[1:])
        if order == (0, 2, 3, 1) and source.image is not None:
            return _viewed(context, node, source, source.shape, None)
    raise context.fault(f"it may only move an image's channels first, after the input, or last; "
                        f"not perm {list(order or ())} of {list(source.model_shape)}")


def _viewed(context: Context, node: Node, source: Activation, shape: tuple[int, ...],
            image: tuple[int, int, int] | None) -> Real:
    """The same bytes under another shape."""
    result = context.tensor(node.outputs[0], shape, source.scaling, image)
    context.layer(golden.Reshape(printable(node.name or node.outputs[0]), "RESHAPE",
                                 (source.index,), result.index, shape))
    return Real(result)
