# SPDX-License-Identifier: Apache-2.0
"""Weights on their way into the array: words of eight neighbouring columns, each with its place."""

from collections.abc import Iterable, Mapping

import numpy as np

from ....golden.cim.layers import tile_columns
from ....rtl.cim.contract import WRITE_WEIGHTS, MacroParameters
from ....rtl.cim.fields import SPOTS, CimFields
from ....rtl.sequencer.descriptor import Descriptor
from ..lower import LoweredLayer
from .plan import ArrayPlan, cell_matrix, shape_of

__all__ = ["array_fields", "array_words", "cell_words", "load_words", "pair_places"]

GROUP_SHIFT = 16
"""Of the group in a pair's first word, above the row."""


def cell_words(layers: Iterable[tuple[LoweredLayer, ArrayPlan]],
               macro: MacroParameters) -> tuple[np.ndarray, np.ndarray]:
    """What the array holds with all weights of ``layers``, int8 [rows, columns], and which words of
    eight neighbouring columns any of them is in, bool [rows, columns / 8]."""
    cells = np.zeros((macro.rows, macro.columns), np.int8)
    used = np.zeros(cells.shape, bool)
    for layer, plan in layers:
        matrix, mapping = cell_matrix(layer, plan), plan.mapping
        for tile, (first, end) in zip(mapping.tiles, mapping.cuts, strict=True):
            spot = np.ix_(np.arange(tile.row, tile.row + tile.height),
                          tile_columns(mapping, tile, shape_of(macro)))
            assert not used[spot].any()  # the mapper's promise
            cells[spot], used[spot] = matrix[first:end], True
    return cells, used.reshape(macro.rows, -1, WRITE_WEIGHTS).any(-1)


def array_words(layers: Iterable[tuple[LoweredLayer, ArrayPlan]],
                macro: MacroParameters) -> np.ndarray:
    """Pairs of words of all that ``layers`` have in the array, uint64 [pairs, 2]: row (bits 15:0)
    and group of columns (bits 31:16), then eight weights; row by row."""
    cells, used = cell_words(layers, macro)
    row, group = np.nonzero(used)
    pairs = np.empty((len(row), 2), np.uint64)  # of int64 and uint64, NumPy would make floats
    pairs[:, 0] = row | group << GROUP_SHIFT
    pairs[:, 1] = cells.view("<u8")[row, group]
    return pairs


def load_words(plan: ArrayPlan, layers: Mapping[int, LoweredLayer],
               plans: Mapping[int, ArrayPlan], macro: MacroParameters) -> np.ndarray:
    """Words that are loaded ahead of a layer, uint64, none or pairs."""
    return array_words([(layers[output], plans[output]) for output in plan.load], macro).ravel()


def pair_places(pairs: np.ndarray, macro: MacroParameters) -> np.ndarray:
    """Words of the weight region, where that is the array, to which ``pairs`` [pairs, 2] go."""
    place = pairs[:, 0].astype(np.int64)
    stride = 1 << (macro.columns // WRITE_WEIGHTS - 1).bit_length()
    return (place & (1 << GROUP_SHIFT) - 1) * stride + (place >> GROUP_SHIFT)


def array_fields(plan: ArrayPlan, words: int) -> dict[str, int]:
    """Members of a layer's ``Descriptor`` that hold its ``CimFields``; ``words`` are loaded."""
    mapping = plan.mapping
    fields = {
        "adcs": mapping.adcs, "last_adcs": plan.last_adcs, "phases": mapping.phases,
        "activation_bits": mapping.activation_bits, "weight_bits": mapping.weight_bits,
        "adc_shift": mapping.adc_shift, "scale": mapping.scale,
        "scale_shift": mapping.scale_shift, "load_words": words}
    value = 0
    for name, item in fields.items():
        value |= int(item) << CimFields[name].offset
    tiles = CimFields["tiles"]
    for index, tile in enumerate(mapping.tiles):
        place = tiles.shape[index]
        for name in ("row", "adc", "phase"):
            member = place.shape[name]
            value |= getattr(tile, name) << tiles.offset + place.offset + member.offset
    spots = {}
    for name in SPOTS:
        width = Descriptor[name].width
        spots[name], value = value & (1 << width) - 1, value >> width
    return spots
