# SPDX-License-Identifier: Apache-2.0
"""Compiler: a golden network becomes a program image for a spec's hardware."""

from .allocate import allocate
from .batch import batched
from .bounds import bound_activations
from .cim import ArrayPlan, on_array, plan_array, rounded_network
from .compact import CompactProgram, compile_compact
from .conditions import Condition, Judgement, layers_run, switchable, with_conditions
from .engine_only import on_engine
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
    "ArrayPlan",
    "BlockPlan",
    "CompactProgram",
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
    "compile_compact",
    "core_tensors",
    "fusible_layers",
    "hoist",
    "layers_run",
    "lower",
    "neighbours",
    "on_array",
    "on_engine",
    "place_layers",
    "place_parts",
    "plan_array",
    "plan_blocks",
    "ring_weights",
    "rounded_network",
    "sort_channels",
    "switchable",
    "tile",
    "with_conditions",
]
