# SPDX-License-Identifier: Apache-2.0
"""Networks on a compute-in-memory array: what they compute, their floor plans, accuracy over time,
energy."""
