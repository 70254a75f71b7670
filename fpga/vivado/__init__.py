# SPDX-License-Identifier: Apache-2.0
"""Vivado projects for boards with Xilinx 7-series devices, to be built where Vivado is."""

from .project import VIVADO_BOARDS, VivadoFault, write_ip, write_vivado_project

__all__ = ["VIVADO_BOARDS", "VivadoFault", "write_ip", "write_vivado_project"]
