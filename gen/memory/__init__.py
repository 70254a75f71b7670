# SPDX-License-Identifier: Apache-2.0
"""Memories as an ASIC has them: SRAM macros, banks composed of them, what an accelerator needs."""

from .compose import Composition, CompositionFault, compose
from .inventory import MemoryKind, memories_of
from .macros import Macro, MacroFault, MacroMap, load_map, map_names

__all__ = ["Composition", "CompositionFault", "Macro", "MacroFault", "MacroMap", "MemoryKind",
           "compose", "load_map", "map_names", "memories_of"]
