# SPDX-License-Identifier: Apache-2.0
"""cocotb test modules, run in the simulator's process."""
