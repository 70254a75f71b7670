# SPDX-License-Identifier: Apache-2.0
"""Simulation models of compute-in-memory macros."""

from importlib.resources import files

__all__ = ["pcm_macro"]


def pcm_macro() -> str:
    """Verilog of module ``systolith_pcm_macro``."""
    return files(__package__).joinpath("systolith_pcm_macro.v").read_text()
