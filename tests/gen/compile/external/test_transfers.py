# SPDX-License-Identifier: Apache-2.0
"""Moves in pieces that their fields hold: the same words, in the same order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from systolith.gen.compile import CompileFault
from systolith.gen.compile.external.transfers import Load, Move, fitting_moves
from systolith.rtl.sequencer.transfers import RELEASE, Transfer

from .test_placement import P

MOVE = Move(part=3, after=2, external=100, local=7, words=10)


def _words(move):
    segments = np.arange(move.more + 1)[:, np.newaxis]
    words = np.arange(move.words)
    return (np.ravel(move.external + segments * move.external_step + words),
            np.ravel(move.local + segments * move.local_step + words))


@settings(deadline=None, derandomize=True)
@given(words=st.integers(1, 200_000), more=st.integers(0, 3),
       steps=st.tuples(st.integers(0, 1 << 20), st.integers(0, 1 << 13)), write_out=st.booleans())
def test_pieces_are_the_whole(words, more, steps, write_out):
    move = Move(part=3, after=2, external=100, local=7, words=words, more=more,
                external_step=words + steps[0], local_step=words + steps[1], write_out=write_out)
    pieces = list(fitting_moves(move))
    for piece in pieces:
        assert all(0 <= value < 1 << Transfer[name].width
                   for name, value in piece.fields().items()
                   if piece.more or not name.endswith("_step"))
        assert (piece.part, piece.after, piece.write_out) == (3, 2, write_out)
    for whole, part in zip(_words(move), zip(*map(_words, pieces), strict=True), strict=True):
        assert set(np.concatenate(part).tolist()) == set(whole.tolist())
    assert sum(piece.total for piece in pieces) == move.total


def test_many_segments_are_moved_one_by_one():
    move = Move(part=0, after=0, external=0, local=0, words=2, more=256, external_step=5,
                local_step=3)
    assert [(piece.external, piece.local) for piece in fitting_moves(move)] == [
        (5 * number, 3 * number) for number in range(257)]


@pytest.mark.parametrize("change", [{"after": 1 << 12}, {"external": 1 << 29}])
def test_too_large_networks_are_refused(change):
    with pytest.raises(CompileFault, match="^the network is too large"):
        list(fitting_moves(Move(**vars(MOVE) | change)))


def test_stores_before_loads_and_those_that_wait_less_first():
    def move(after, part, *, released=0, write_out=False):
        return Move(part=part, after=after, released=released, external=0, local=0, words=1,
                    write_out=write_out)

    in_order = [move(0, 0), move(0, 1), move(2, 1, write_out=True), move(2, 2),
                move(3, 3, released=8), move(3, 2, write_out=True), move(3, 4)]
    assert sorted(reversed(in_order), key=lambda entry: entry.order) == in_order


def test_a_load_of_weights():
    load = Load(part=4, after=3, released=2 * RELEASE, external=11, ring=5, words=6)
    move = Move.of_weights(load, P)
    assert move.local == P.region_address(1) // 8 + 5
    assert move.fields()["released"] == 2
