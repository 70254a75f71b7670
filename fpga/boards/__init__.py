# SPDX-License-Identifier: Apache-2.0
"""FPGA boards: pins, clocks, and the way from a spec to a bitstream."""
