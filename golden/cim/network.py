# SPDX-License-Identifier: Apache-2.0
"""A network with some of its layers on a compute-in-memory array, everything else as golden has it.

Layer after layer (AnalogNets and AON-CiM, section 2): of a layer's pixels, in raster order, each
row tile is converted in all its phases; codes become integers by the digital scale, are added up
over row tiles, and get bias and requantisation as everywhere.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np

from .. import interpreter
from .. import network as graph
from ..numerics import requantise
from .layers import ArrayLayer, array_layer, check_mapping, tile_columns
from .macros import Macro
from .mapping import ArrayShape, LayerMapping
from .quantisers import GDC_ONE, dac, digital_scale, effective_scale

__all__ = ["array_layers", "conversions", "run"]


def array_layers(network: graph.Network, outputs: Mapping[int, object]) -> dict[int, ArrayLayer]:
    """The layers of ``network`` whose output tensors are among ``outputs``, in order."""
    layers = {layer.output: array_layer(network, layer) for layer in network.layers
              if layer.output in outputs}
    for missing in set(outputs) - set(layers):
        raise ValueError(f"Tensor {missing} must be the output of a layer of {network.name}")
    return layers


def conversions(layers: Mapping[int, ArrayLayer], mappings: Mapping[int, LayerMapping]) -> int:
    """Conversions of an inference."""
    return sum(layer.pixels * mappings[index].conversions for index, layer in layers.items())


def run(network: graph.Network, inputs: np.ndarray, mappings: Mapping[int, LayerMapping],
        shape: ArrayShape, macro: Macro, *, gdc: int = GDC_ONE,
        count: int = 0) -> tuple[dict[int, np.ndarray], int]:
    """Every operator's output, as ``interpreter.run`` returns them, and the conversions after it.

    ``mappings``: of the layers on the array, by output tensor; ``gdc``: the register of drift
    compensation, ``GDC_ONE`` = 1.0; ``count``: conversions since reset before the first input,
    which tell noise apart. Raises ValueError where a mapping does not fit its layer.
    """
    layers = array_layers(network, mappings)
    every = conversions(layers, mappings)
    operators, before = {}, count
    for index, layer in layers.items():
        check_mapping(layer, mappings[index])
        operators[index] = partial(_convert, layer, mappings[index], shape, macro, gdc, before,
                                   every)
        before += layer.pixels * mappings[index].conversions
    tensors = interpreter.run(network, inputs, operators)
    return tensors, (count + len(inputs) * every) % (1 << 32)


def _convert(layer: ArrayLayer, mapping: LayerMapping, shape: ArrayShape, macro: Macro, gdc: int,
             before: int, every: int, x: np.ndarray, first: int) -> np.ndarray:
    """A layer on the array, of inputs from number ``first`` on; ``before``: conversions ahead of
    its first in input 0, of ``every`` in an input."""
    driven = dac(layer.operands(x), mapping.activation_bits, signed=layer.signed)
    flat = driven.reshape(-1, layer.rows)
    pixel = np.arange(layer.pixels) * mapping.conversions
    counts = (before + (first + np.arange(len(x)))[:, np.newaxis] * every + pixel).ravel()
    factor = effective_scale(mapping.scale, gdc)
    total = np.zeros((len(flat), mapping.channels), np.int64)
    for number, (tile, (top, bottom)) in enumerate(zip(mapping.tiles, mapping.cuts, strict=True)):
        columns = tile_columns(mapping, tile, shape)
        rows = slice(tile.row, tile.row + tile.height)
        for phase in range(mapping.phases):
            part = slice(phase * mapping.adcs, (phase + 1) * mapping.adcs)
            codes = macro.convert(flat[:, top:bottom], rows, columns[part],
                                  counts + number * mapping.phases + phase, mapping,
                                  layer.signed)
            total[:, part] += digital_scale(codes, factor, mapping.scale_shift)
    return requantise((total + layer.folded_bias).reshape(len(x), layer.pixels, -1),
                      layer.requantise)
