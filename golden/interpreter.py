# SPDX-License-Identifier: Apache-2.0
"""The integer interpreter: runs a network and keeps every operator's tensor."""

import numpy as np

from . import network as graph
from . import ops

__all__ = ["run"]


def run(network: graph.Network, inputs: np.ndarray) -> dict[int, np.ndarray]:
    """Every operator's output for int8 ``inputs`` [N, ...], by tensor index, each [N, ...]."""
    tensors = {network.inputs[0]: np.asarray(inputs, np.int8)}
    for layer in network.layers:
        sources = [tensors[index] for index in layer.sources]
        tensors[layer.output] = _apply(layer, sources).reshape(
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
        case graph.Add():
            return ops.add(*sources, layer)
        case graph.Reshape():
            return sources[0]
        case graph.Softmax():
            return ops.softmax(sources[0], layer)
    raise TypeError(f"Layer must be one that golden knows, not {type(layer).__name__}")
