# SPDX-License-Identifier: Apache-2.0
"""The host of a board: link, registers and memories, networks."""
