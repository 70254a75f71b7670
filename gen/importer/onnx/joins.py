# SPDX-License-Identifier: Apache-2.0
"""Operators that put tensors together, or values around one."""

import numpy as np

from ....golden import network as golden
from .context import Context, activation
from .elementwise import rescaled
from .graph import Node, printable
from .mlas import Scaling
from .values import Activation, Pending, RealConstant, Value

__all__ = ["concat", "pad"]

MAX_PADDING = 255


def _plain(context: Context, source: Activation) -> None:
    """Its golden axes are the model's, or those of an image with its channels first."""
    if (len(source.shape) == 4) != (source.image is not None):
        raise context.fault("it must read images with channels first, or vectors that are no "
                            "flattened images")


def _channels_last(values: list, rank: int) -> list:
    """What belongs to the model's axes, by golden's."""
    return [values[axis] for axis in (0, 2, 3, 1)] if rank == 4 else values


def concat(context: Context, node: Node, operands: list[Value]) -> Pending:
    sources = [activation(context, operands, position) for position in range(len(operands))]
    first = sources[0]
    rank = len(first.shape)
    for source in sources:
        _plain(context, source)
        if source.scaling.unsigned != first.scaling.unsigned:
            raise context.fault("its operands must all be int8, or all uint8")
    axis = int(node.attributes.get("axis", 0))
    if not -rank <= axis < rank or axis % rank == 0:
        raise context.fault(f"axis must be 1 ... {rank - 1}, not {axis}")
    axis = _channels_last(list(range(rank)), rank).index(axis % rank)
    rests = {source.shape[:axis] + source.shape[axis + 1:] for source in sources}
    if len(rests) > 1 or {len(source.shape) for source in sources} != {rank}:
        raise context.fault("its operands must have one shape but along its axis, not "
                            + " and ".join(str(list(source.model_shape)) for source in sources))
    shape = (*first.shape[:axis], sum(source.shape[axis] for source in sources),
             *first.shape[axis + 1:])

    def build(output: Scaling, common: dict) -> golden.Layer:
        name = printable(node.name or node.outputs[0])
        parts: dict[int, int] = {}
        for position, source in enumerate(sources):
            if source.index not in parts:
                parts[source.index] = rescaled(
                    context, f"{name} (operand {position})", source, output).index
        return golden.Concatenation(
            **common, sources=tuple(parts[source.index] for source in sources), axis=axis)

    return Pending(node, "CONCATENATION", shape, shape[1:] if rank == 4 else None,
                   first.scaling.unsigned, build)


def pad(context: Context, node: Node, operands: list[Value]) -> Pending:
    source = activation(context, operands)
    _plain(context, source)
    rank = len(source.shape)
    mode = node.attributes.get("mode", "constant")
    amounts = operands[1] if len(operands) > 1 else np.array(node.attributes.get("pads", ()))
    if mode != "constant" or len(operands) > 3 and operands[3] is not None:
        raise context.fault(f"mode must be constant, without axes, not {mode!r}; let the following "
                            "convolution pad")
    if not isinstance(amounts, np.ndarray) or amounts.size != 2 * rank:
        raise context.fault(f"pads must be {2 * rank} constants")
    pairs = amounts.reshape(2, rank).T.tolist()
    if min(map(min, pairs)) < 0 or max(map(max, pairs)) > MAX_PADDING or any(pairs[0]):
        raise context.fault(f"pads must be 0 ... {MAX_PADDING}, of the batch 0, not "
                            f"{amounts.reshape(-1).tolist()}")
    value = _padded_value(context, node, operands)
    padding = tuple((int(before), int(after)) for before, after in _channels_last(pairs, rank))
    shape = tuple(size + before + after
                  for size, (before, after) in zip(source.shape, padding, strict=True))

    def build(output: Scaling, common: dict) -> golden.Layer:
        if output != source.scaling:
            raise context.fault("input and output must have the same scale and zero point; "
                                "quantise both with one scale")
        quantised = np.rint(np.float64(value / output.scale)) + output.zero_point
        return golden.Pad(**common, sources=(source.index,), padding=padding,
                          value=int(np.clip(quantised, -128, 127)))

    return Pending(node, "PAD", shape, shape[1:] if rank == 4 else None, source.scaling.unsigned,
                   build)


def _padded_value(context: Context, node: Node, operands: list[Value]) -> np.float32:
    value = operands[2] if len(operands) > 2 else None
    if isinstance(value, RealConstant):
        value = (value.values - value.zero_points).astype(np.float32) * value.scales
    if value is None:
        value = np.float32([node.attributes.get("value", 0)])
    if not isinstance(value, np.ndarray) or value.size != 1 or np.isnan(value).any():
        raise context.fault("the value around it must be one constant number")
    return np.float32(value.reshape(()))
