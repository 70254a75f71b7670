# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.gen.predict.costs import CostFault, Judged, error, load_costs
from systolith.gen.predict.costs.coefficients import total

AREA, ENERGY = 0.05, 0.10


def test_errors_are_relative_to_what_was_measured():
    assert error((50.0, 40.0)) == pytest.approx(-0.2)
    told = Judged(logic=(100, 103), tpe=(10, 20), tiles={"a": (10, 11), "b": (10, 8)})
    assert told.area_error == pytest.approx(0.03)
    assert told.energy_error == pytest.approx(-0.2)
    network = told.model_copy(update={"network": (10.0, 15.0)})
    assert network.energy_error == pytest.approx(0.5)


def test_shipped_costs_were_judged_within_bounds():
    judged = load_costs("asap7").judged
    assert len(judged) >= 10
    for label, told in judged.items():
        assert abs(told.area_error) <= AREA, label
        assert abs(error(told.tpe)) <= AREA, label
        assert len(told.tiles) in (4, 8)
        assert abs(told.energy_error) <= ENERGY, label


def test_a_term_that_was_not_measured_is_refused():
    with pytest.raises(CostFault, match="^costs must have a coefficient for 'new'$"):
        total({}, {"old": 0.0, "new": 1.0})


def test_other_technologies_are_refused():
    with pytest.raises(CostFault, match="^technology must be asap7, not 'sky130'$"):
        load_costs("sky130")
