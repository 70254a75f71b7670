# SPDX-License-Identifier: Apache-2.0
"""All layers with weights below each other on one tall array.

Where a layer lies plays no part in its accuracy; into how many row tiles it is cut does.
"""

from ...golden.cim.conversion import CELL_STEPS
from ...golden.cim.layers import ON_ARRAY, array_layer
from ...golden.cim.mapping import ArrayShape, LayerMapping, TilePlace
from ...golden.network import DepthwiseConvolution, Network
from ...rtl.cim.fields import SCALE_BITS

__all__ = ["lay_apart", "pcm_scale"]


def lay_apart(network: Network, *, rows: int = 1024, adcs: int = 1024, adjacent: bool = False,
              depthwise: bool = True, **fields) -> tuple[ArrayShape, dict[int, LayerMapping]]:
    """An array and the mappings of its layers, by output tensor: those with weights.

    ``depthwise`` ones lie there densely, or not at all. Row tiles have at most ``rows`` rows,
    phases at most ``adcs`` ADCs, which as many columns share as there are phases. ``fields``: bits,
    gain and scale of every ``LayerMapping``.
    """
    row, mux, most, mappings = 0, 1, 8, {}
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
        phases = -(-channels // used)
        mappings[layer.output] = LayerMapping(
            tiles=tuple(tiles), channels=channels, adcs=used, phases=phases, **fields)
        mux, most = max(mux, phases), max(most, used)
    shape = ArrayShape(rows=-(-row // 8) * 8, columns=-(-most // 8) * 8 * mux, mux=mux,
                       adjacent=adjacent)
    return shape, mappings


def pcm_scale(adc_shift: int, activation_bits: int = 8) -> dict[str, int]:
    """Fields of a ``LayerMapping`` by which codes of PCM count in the weights' own unit:
    ``code * 2**adc_shift / CELL_STEPS * 2**(8 - activation_bits)``, the scale with as many bits as
    it can have, so that the drift compensation that multiplies it is not rounded away. Raises
    ValueError where a code's weight would be more than 2**15."""
    exponent = adc_shift - (CELL_STEPS.bit_length() - 1) + 8 - activation_bits
    top = SCALE_BITS - 1
    if exponent > top:
        raise ValueError(f"ADC shift must be at most {adc_shift - exponent + top} at "
                         f"{activation_bits} bits of activations, not {adc_shift!r}")
    return {"activation_bits": activation_bits, "adc_shift": adc_shift, "scale": 1 << top,
            "scale_shift": top - exponent}
