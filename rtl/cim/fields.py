# SPDX-License-Identifier: Apache-2.0
"""What a layer's descriptor says to the compute-in-memory controller.

These fields lie where those of the vector unit do, which a layer of the engine does not use. The
schedule of such a layer has a *row tile* where other engines' have a tile of columns: the entries
of tile after tile, each ending with ``last``, for every pixel (tile-major), and ``column_tiles``
counts them. Channel k of the result is read from ADC ``adc + k % adcs`` in phase
``phase + k // adcs`` of its tile's place; sums of all tiles are added up.
"""

from amaranth import Cat
from amaranth.lib import data

from .contract import ADC_SHIFT_BITS

__all__ = ["GDC_ONE", "MOST_TILES", "SCALE_BITS", "SPOTS", "CimFields", "TilePlace",
           "cim_fields"]

MOST_TILES = 8
SCALE_BITS = 16
GDC_ONE = 1 << 13
"""Global drift compensation (AnalogNets, section 4) by which scales are multiplied: 1.0."""

TilePlace = data.StructLayout({"row": 12, "adc": 10, "phase": 4})
"""First row, ADC and phase of a row tile."""

CimFields = data.StructLayout({
    "tiles": data.ArrayLayout(TilePlace, MOST_TILES),
    "adcs": 11,               # that a phase uses; a multiple of 8 where there are several phases
    "last_adcs": 11,          # ... of them, that the last phase does
    "phases": 5,
    "activation_bits": 4,     # 1 ... 8: operands are rounded to so many
    "weight_bits": 4,
    "adc_shift": ADC_SHIFT_BITS,
    # digital scale: a code times scale, over 2**scale_shift, rounded half up
    "scale": SCALE_BITS,
    "scale_shift": 5,
    "load_words": 20,         # of weights, written from ``weight_row`` on before the layer begins
})

SPOTS = ("tap_x", "tap_y", "tap_channel", "row_group_step", "second_base", "sum_multipliers")
"""Members of a ``Descriptor`` in which the fields lie, lowest bits first."""


def cim_fields(descriptor) -> data.View:
    """The fields in a ``Descriptor``: its members ``SPOTS``, in that order, lowest bits first."""
    bits = Cat(descriptor[name] for name in SPOTS)
    return data.View(CimFields, bits[:CimFields.size])
