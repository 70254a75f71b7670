# SPDX-License-Identifier: Apache-2.0
"""Layers below each other on a tall array, cut into row tiles and phases: for tests."""

from systolith.golden.cim.layers import array_layer
from systolith.golden.cim.mapping import ArrayShape, LayerMapping, TilePlace
from systolith.golden.network import Convolution, DepthwiseConvolution, FullyConnected

ON_ARRAY = (Convolution, DepthwiseConvolution, FullyConnected)


def stack(network, *, tile_rows=10**6, adcs=None, mux=4, adjacent=False, **fields):
    """An array and the mappings of all layers with weights: row tiles of at most ``tile_rows``,
    phases of at most ``adcs`` ADCs; ``fields`` of every ``LayerMapping``."""
    row, mappings, most = 0, {}, 8
    for layer in network.layers:
        if not isinstance(layer, ON_ARRAY):
            continue
        seen = array_layer(network, layer)
        channels = len(seen.weights)
        used = min(adcs or channels, channels)
        tiles = []
        for first in range(0, seen.rows, tile_rows):
            height = min(tile_rows, seen.rows - first)
            tiles.append(TilePlace(row=row, height=height, adc=0, phase=0))
            row += height
        mappings[layer.output] = LayerMapping(
            tiles=tuple(tiles), channels=channels, adcs=used, phases=-(-channels // used), **fields)
        most = max(most, used)
    shape = ArrayShape(rows=-(-row // 8) * 8, columns=-(-most // 8) * 8 * mux, mux=mux,
                       adjacent=adjacent)
    return shape, mappings
