# SPDX-License-Identifier: Apache-2.0
"""Macro maps that ship with the package, as TOML."""
