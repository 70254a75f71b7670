# SPDX-License-Identifier: Apache-2.0
"""The weight ring: where each part's weights lie, and when they may be loaded."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ....rtl.sequencer.transfers import RELEASE, Transfer
from .transfers import Load

__all__ = ["WeightUse", "fill_ring"]

LOOK_AHEAD = 3
"""Parts before its own in which a part's weights may begin to be loaded."""


@dataclass(frozen=True)
class WeightUse:
    """Part ``part`` reads ``words`` weight words at ``external``; no part after ``until`` does so
    without loading them again."""

    part: int
    external: int
    words: int
    until: int


def _whole_groups(words: int) -> int:
    """Words in whole groups, as they are released; 0 where there are too many."""
    groups = -(-words // RELEASE)
    return groups * RELEASE if groups < 1 << Transfer["released"].width else 0


def fill_ring(uses: Sequence[WeightUse], size: int) -> tuple[dict[int, int], list[Load]] | None:
    """Ring word of each part's weights, and the loads; None where they do not fit.

    Weights go where those that lay there are needed least long, next behind the latest of equals,
    and around the end. A load is cut where its words fall free at different times.
    """
    busy = np.full(size, -1)  # the last part that needs a word
    used = np.zeros(size, int)  # words of that part up to and with this one
    lies: dict[int, tuple[int, int]] = {}  # by external word: place, last part
    places: dict[int, int] = {}
    loads: list[Load] = []
    pointer = 0
    for use in uses:
        if use.external in lies and lies[use.external][1] >= use.part:
            places[use.part] = lies[use.external][0]
            continue
        if use.words > size:
            return None
        around = np.concatenate([busy, busy[:use.words - 1]])
        longest = np.lib.stride_tricks.sliding_window_view(around, use.words).max(1)
        longest = np.maximum(longest, use.part - LOOK_AHEAD)  # of equals: sooner is no better
        distance = (np.arange(size) - pointer) % size
        place = int(np.lexsort((distance, longest))[0])
        if longest[place] >= use.part:
            return None
        words = (place + np.arange(use.words)) % size
        free = np.maximum(busy[words] + 1, max(use.part - LOOK_AHEAD, 0))
        cuts = np.flatnonzero((np.diff(free) != 0) | (np.diff(words) != 1)) + 1
        for first, end in zip([0, *cuts], [*cuts, use.words], strict=True):
            here = words[first:end]
            after = int(free[first])
            early = after and busy[here].min() == after - 1  # that part's own words
            loads.append(Load(part=use.part, after=after,
                              released=_whole_groups(int(used[here].max())) if early else 0,
                              external=use.external + int(first), ring=int(words[first]),
                              words=int(end - first)))
        busy[words] = use.until
        used[words] = 1 + np.arange(use.words)
        lies[use.external] = (place, use.until)
        places[use.part] = place
        pointer = (place + use.words) % size
    return places, loads
