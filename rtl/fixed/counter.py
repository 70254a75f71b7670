# SPDX-License-Identifier: Apache-2.0
"""Registers that count places."""

from amaranth import Signal

__all__ = ["counter"]


def counter(places: int, init: int = 0) -> Signal:
    """A register for ``0 ... places - 1``, of at least one bit."""
    return Signal(range(max(2, places)), init=init, src_loc_at=1)
