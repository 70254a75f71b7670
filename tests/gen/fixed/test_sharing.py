# SPDX-License-Identifier: Apache-2.0
import numpy as np
from systolith.gen.fixed.sharing import Sharing
from systolith.rtl.constants.graph import AdderGraph, Operand

INT8 = (-128, 127)
RATE = 1.35


def shared(rows):
    found = Sharing(rows, [INT8] * len(rows[0]), RATE)
    found.share()
    return found


def value_of(terms, coefficients):
    return sum(sign * np.array(coefficients[source]) << shift
               for source, shifts in terms.items() for shift, sign in shifts.items())


def test_sums_stay_what_they_are():
    rows = np.random.default_rng(2).integers(-127, 128, (8, 12)).tolist()
    found = shared(rows)
    assert len(found.nodes) > 10
    coefficients = AdderGraph((INT8,) * 12, tuple(found.nodes), (None,)).coefficients
    for row, terms in zip(rows, found.terms, strict=True):
        assert value_of(terms, coefficients).tolist() == row


def test_a_pair_that_all_rows_have_is_made_once():
    found = shared([[5, 5, 0], [10, 10, 64], [-5, -5, 1]])
    assert found.nodes[0] in ((Operand(0), Operand(1)), (Operand(0), Operand(0, 2)))
    assert all(len(terms) <= 2 for terms in found.terms)


def test_signs_and_shifts_are_of_the_pair():
    found = shared([[1, -4]] * 3)
    assert found.nodes == [(Operand(0), Operand(1, 2, True))] or found.nodes == [
        (Operand(0, 0, True), Operand(1, 2))]


def test_what_occurs_once_is_not_shared():
    assert shared([[1, 0, 0], [0, 5, 0], [0, 0, 64]]).nodes == []


def test_terms_that_do_not_overlap_are_not_shared():
    assert shared([[1, 256]] * 3).nodes == []
