# SPDX-License-Identifier: Apache-2.0
"""A network in two: the operators of the front end, and what is left to the core."""

from collections.abc import Iterator
from dataclasses import fields, replace

import numpy as np

from ...golden.network import Layer, Network
from ..compile.fault import CompileFault

__all__ = ["check_same", "handed_off", "remainder"]


def handed_off(network: Network, count: int) -> int:
    """The tensor between the first ``count`` operators and the others; of none, the input."""
    return network.layers[count - 1].output if count else network.inputs[0]


def remainder(network: Network, count: int) -> Network:
    """What of ``network`` comes after its first ``count`` operators, reading their last tensor.

    Raises CompileFault where nothing is left, or where something reads another of their tensors.
    """
    if len(network.inputs) != 1:
        raise CompileFault(f"{network.name}: a network with a front end must have one input, not "
                           f"{len(network.inputs)}")
    if count >= len(network.layers):
        raise CompileFault(f"front_end.layers must leave operators to the core: {network.name} has "
                           f"{len(network.layers)}, of which the last is "
                           f"{len(network.layers) - 1}, not {count - 1}")
    if not count:
        return network
    fixed = {network.inputs[0]: "the network's input"} | {
        layer.output: f"the tensor of {layer.name} ({layer.kind})"
        for layer in network.layers[:count]}
    handed = handed_off(network, count)
    for layer in network.layers[count:]:
        for source in layer.sources:
            if source in fixed and source != handed:
                raise CompileFault(
                    f"layer {layer.name} ({layer.kind}) reads {fixed[source]}, which stays inside "
                    f"the front end: only the last tensor of front_end.layers is handed off; end "
                    "them before the one, or behind the other")
    for output in network.outputs:
        if output in fixed:
            raise CompileFault(f"front_end.layers must end before the network's output, "
                               f"{fixed[output]}")
    return replace(network, layers=network.layers[count:], inputs=(handed,))


def check_same(network: Network, fixed: Network, count: int) -> None:
    """Raises CompileFault where the first ``count`` operators of ``network`` are not those of
    ``fixed``: a back end may be trained again, but not the front end."""
    pairs = zip(_described(network, count), _described(fixed, count), strict=False)
    for index, ((layer, ours), (other, theirs)) in enumerate(pairs):
        if not _equal(ours, theirs):
            raise CompileFault(
                f"layer {layer.name} ({layer.kind}) must be as in front_end.network, where it is "
                f"{other.name} ({other.kind}): operator {index} of {network.name} differs, and "
                f"operators 0..{count - 1} are fixed in hardware")


def _described(network: Network, count: int) -> Iterator[tuple[Layer, dict]]:
    """The first operators, each with all that changes its result; tensors by their order."""
    places = {network.inputs[0]: 0}
    first = network.tensors[network.inputs[0]]
    for index, layer in enumerate(network.layers[:count]):
        places[layer.output] = index + 1
        known = {field.name: getattr(layer, field.name) for field in fields(layer)
                 if field.name not in ("name", "sources", "output")}
        yield layer, known | {"sources": [places.get(source) for source in layer.sources],
                              "type": type(layer).__name__,
                              "input": first.shape if not index else None}


def _equal(ours: object, theirs: object) -> bool:
    """Equality of plain data, arrays and dataclasses of arrays."""
    if type(ours) is not type(theirs):
        return False
    if isinstance(ours, np.ndarray):
        return np.array_equal(ours, theirs)
    if isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(_equal(ours[k], theirs[k]) for k in ours)
    if hasattr(ours, "__dataclass_fields__"):
        return all(_equal(getattr(ours, field.name), getattr(theirs, field.name))
                   for field in fields(ours))
    return bool(ours == theirs)
