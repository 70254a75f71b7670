# SPDX-License-Identifier: Apache-2.0
"""Compiler of the compact core: the same lowered layers, packed for one memory and eight lanes."""

from .layout import PixelLayout
from .program import CompactLayer, CompactProgram, compile_compact

__all__ = ["CompactLayer", "CompactProgram", "PixelLayout", "compile_compact"]
