# SPDX-License-Identifier: Apache-2.0
"""Compiler for compute in memory: layers get places in the array, and weights go there."""

#from .floor_plan import FloorPlan
#from .mapper import Demand, place
#from .plan import ArrayPlan, on_array, plan_array

__all__ = []
