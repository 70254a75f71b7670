# SPDX-License-Identifier: Apache-2.0
"""Compute in memory in integers: quantisers, devices and their noise, layers on an array."""
