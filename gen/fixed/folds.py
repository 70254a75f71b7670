# SPDX-License-Identifier: Apache-2.0
"""How often layers may be folded without making frames slower."""

from ...golden.network import Network
from ...rtl.fixed.parameters import FrontEndParameters, LayerParameters, MaximumParameters

__all__ = ["balanced_folds"]


def balanced_folds(network: Network, parameters: FrontEndParameters,
                   interval: int | None = None) -> dict[int, int]:
    """The most cycles a pixel for each layer of ``network`` in ``parameters``, unfolded, with which
    a frame still takes ``interval`` cycles at most: by default, as many as it has pixels.

    A row of windows takes a cycle for each column of the frame, and for each of its windows the
    further phases. Layers that are not to be folded, or cannot be, are left out.
    """
    if interval is None:
        interval = parameters.in_shape[0] * parameters.in_shape[1]
    numbers = {layer.output: number for number, layer in enumerate(network.layers)}
    found = {}
    for layer in parameters.layers:
        channels = layer.out_shape[2]
        most = min(_phases(layer, interval), channels)
        if most > 1:
            lanes = -(-channels // most)
            phases = -(-channels // lanes)
            if phases > 1:
                found[numbers[layer.tensor]] = phases
    return found


def _phases(layer: LayerParameters, interval: int) -> int:
    """Cycles a window, at most."""
    if isinstance(layer.operation, MaximumParameters) or len(layer.sources) > 1:
        return 1
    rows, columns, _ = layer.out_shape
    if layer.total_of:
        return interval - layer.total_of
    if layer.window is None:
        return interval // (rows * columns)
    return (interval // rows - layer.window.width) // columns + 1
