# SPDX-License-Identifier: Apache-2.0
"""Requantisation by small constants, exact for every accumulator that can occur.

A result is the number of thresholds that an accumulator has reached. One product and one sum place
all thresholds where the reference has them, if the constants are well chosen.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["Constants", "RequantiseFault", "constants", "thresholds"]

FURTHER = 4
"""Shifts beyond the first that works, at which fewer digits are looked for."""
LARGEST_SHIFT = 40
MOST_CANDIDATES = 1 << 12


class RequantiseFault(ValueError):
    """No constants give what the reference computes."""


@dataclass(frozen=True)
class Constants:
    """``(factor * x + offset) >> shift``, with ``below`` for ``offset`` where ``x < split``."""

    factor: int
    offset: int
    shift: int
    split: int | None = None
    below: int = 0

    def __call__(self, x: np.ndarray) -> np.ndarray:
        offset = self.offset if self.split is None else np.where(x < self.split, self.below,
                                                                 self.offset)
        return (self.factor * x + offset) >> self.shift


def thresholds(reference: Callable[[np.ndarray], np.ndarray], lowest: np.ndarray,
               highest: np.ndarray, low: int, high: int) -> np.ndarray:
    """For each channel and each of ``low + 1 ... high`` the first accumulator with that result.

    ``reference``: from integers [n, channels] to their results, which never fall from one
    accumulator to the next; ``lowest``, ``highest`` [channels] of the accumulators. An accumulator
    is ``highest + 1`` where there is none, ``lowest`` where all have the result. int64 [channels,
    high - low].
    """
    results = np.arange(low + 1, high + 1)[:, None]
    below = np.broadcast_to(lowest - 1, (len(results), len(lowest))).astype(np.int64)
    reached = np.broadcast_to(highest + 1, below.shape).astype(np.int64)
    while np.any(reached - below > 1):  # reference(below) < result <= reference(reached)
        middle = np.clip((below + reached) >> 1, lowest, highest)
        searched = reached - below > 1
        enough = reference(middle) >= results
        reached = np.where(searched & enough, middle, reached)
        below = np.where(searched & ~enough, middle, below)
    return reached.T


def constants(first: np.ndarray, lowest: int, highest: int, low: int, high: int, split: int,
              shift: int | None = None) -> Constants:
    """The cheapest constants of one channel: ``clip(constants(x), low, high)`` is the result for
    every ``x`` of ``lowest ... highest``.

    ``first``: the channel's thresholds [high - low]. With ``r`` a result, ``t`` its threshold and
    ``g = r * 2**shift - factor * t`` there is an offset exactly if ``max(g) < min(g) + factor``:
    at every threshold the result is reached, one before it is not; checked at the thresholds, that
    is checked for all. Where ties go away from zero, accumulators below ``split`` (that of zero)
    may need an offset of their own. Cheapest: of one offset, then of fewest canonical signed
    digits. With ``shift`` only that shift is looked at. Raises RequantiseFault where there are
    none.
    """
    shifts = range(LARGEST_SHIFT) if shift is None else range(shift, shift + 1)
    whole = _Piece(first, lowest, highest, low, high)
    if whole.constant is not None:
        return Constants(0, whole.constant << shifts[0], shifts[0])
    found = _search([whole], shifts)
    if found is not None:
        factor, (offset,), places = found
        return Constants(factor, offset, places)
    if lowest < split <= highest:
        found = _search([_Piece(first, lowest, split - 1, low, high),
                         _Piece(first, split, highest, low, high)], shifts)
        if found is not None:
            factor, (below, offset), places = found
            return Constants(factor, offset, places, split, below)
    raise RequantiseFault("Rounding must be that of one product and one sum, for accumulators of "
                          f"{lowest} ... {highest}")


class _Piece:
    """Accumulators of ``lowest ... highest``: ``reached`` [2, n] results and accumulators that
    must have them, ``missed`` those that must not have them."""

    def __init__(self, first: np.ndarray, lowest: int, highest: int, low: int, high: int):
        bottom = low + int(np.count_nonzero(first <= lowest))  # results at both ends
        top = low + int(np.count_nonzero(first <= highest))
        self.constant = bottom if bottom == top else None
        inside = (first > lowest) & (first <= highest)
        self.reached = np.stack([np.arange(low + 1, high + 1)[inside], first[inside]])
        self.missed = self.reached - [[0], [1]]
        if bottom > low:
            self.reached = np.insert(self.reached, 0, [bottom, lowest], axis=1)
        if top < high:
            self.missed = np.append(self.missed, [[top + 1], [highest]], axis=1)

    def slopes(self) -> tuple[float, float]:
        """Bounds on ``factor / 2**shift``: of any two accumulators of which one must have a result
        and the other must not have one."""
        rise = self.reached[0][:, None] - self.missed[0]
        run = self.reached[1][:, None] - self.missed[1]
        above, under = run > 0, run < 0
        return (max(np.max(rise[above] / run[above], initial=0), 0),
                np.min(rise[under] / run[under], initial=2))

    def offset(self, factor: int, shift: int) -> int | None:
        """The offset with the most zeros at its end, None if there is none."""
        least = int(np.max((self.reached[0] << shift) - factor * self.reached[1],
                           initial=-1 << 62))
        most = int(np.min((self.missed[0] << shift) - factor * self.missed[1],
                          initial=1 << 62)) - 1
        if least > most:
            return None
        zeros = 0
        while -(-least >> zeros + 1) << zeros + 1 <= most and zeros < 62:
            zeros += 1
        return -(-least >> zeros) << zeros


def _search(pieces: list[_Piece], shifts: range) -> tuple[int, list[int], int] | None:
    """Factor, an offset for each piece, and shift."""
    slopes = [piece.slopes() for piece in pieces]
    least, most = max(low for low, _ in slopes), min(high for _, high in slopes)
    best, fewest = None, 0
    for shift in shifts:
        for digits, factor in _candidates(least * 2.0**shift, most * 2.0**shift):
            if best is not None and digits >= fewest:
                break
            offsets = [piece.offset(factor, shift) for piece in pieces]
            if None not in offsets:
                best, fewest = (factor, offsets, shift), digits
        if best is not None and shift >= best[2] + FURTHER:
            break
    return best


def _candidates(least: float, most: float) -> list[tuple[int, int]]:
    """Canonical signed digits and factor of those between the bounds, fewest digits first."""
    start = max(1, int(least))
    factors = np.arange(start, min(int(most) + 2, start + MOST_CANDIDATES), dtype=np.int64)
    digits = np.bitwise_count(factors * 3 ^ factors)
    order = np.argsort(digits, kind="stable")
    return list(zip(digits[order].tolist(), factors[order].tolist(), strict=True))
