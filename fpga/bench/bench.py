# SPDX-License-Identifier: Apache-2.0
"""The whole comparison: rows of specs, and arrays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..fabric.devices import Usage
from .arrays import ARRAYS, PAIRS, Array, Measured, Ratio, measure_arrays, measure_pairs
from .measure import Row
from .store import Store

__all__ = ["Bench", "kept_arrays"]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """``rows`` of specs, dense ``arrays``, and ``ratios`` of blocks to dense ones; each may be
    empty. ``seeds`` of every route."""

    rows: Sequence[Row] = ()
    arrays: Sequence[Measured] = ()
    ratios: Sequence[Ratio] = ()
    seeds: Sequence[int] = ()


def kept_arrays(store: Store, done: Callable[[], None] = lambda: None, *,
                arrays: Sequence[Array] = ARRAYS) -> tuple[list[Measured], list[Ratio]]:
    """``arrays`` and all pairs, each looked up in ``store``. Raises ToolFault."""
    def area(array: Array) -> Usage:
        return store.get(("array", array.verilog(), array.synthesis), array.area)

    return (measure_arrays(arrays, area=area, done=done),
            measure_pairs(PAIRS, area=area, done=done))
