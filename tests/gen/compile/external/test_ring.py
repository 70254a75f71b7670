# SPDX-License-Identifier: Apache-2.0
"""The weight ring: what a part reads was loaded for it, and nothing was loaded over it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from systolith.gen.compile.external.ring import LOOK_AHEAD, WeightUse, fill_ring
from systolith.rtl.sequencer.transfers import RELEASE

SIZE = 256


@st.composite
def uses(draw):
    """Parts in order; some weights are used again by later parts, and stay until then."""
    known, found = [], []
    part, external = 0, 0
    for _ in range(draw(st.integers(1, 14))):
        part += draw(st.integers(1, 2))
        if known and draw(st.booleans()):
            index = draw(st.integers(0, len(known) - 1))
            found.append((part, *known[index]))
        else:
            words = draw(st.integers(1, 100))
            known.append((external, words))
            found.append((part, external, words))
            external += words
    stay = draw(st.booleans())
    last = {address: number for number, address, _ in found}
    return [WeightUse(part=number, external=address, words=words,
                      until=last[address] if stay else number)
            for number, address, words in found]


@settings(deadline=None, derandomize=True)
@given(uses())
def test_no_word_is_overwritten_while_it_is_needed(parts):
    filled = fill_ring(parts, SIZE)
    if filled is None:
        return
    places, loads = filled
    assert [load.part for load in loads] == sorted(load.part for load in loads)
    ring = np.full(SIZE, -1)
    needs = {use.part: (places[use.part] + np.arange(use.words)) % SIZE for use in parts}
    following = iter(loads)
    load = next(following, None)
    for use in parts:
        while load is not None and load.part <= use.part:
            assert load.after <= load.part and load.after >= load.part - LOOK_AHEAD
            assert load.ring + load.words <= SIZE
            words = np.arange(load.ring, load.ring + load.words)
            ring[words] = load.external + np.arange(load.words)
            # Parts that are still to end when it may begin.
            for number in range(load.after - bool(load.released), load.part):
                read = needs.get(number, np.zeros(0, int))
                used = load.released if number == load.after - 1 else 0
                assert used % RELEASE == 0
                assert not np.isin(words, read[used:]).any(), (load, number)
            load = next(following, None)
        assert (ring[needs[use.part]] == use.external + np.arange(use.words)).all()
    assert load is None


@settings(deadline=None, derandomize=True)
@given(uses())
def test_weights_that_fit_together_are_loaded_once(parts):
    distinct = {use.external: use.words for use in parts}
    if sum(distinct.values()) > SIZE or any(use.until < max(
            other.part for other in parts if other.external == use.external) for use in parts):
        return
    filled = fill_ring(parts, SIZE)
    assert filled is not None
    _, loads = filled
    assert sum(load.words for load in loads) == sum(distinct.values())


def test_what_is_larger_than_the_ring_does_not_fit():
    use = WeightUse(part=0, external=0, words=SIZE + 1, until=0)
    assert fill_ring([use], SIZE) is None


def test_what_stays_leaves_no_room():
    parts = [WeightUse(part=0, external=0, words=200, until=2),
             WeightUse(part=1, external=200, words=100, until=1),
             WeightUse(part=2, external=0, words=200, until=2)]
    assert fill_ring(parts, SIZE) is None
    again = [WeightUse(part=use.part, external=use.external, words=use.words, until=use.part)
             for use in parts]
    filled = fill_ring(again, SIZE)
    assert filled is not None and sum(load.words for load in filled[1]) == 500


def test_words_of_the_part_before_are_overwritten_as_they_are_used():
    parts = [WeightUse(part=number, external=200 * number, words=200, until=number)
             for number in range(3)]
    filled = fill_ring(parts, SIZE)
    assert filled is not None
    assert [(load.part, load.after, load.released, load.ring, load.words)
            for load in filled[1]] == [
        (0, 0, 0, 0, 200), (1, 0, 0, 200, 56), (1, 1, 144, 0, 144),
        (2, 1, 200, 144, 56), (2, 2, 56, 200, 56), (2, 2, 144, 0, 88)]
