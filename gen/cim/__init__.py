# SPDX-License-Identifier: Apache-2.0
"""Studies of networks on a compute-in-memory array: accuracy over time, energy."""
