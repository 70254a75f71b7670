# SPDX-License-Identifier: Apache-2.0
"""Emission: a spec becomes Verilog, a file list, register documents and a manifest."""

from .package import TARGETS, generate

__all__ = ["TARGETS", "generate"]
