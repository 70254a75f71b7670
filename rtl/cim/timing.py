# SPDX-License-Identifier: Apache-2.0
"""Cycles of a layer on a compute-in-memory macro, as integers: what the hardware takes, exactly."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..postproc.post_processor import PostProcessor
from .loader import LOAD_DELAY
from .scale import ScaledSums

__all__ = ["FILL_DELAY", "LayerTiming", "Stalls"]

FILL_DELAY = 6
"""Cycles from ``begin`` to the first ``move``, without those of the tile's words: a word is taken
by the row drivers 5 cycles after ``begin`` (schedule, im2col, gather), and in its rows 2 later."""


@dataclass(frozen=True)
class Stalls:
    """Cycles of a layer in which conversions waited for operands, for read-out, for weights."""

    operands: int
    read: int
    load: int


@dataclass(frozen=True, kw_only=True)
class LayerTiming:
    """When conversions of a layer are fired.

    ``words``: channel blocks of each row tile, 1 or more, of which one a cycle comes to the rows;
    ``groups``: groups of lanes of each phase; ``pace``: cycles to read one
    (``ChannelParameters.pace_of``); ``conversion``: T, cycles of a conversion; ``early_stop``: the
    macro may stop early, and here never does; ``load_words``: of weights that are loaded first;
    ``pixels`` of the result.

    With ``begin`` in cycle 0, tile j moves to the drivers in ``m[j] = max(m[j-1] + words[j], last
    done before)``, m[0] being ``FILL_DELAY + words[0]``. Its first conversion is fired in
    ``m[j] + 1`` at the earliest, any conversion ``period`` of the one before it behind that one at
    the earliest, and ``done`` is ``T - 1`` behind ``fire``. ``period`` is
    ``max(T, groups * pace + 1)``, with ``early_stop`` ``T + groups * pace - 1``. In the steady
    state a pixel therefore takes ``sum over j of max(words[j], periods of tile j - 1)`` where
    reading keeps up.
    """

    words: Sequence[int]
    groups: Sequence[int]
    pace: int
    conversion: int
    pixels: int
    early_stop: bool = False
    load_words: int = 0

    def period(self, groups: int) -> int:
        """From a conversion of so many groups to the next, at the least."""
        if self.early_stop:
            return self.conversion + groups * self.pace - 1
        return max(self.conversion, groups * self.pace + 1)

    @property
    def load_end(self) -> int:
        """First cycle in which a conversion may be fired."""
        return self.load_words + LOAD_DELAY if self.load_words else 0

    def _run(self) -> tuple[int, Stalls]:
        """Cycle in which the last conversion is fired, and what conversions waited for before."""
        periods = [self.period(groups) for groups in self.groups]
        moved = FILL_DELAY
        fired = free = done = 0  # latest fire, first cycle for the next, latest done
        idle = read = load = 0
        history: list[tuple] = []
        pixel = 0
        while pixel < self.pixels:
            for words in self.words:
                before = done
                moved = max(moved + words, before)
                idle += moved - before
                for index, period in enumerate(periods):
                    ready = moved + 1 if index == 0 else done + 1
                    unloaded = max(ready, self.load_end)
                    fired = max(unloaded, free)
                    load += unloaded - ready
                    read += fired - unloaded
                    free, done = fired + period, fired + self.conversion - 1
            pixel += 1
            # What repeats relative to the latest move repeats for good.
            history.append((moved, fired, done, free, idle, read, load))
            if len(history) > 1 and fired > self.load_end:
                steps = {now - then for now, then in zip(history[-1][:4], history[-2][:4],
                                                         strict=True)}
                if len(steps) == 1:
                    left, step = self.pixels - pixel, steps.pop()
                    fired += left * step
                    idle, read, load = (now + left * (now - then) for now, then in zip(
                        history[-1][4:], history[-2][4:], strict=True))
                    break
        return fired, Stalls(idle, read, load)

    @property
    def conversions(self) -> int:
        """Of the layer."""
        return self.pixels * len(self.words) * len(self.groups)

    def cycles(self, *, pipelined: bool) -> int:
        """Of the layer, ``begin`` and the cycle of its last result included: what comes on top of
        ``Sequencer.fetch_cycles``."""
        fired, _ = self._run()
        last_read = fired + self.conversion + (self.groups[-1] - 1) * self.pace
        return last_read + ScaledSums.LATENCY + PostProcessor.latency(pipelined) + 1

    def stalls(self, *, pipelined: bool) -> Stalls:
        """What the counters show; behind the last conversion there is no operand either."""
        fired, before = self._run()
        behind = self.cycles(pipelined=pipelined) - fired - self.conversion
        return replace(before, operands=before.operands + behind)
