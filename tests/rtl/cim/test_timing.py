# SPDX-License-Identifier: Apache-2.0
"""The formula of a layer's cycles: its steady state, and what it skips; the path's tests hold it
against hardware."""

import random
from dataclasses import replace

import pytest
from systolith.rtl.cim.timing import FILL_DELAY, LayerTiming, Stalls


def step_by_step(t):
    """Cycle of the last fire and cycles without operands, straight from the recurrence."""
    moved, free, done, idle = FILL_DELAY, 0, 0, 0
    for _ in range(t.pixels):
        for words in t.words:
            before, moved = done, max(moved + words, done)
            idle += moved - before
            for index, groups in enumerate(t.groups):
                fired = max((done if index else moved) + 1, free, t.load_end)
                free, done = fired + t.period(groups), fired + t.conversion - 1
    return fired, idle


@pytest.mark.parametrize("seed", range(60))
def test_equals_its_recurrence(seed):
    rng = random.Random(seed)
    t = LayerTiming(
        words=[rng.randint(1, 30) for _ in range(rng.randint(1, 8))],
        groups=[rng.randint(1, 9) for _ in range(rng.randint(1, 4))], pace=rng.choice([1, 2, 4]),
        conversion=rng.randint(2, 40), pixels=rng.randint(1, 40), early_stop=rng.random() < 0.3,
        load_words=2 * rng.choice([0, 1, 500]))
    fired, idle = step_by_step(t)
    behind = 10 + t.groups[-1] * t.pace - t.pace + 4
    assert t.cycles(pipelined=False) == fired + t.conversion + behind - 1
    assert t.stalls(pipelined=False).operands == idle + behind - 1


@pytest.mark.parametrize(("words", "groups", "conversion", "pixel"), [
    ([3], [2], 66, 66), ([72], [8], 66, 72), ([9, 5], [2], 66, 132), ([72, 4], [2], 66, 138),
    ([10], [16, 16], 10, 34), ([30], [4, 2], 66, 132)])
def test_steady_state(words, groups, conversion, pixel):
    """A pixel takes its conversions, or its words, or its read-out."""
    t = LayerTiming(words=words, groups=groups, pace=1, conversion=conversion, pixels=50)
    more = replace(t, pixels=51)
    assert more.cycles(pipelined=False) - t.cycles(pipelined=False) == pixel


def test_stalls_by_cause():
    t = LayerTiming(words=[1], groups=[8], pace=1, conversion=4, pixels=3, load_words=100)
    first = t.load_end
    assert t.stalls(pipelined=True) == Stalls(
        operands=FILL_DELAY + 1 + 8 + 6 + 10, read=2 * 5, load=first - FILL_DELAY - 2)
