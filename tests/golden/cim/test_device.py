# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from systolith.golden.cim.conversion import CELL_STEPS
from systolith.golden.cim.device import (
    G_MAX,
    T_0,
    Cells,
    compensation,
    ideal,
    program,
)
from systolith.golden.cim.quantisers import GDC_ONE

DAY = 86400.0


def column_of(weight: int, count: int = 200_000) -> np.ndarray:
    return np.full((count, 1), weight, np.int8)


@pytest.fixture(scope="module")
def uniform() -> np.ndarray:
    return np.random.default_rng(0).integers(-127, 128, (1024, 512)).astype(np.int8)


@pytest.mark.parametrize("weight", [127, 90, 64, 30, -64, -127])
def test_programming_noise(weight):
    positive, negative = program(column_of(weight), 1).conductance
    driven, other = (positive, negative) if weight > 0 else (negative, positive)
    g = abs(weight) / 127
    sigma = 0.26348 + 1.9650 * g - 1.1731 * g * g
    assert driven.mean() == pytest.approx(G_MAX * g, abs=0.01)
    assert driven.std() == pytest.approx(sigma, rel=0.01)
    # Half of the devices at 0 would fall below it, and stay there.
    assert (other == 0).mean() == pytest.approx(0.5, abs=0.005)
    assert other.mean() == pytest.approx(0.26348 / np.sqrt(2 * np.pi), rel=0.02)


@pytest.mark.parametrize(("weight", "mean", "deviation"), [
    (127, 0.049, 0.008),                                              # both at their lower ends
    (20, -0.0155 * np.log(20 / 127) + 0.0244, -0.0125 * np.log(20 / 127) - 0.0059),
    (1, -0.0155 * np.log(1 / 127) + 0.0244, 0.045),
])
def test_drift_exponents(weight, mean, deviation):
    found = program(column_of(weight), 2).exponent[0]
    folded = np.abs(np.random.default_rng(0).normal(
        np.clip(mean, 0.049, 0.1), np.clip(deviation, 0.008, 0.045), 200_000))
    assert found.mean() == pytest.approx(folded.mean(), rel=0.01)
    assert found.std() == pytest.approx(folded.std(), rel=0.02)


@pytest.mark.parametrize("time", [25.0, 3600.0, DAY, 365 * DAY])
def test_drift_is_a_power_of_time(time):
    devices = program(column_of(127, 100), 3)
    expected = devices.conductance * (time / 20) ** -devices.exponent
    np.testing.assert_allclose(devices.drifted(time), expected)
    np.testing.assert_array_equal(devices.drifted(T_0), devices.conductance)


def test_read_noise():
    devices = program(column_of(127), 4)
    g = devices.conductance[0, 0, 0]
    quality = 0.0088 / (g / 25) ** 0.65
    expected = devices.drifted(DAY)[0, 0, 0] * quality * np.sqrt(np.log((DAY + 250e-9) / 500e-9))
    assert devices.read_noise(DAY)[0, 0, 0] == pytest.approx(expected)
    small = program(column_of(0), 4)
    low = np.flatnonzero((small.conductance[0] > 0) & (small.conductance[0] < 0.2))[0]
    assert small.read_noise(T_0)[0, low, 0] == pytest.approx(
        0.2 * small.conductance[0, low, 0] * np.sqrt(np.log(20 / 500e-9)))


def test_after_a_day_two_thirds_are_left_and_compensation_leaves_6_percent(uniform):
    devices = program(uniform, 1)
    before, after = devices.cells(T_0), devices.cells(DAY)
    wanted = ideal(uniform).weights
    assert np.abs(after.weights).mean() / np.abs(wanted).mean() == pytest.approx(0.66, abs=0.01)
    factor = compensation(before, after, [(slice(0, 1024), np.arange(512))])
    read = after.weights + after.noise * np.random.default_rng(5).standard_normal(uniform.shape)
    error = read * factor / GDC_ONE - wanted
    assert error.std() / (127 * CELL_STEPS) == pytest.approx(0.064, abs=0.001)


def test_ideal_cells_are_steps_of_32(uniform):
    cells = ideal(uniform)
    np.testing.assert_array_equal(cells.weights, uniform.astype(int) * 32)
    assert cells.weights.dtype == np.int16
    assert cells.noise.dtype == np.uint16 and not cells.noise.any()


def test_the_same_seed_makes_the_same_cells(uniform):
    first, again, other = (program(uniform[:32], seed).cells(DAY) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first.weights, again.weights)
    np.testing.assert_array_equal(first.noise, again.noise)
    assert (first.weights != other.weights).mean() > 0.9


def test_cells_that_are_not_written_hold_nothing(uniform):
    written = np.arange(512) < 10
    cells = program(uniform, 1, np.broadcast_to(written, uniform.shape)).cells(DAY)
    assert not cells.weights[:, 10:].any() and not cells.noise[:, 10:].any()
    assert (cells.noise[:, :10] > 0).mean() > 0.9


def test_compensation_is_the_ratio_of_column_sums_of_all_regions():
    before = Cells(np.array([[4, -6, 9], [4, 2, 9]], np.int16), np.zeros((2, 3), np.uint16))
    after = Cells(np.array([[2, -3, 0], [2, 1, 0]], np.int16), before.noise)
    both = [(slice(0, 2), np.array([0, 1]))]
    assert compensation(before, after, both) == 2 * GDC_ONE
    halves = [(slice(0, 1), np.array([0])), (slice(1, 2), np.array([0, 2]))]
    assert compensation(before, after, halves) == round(GDC_ONE * (4 + 4 + 9) / (2 + 2))
    assert compensation(after, before, [(slice(0, 2), np.array([2]))]) == 0
    assert compensation(before, after, [(slice(0, 2), np.array([2]))]) == GDC_ONE
    tiny = Cells(np.ones((2, 3), np.int16), before.noise)
    huge = Cells(np.full((2, 3), 1000, np.int16), before.noise)
    assert compensation(huge, tiny, both) == 0xFFFF


@pytest.mark.parametrize("time", [0, 19.9, float("inf"), float("nan")])
def test_a_time_before_the_first_reading(time):
    with pytest.raises(ValueError, match="Time since programming must be at least 20 s, not"):
        program(column_of(1, 4), 1).cells(time)


def test_weights_of_another_type():
    with pytest.raises(TypeError, match="Weights must be int8, not 'int16'"):
        program(np.zeros((8, 8), np.int16), 1)
