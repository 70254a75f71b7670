# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from systolith.fpga.asic.fitting import nonnegative


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


def test_terms_that_are_always_zero_have_no_coefficient():
    assert nonnegative([{"x": 1, "y": 0}, {"x": 2, "y": 0}], [3, 6]) == pytest.approx(
        {"x": 3, "y": 0})
