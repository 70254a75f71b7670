# SPDX-License-Identifier: Apache-2.0
"""Compiler: a golden network becomes a program image for a spec's hardware."""

from .allocate import allocate
from .batch import batched
from .bounds import bound_activations
from .conditions import Condition, Judgement, layers_run, switchable, with_conditions
from .external.segments import candidates, hoist, neighbours
from .external.tiling import Unfit, tile
from .fault import CompileFault
from .fusion import fusible_layers
from .joins import core_tensors, place_parts
from .lower import Lowered, lower
from .order import sort_channels
from .pack import ring_weights
from .placed import place_layers
from .plan import BlockPlan, check_bound, plan_blocks
from .program import Program, assemble

__all__ = [
    "BlockPlan",
           "CompileFault",
           "Condition",
           "Judgement",
           "Lowered",
           "Program",
           "Unfit",
           "allocate",
           "assemble",
           "batched",
           "bound_activations",
           "candidates",
           "check_bound",
           "core_tensors",
           "fusible_layers",
           "hoist",
           "layers_run",
           "lower",
           "neighbours",
           "place_layers",
           "place_parts",
           "plan_blocks",
           "ring_weights",
           "sort_channels",
           "switchable",
           "tile",
           "with_conditions",
]
