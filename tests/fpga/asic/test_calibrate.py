# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from systolith.fpga.asic.judgement import judge_tpe
from systolith.fpga.asic.liberty import read_libraries
from systolith.fpga.asic.measured import Bench, nonnegative
from systolith.fpga.asic.technology import load_technology
from systolith.fpga.asic.training import HELD_OUT, TRAINING, held_out, spec_shape
from systolith.gen.predict.costs import load_costs

AREA, ENERGY = 0.05, 0.10


def test_coefficients_are_found():
    rng = np.random.default_rng(1)
    rows = [{"x": x, "y": y, "z": z} for x, y, z in rng.uniform(1, 9, (20, 3))]
    found = nonnegative(rows, [2 * row["x"] + 0.5 * row["y"] for row in rows])
    assert found == pytest.approx({"x": 2, "y": 0.5, "z": 0}, abs=1e-9)


def test_coefficients_are_never_negative():
    rng = np.random.default_rng(2)
    rows = [{"x": x, "y": y} for x, y in rng.uniform(1, 9, (20, 2))]
    found = nonnegative(rows, [3 * row["x"] - 0.2 * row["y"] for row in rows])
    assert found["y"] == 0 and found["x"] > 0


def test_specs_that_judge_are_not_fitted():
    fitted = {shape.label for shape in TRAINING}
    judges = {spec_shape(spec).label for spec in held_out().values()}
    assert len(judges) == len(HELD_OUT) >= 10
    assert not fitted & judges
    assert set(load_costs("asap7").training) <= fitted


@pytest.mark.parametrize("label", ["kws-sa in place", "kws-sta"])
def test_predicted_within_bounds(label, pdk):
    bench = Bench(read_libraries(sorted((pdk / "asap7").glob("*.lib*"))),
                  load_technology("asap7"))
    shape = spec_shape(held_out()[label])
    area, energies = judge_tpe(shape, bench.tpe(shape), load_costs("asap7"), bench.technology)
    assert abs(area.error) <= AREA
    assert len(energies) == 4
    for energy in energies:
        assert abs(energy.error) <= ENERGY, energy
