# SPDX-License-Identifier: Apache-2.0
from dataclasses import fields, replace

import numpy as np
import pytest
from systolith.gen.predict.costs import (
    CostFault,
    Tile,
    Toggles,
    load_costs,
    tile_energy,
    tpe_area,
)
from systolith.rtl.arith.arithmetic import Arithmetic
from systolith.rtl.arith.partial_products import Multiplier

from .shapes import KINDS, facts

BUILT = Arithmetic(inverting=True)
SOME = Toggles(**{item.name: 1.0 for item in fields(Toggles)} | {"gates": np.ones((3, 5))})


def _area(kind, **options):
    return tpe_area(facts(kind, **options), BUILT, load_costs("asap7"))


def _energy(kind, toggles=SOME, *, steps=32.0, row=0, **options):
    f = facts(kind, **options)
    tile = Tile.of_row(f, row, cycles=steps + f.a, steps=steps)
    return tile_energy(f, toggles, tile, load_costs("asap7"))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "sa"])
def test_larger_tpes_take_more(kind):
    for cost in (_area, _energy):
        assert cost(kind) < cost(kind, a=4) < cost(kind, a=4, c=4)


@pytest.mark.parametrize("kind", KINDS)
def test_wider_sums_take_more(kind):
    assert _area(kind, accumulator_bits=20) < _area(kind) < _area(kind, accumulator_bits=32)


@pytest.mark.parametrize("kind", KINDS)
def test_shadows_take_area(kind):
    assert _area(kind, overlapped=False) < _area(kind)


def test_more_multipliers_take_more():
    areas = [_area("sta-dbb", nnz=nnz) for nnz in (1, 2, 4)]
    assert areas == sorted(areas)


@pytest.mark.parametrize("kind", KINDS)
def test_what_toggles_more_takes_more(kind):
    calm = replace(SOME, gates=SOME.gates / 2, accumulator=0.5)
    assert _energy(kind, calm) < _energy(kind) < _energy(kind, steps=64.0)


def test_sums_from_above_take_energy():
    assert _energy("sta", row=0) < _energy("sta", row=3)


def test_gated_sums_that_rest_take_less():
    rests = replace(SOME, live=0.1)
    assert _energy("sa", rests, zero_gating=True) < _energy("sa", SOME, zero_gating=True)
    assert _energy("sa", rests) == _energy("sa", SOME)


def test_a_multiplier_that_was_not_measured_is_refused():
    booth = Arithmetic(multiplier=Multiplier.BOOTH)
    with pytest.raises(CostFault, match=r"^arithmetic\.multiplier must be baugh-wooley for costs "
                                        "in asap7, not booth$"):
        tpe_area(facts("sa"), booth, load_costs("asap7"))
