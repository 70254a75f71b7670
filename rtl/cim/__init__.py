# SPDX-License-Identifier: Apache-2.0
"""Compute in memory: a controller around a macro that multiplies where its weights are stored."""
