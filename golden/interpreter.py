# SPDX-License-Identifier: Apache-2.0
"""The integer interpreter: runs a network and keeps every operator's tensor."""

from collections.abc import Callable, Mapping

import numpy as np

from . import network as graph
from . import ops
from .softmax import softmax

__all__ = ["Operator", "run"]

BATCH = 64

Operator = Callable[[np.ndarray, int], np.ndarray]
"""From a layer's source [N, ...] and the number of its first input to the output [N, ...]."""


def run(network: graph.Network, inputs: np.ndarray,
        operators: Mapping[int, Operator] | None = None) -> dict[int, np.ndarray]:
    """Every operator's output for int8 ``inputs`` [N, ...], by tensor index, each [N, ...].

    ``inputs`` are N of the network's only input, without its batch dimension. ``operators``: what
    computes layers of one source, by output tensor, in place of ``ops``. TypeError where inputs
    are not int8, ValueError where their shape is another.
    """
    if len(network.inputs) != 1:
        raise ValueError(f"Network must have one input, not {len(network.inputs)!r}")
    source = network.tensors[network.inputs[0]]
    inputs = np.asarray(inputs)
    if inputs.dtype != np.int8:
        raise TypeError(f"Inputs must be int8, not {str(inputs.dtype)!r}")
    if inputs.shape[1:] != source.shape[1:] or not len(inputs):
        raise ValueError(f"Inputs must be of shape [N, {', '.join(map(str, source.shape[1:]))}] "
                         f"with N at least 1, not {inputs.shape!r}")
    parts = [_run(network, inputs[first:first + BATCH], operators or {}, first)
             for first in range(0, len(inputs), BATCH)]
    return {index: np.concatenate([part[index] for part in parts]) for index in parts[0]}


def _run(network: graph.Network, inputs: np.ndarray, operators: Mapping[int, Operator],
         first: int) -> dict[int, np.ndarray]:
    tensors = {network.inputs[0]: inputs}
    for layer in network.layers:
        sources = [tensors[index] for index in layer.sources]
        if layer.output in operators:
            result = operators[layer.output](sources[0], first)
        else:
            result = _apply(layer, sources)
        tensors[layer.output] = result.reshape(
            len(inputs), *network.tensors[layer.output].shape[1:])
    del tensors[network.inputs[0]]
    return tensors


def _apply(layer: graph.Layer, sources: list[np.ndarray]) -> np.ndarray:
    match layer:
        case graph.Convolution():
            return ops.convolution(sources[0], layer)
        case graph.DepthwiseConvolution():
            return ops.depthwise_convolution(sources[0], layer)
        case graph.FullyConnected():
            return ops.fully_connected(sources[0], layer)
        case graph.AveragePool():
            return ops.average_pool(sources[0], layer)
        case graph.RequantisedPool():
            return ops.requantised_pool(sources[0], layer)
        case graph.MaxPool():
            return ops.max_pool(sources[0], layer)
        case graph.Mean():
            return ops.mean(sources[0], layer)
        case graph.Rescale():
            return ops.rescale(sources[0], layer)
        case graph.Pad():
            return ops.pad(sources[0], layer)
        case graph.Concatenation():
            return ops.concatenation(sources, layer)
        case graph.Add():
            return ops.add(sources[0], sources[1], layer)
        case graph.Reshape():
            return sources[0]
        case graph.Softmax():
            return softmax(sources[0], multiplier=layer.multiplier, left_shift=layer.left_shift,
                           reach=layer.reach)
    raise TypeError(f"Layer must be one that golden knows, not {type(layer).__name__!r}")
