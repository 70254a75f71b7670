# SPDX-License-Identifier: Apache-2.0
"""The device model against that of aihwkit, statistically, where aihwkit is installed.

``pip install torch aihwkit`` in an environment of its own; made with aihwkit 1.1.0. Skipped
without it, which needs PyTorch and is no part of the test install.
"""

import numpy as np
import pytest
from systolith.golden.cim.device import G_MAX, T_0, compensation, program

pytest.importorskip("aihwkit", reason="aihwkit is not installed: it needs PyTorch")
torch = pytest.importorskip("torch")

DEVICES = 400_000
TIMES = [25.0, 3600.0, 86400.0, 30 * 86400.0, 365 * 86400.0]
WEIGHTS = [0, 1, 5, 20, 64, 100, 127]


@pytest.fixture(scope="module")
def model():
    from aihwkit.inference.noise.pcm import PCMLikeNoiseModel

    torch.manual_seed(0)
    return PCMLikeNoiseModel(g_max=G_MAX)


def targets(weight: int):
    return torch.full((DEVICES,), weight / 127 * G_MAX, dtype=torch.float64)


def ours(weight: int):
    devices = program(np.full((DEVICES, 1), weight, np.int8), 1)
    return devices, devices.conductance[0, :, 0]


def assert_same(found: np.ndarray, expected: np.ndarray):
    """Means within five standard errors of their difference, deviations within 1 %."""
    error = np.hypot(found.std(), expected.std()) / np.sqrt(DEVICES)
    assert abs(found.mean() - expected.mean()) < 5 * error
    assert found.std() == pytest.approx(expected.std(), rel=0.01)


@pytest.mark.parametrize("weight", WEIGHTS)
def test_conductance_after_programming(model, weight):
    expected = model.apply_programming_noise_to_conductance(targets(weight)).numpy()
    assert_same(ours(weight)[1], expected)


@pytest.mark.parametrize("weight", WEIGHTS)
def test_drift_exponents(model, weight):
    expected = model.generate_drift_coefficients(targets(weight)).numpy()
    assert_same(ours(weight)[0].exponent[0, :, 0], expected)


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("weight", WEIGHTS[1:])
def test_drifted_conductance_with_read_noise(model, weight, time):
    """Of one reading: aihwkit's time runs from T_0 on, and a device's reading is never negative,
    which only shows where the smallest conductances are read."""
    programmed = model.apply_programming_noise_to_conductance(targets(weight))
    expected = model.apply_drift_noise_to_conductance(
        programmed, model.generate_drift_coefficients(targets(weight)), time - T_0).numpy()
    devices, _ = ours(weight)
    normal = np.random.default_rng(2).standard_normal(DEVICES)
    noise = devices.read_noise(time)[0, :, 0]
    assert_same(np.maximum(devices.drifted(time)[0, :, 0] + noise * normal, 0), expected)


@pytest.mark.parametrize("time", TIMES)
def test_read_noise_alone(model, time):
    """Of given devices without drift."""
    devices, conductance = ours(64)
    expected = model.apply_drift_noise_to_conductance(
        torch.from_numpy(conductance.copy()), torch.zeros(DEVICES), time - T_0).numpy()
    still = np.log(devices.drifted(time)[0, :, 0] / conductance)
    noise = devices.read_noise(time)[0, :, 0] / np.exp(still)
    assert np.std((expected - conductance) / noise) == pytest.approx(1, rel=0.01)


@pytest.mark.parametrize("time", TIMES)
def test_weights_of_pairs_of_devices(model, time):
    """Cells with a reading's noise, against aihwkit's whole path from weight to weight.

    Deviations agree within 3 %, or 0.05 % of the largest weight: where the weight is 0, readings
    of aihwkit's devices are cut off at 0, those of a pair of ours are not.
    """
    rng = np.random.default_rng(3)
    weights = rng.integers(-127, 128, (800, 500)).astype(np.int8)
    weights[0, 0] = 127  # both scale to the largest weight
    expected = model.apply_noise(torch.from_numpy(weights / 127.0), time - T_0).numpy()
    cells = program(weights, 4).cells(time)
    found = (cells.weights + cells.noise * rng.standard_normal(weights.shape)) / 4064
    for low, high in ((-127, -100), (-20, -1), (0, 1), (40, 60), (120, 128)):
        part = (weights >= low) & (weights < high)
        spread = np.hypot(found[part].std(), expected[part].std()) / np.sqrt(part.sum())
        assert abs(found[part].mean() - expected[part].mean()) < 5 * spread
        assert found[part].std() == pytest.approx(expected[part].std(), rel=0.03,
                                                      abs=5e-4)


def test_compensation_is_aihwkit_s_within_noise():
    """aihwkit 1.1.0 reads rows one by one, its documentation and AnalogNets all at once."""
    from aihwkit.inference.compensation.drift import GlobalDriftCompensation

    theirs = GlobalDriftCompensation()
    weights = np.random.default_rng(5).integers(-127, 128, (512, 512)).astype(np.int8)
    devices = program(weights, 6)
    before, after = devices.cells(T_0), devices.cells(86400.0)
    read = [float(theirs.readout(torch.from_numpy(cells.weights.astype(float))))
            for cells in (before, after)]
    factor = compensation(before, after, [(slice(0, 512), np.arange(512))])
    assert factor / (1 << 13) == pytest.approx(read[0] / read[1], rel=0.02)
