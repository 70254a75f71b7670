# SPDX-License-Identifier: Apache-2.0
"""Macros for compute in memory against the rules of their contract."""
