# SPDX-License-Identifier: Apache-2.0
"""All layers with weights below each other on one tall array.

Where a layer lies plays no part in its accuracy; into how many row tiles it is cut does.
"""

from ...golden.cim.conversion import CELL_STEPS
from ...golden.cim.layers import array_layer
from ...golden.cim.mapping import ArrayShape, LayerMapping, TilePlace
from ...golden.network import Convolution, DepthwiseConvolution, FullyConnected, Network

__all__ = ["ON_ARRAY", "lay_apart", "pcm_scale"]

ON_ARRAY = (Convolution, DepthwiseConvolution, FullyConnected)
"""Layers that an array can take."""


def lay_apart(network: Network, *, rows: int = 1024, adcs: int = 1024, mux: int = 1,
              adjacent: bool = False, depthwise: bool = True,
              **fields) -> tuple[ArrayShape, dict[int, LayerMapping]]:
    """An array and the mappings of its layers, by output tensor: those with weights.

    ``depthwise`` ones lie there densely, or not at all. Row tiles have at most ``rows`` rows,
    phases at most ``adcs`` ADCs; ``mux`` columns share one. ``fields``: bits, gain and scale of
    every ``LayerMapping``.
    """
    row, mappings, most = 0, {}, 8
    for layer in network.layers:
        if not isinstance(layer, ON_ARRAY) or (
                isinstance(layer, DepthwiseConvolution) and not depthwise):
            continue
        seen = array_layer(network, layer)
        channels = len(seen.weights)
        used = min(adcs, channels)
        tiles = []
        for first in range(0, seen.rows, rows):
            height = min(rows, seen.rows - first)
            tiles.append(TilePlace(row=row, height=height, adc=0, phase=0))
            row += height
        mappings[layer.output] = LayerMapping(
            tiles=tuple(tiles), channels=channels, adcs=used, phases=-(-channels // used), **fields)
        most = max(most, used)
    shape = ArrayShape(rows=-(-row // 8) * 8, columns=-(-most // 8) * 8 * mux, mux=mux,
                       adjacent=adjacent)
    return shape, mappings


def pcm_scale(adc_shift: int, activation_bits: int = 8) -> dict[str, int]:
    """Fields of a ``LayerMapping`` by which codes of PCM count in the weights' own unit:
    ``code * 2**adc_shift / CELL_STEPS * 2**(8 - activation_bits)``, the scale with as many bits as
    it can have, so that the drift compensation that multiplies it is not rounded away."""
    exponent = adc_shift - (CELL_STEPS.bit_length() - 1) + 8 - activation_bits
    shift = max(15 - exponent, 0)
    return {"activation_bits": activation_bits, "adc_shift": adc_shift,
            "scale": 1 << exponent + shift, "scale_shift": shift}
