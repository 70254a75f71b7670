# SPDX-License-Identifier: Apache-2.0
"""FPGA fabrics: devices, synthesis, place and route, and what came of it."""
