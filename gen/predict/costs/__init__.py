# SPDX-License-Identifier: Apache-2.0
"""Area and energy, predicted from counted parts and toggles with coefficients that were fitted to
measured netlists (``fpga/asic/calibrate.py``)."""

from .blocks import PARTS, block_terms
from .coefficients import TECHNOLOGIES, CostFault, Costs, Judged, Pair, error, load_costs
from .operands import Toggles, drawn_activations, mean_toggles, toggles_of
from .prediction import (
    BlockArea,
    engine_energy,
    layer_toggles,
    logic_area,
    tile_energy,
    tpe_area,
)
from .tpe import Tile, area_terms, clock_terms, data_terms

__all__ = ["PARTS", "TECHNOLOGIES", "BlockArea", "CostFault", "Costs", "Judged", "Pair", "Tile",
           "Toggles", "area_terms", "block_terms", "clock_terms", "data_terms",
           "drawn_activations", "engine_energy", "error", "layer_toggles", "load_costs",
           "logic_area", "mean_toggles", "tile_energy", "toggles_of", "tpe_area"]
