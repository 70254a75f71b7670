# SPDX-License-Identifier: Apache-2.0
"""A network whose inputs come less their zero point.

Operands of a layer with a zero point other than -128 are raw bytes, and the zero point's share of
the sum is taken off by the bias. An array whose weights are not exact multiplies that share by
their error: with the zero point 83 of a keyword-spotting network, and features that stay within 20
of it, that is most of the first layer's noise. A host can write features centred instead.
"""

from dataclasses import replace

import numpy as np

from ...golden.cim.layers import ON_ARRAY
from ...golden.network import Network

__all__ = ["centre", "centred"]

_ZERO_IS_LOWEST = -128


def centred(network: Network) -> Network:
    """``network`` for inputs that ``centre`` gives; itself where their zero point is 0 or -128,
    which costs nothing. Raises ValueError where layers without weights read the input."""
    (index,) = network.inputs
    source = network.tensors[index]
    if source.zero_point in (0, _ZERO_IS_LOWEST):
        return network
    layers = []
    for layer in network.layers:
        if index in layer.sources:
            if not isinstance(layer, ON_ARRAY):
                raise ValueError(f"Layer {layer.name} ({layer.kind}) must have weights to read an "
                                 "input less its zero point")
            layer = replace(layer, source_zero_point=0)
        layers.append(layer)
    return replace(network, layers=tuple(layers),
                   tensors=network.tensors | {index: replace(source, zero_point=0)})


def centre(values: np.ndarray, network: Network) -> np.ndarray:
    """Inputs int8 of ``network`` less their zero point, within int8, for ``centred(network)``."""
    zero_point = network.tensors[network.inputs[0]].zero_point
    if zero_point == _ZERO_IS_LOWEST:
        return values
    return np.clip(values.astype(np.int16) - zero_point, -128, 127).astype(np.int8)
