# SPDX-License-Identifier: Apache-2.0
"""Compiler: a golden network becomes a program image for a spec's hardware."""

from .allocate import allocate
from .batch import batched
from .bounds import bound_activations
from .fault import CompileFault
from .fusion import fusible_layers
from .lower import Lowered, lower
from .order import sort_channels
from .plan import BlockPlan, check_bound, plan_blocks
from .program import Program, assemble

__all__ = [
    "BlockPlan",
           "CompileFault",
           "Lowered",
           "Program",
           "allocate",
           "assemble",
           "batched",
           "bound_activations",
           "check_bound",
           "fusible_layers",
           "lower",
           "plan_blocks",
           "sort_channels",
]
