# SPDX-License-Identifier: Apache-2.0
"""Compiler for compute in memory: layers get places in the array, and weights go there."""

from .lowering import on_array, rounded_network
from .mapper import Demand, Placement, place
from .plan import ArrayPlan, plan_array
from .weights import array_fields, array_words, cell_words, load_words, pair_places

__all__ = ["ArrayPlan", "Demand", "Placement", "array_fields", "array_words", "cell_words",
           "load_words", "on_array", "pair_places", "place", "plan_array", "rounded_network"]
