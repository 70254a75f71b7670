# SPDX-License-Identifier: Apache-2.0
"""Area and energy, predicted from counted parts and toggles with coefficients that were fitted to
measured netlists (``fpga/asic/calibrate.py``)."""

from .blocks import GROUPS, block_terms
from .coefficients import TECHNOLOGIES, CostFault, Costs, load_costs
from .operands import Toggles, drawn_activations, toggles_of
from .prediction import (
    BlockArea,
    engine_energy,
    layer_toggles,
    logic_area,
    tile_energy,
    tpe_area,
)
from .tpe import Tile, area_terms, clock_terms, data_terms

__all__ = ["GROUPS", "TECHNOLOGIES", "BlockArea", "CostFault", "Costs", "Tile", "Toggles",
           "area_terms", "block_terms", "clock_terms", "data_terms", "drawn_activations",
           "engine_energy", "layer_toggles", "load_costs", "logic_area", "tile_energy",
           "toggles_of", "tpe_area"]
