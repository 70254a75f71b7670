# SPDX-License-Identifier: Apache-2.0
import json
from importlib.resources import files

import numpy as np
import pytest
from systolith.gen.cim.study import TIMES
from systolith.gen.demo.drift import ADC_SHIFT, compare, summary
from systolith.gen.demo.evaluate import classify
from systolith.gen.importer import load
from systolith.golden.interpreter import run

DEMO = files("systolith.gen.demo")
NAMES = ("digits_noise_aware", "digits_dense")
COMMITTED = json.loads(DEMO.joinpath("noise_aware.json").read_text())


@pytest.fixture(scope="module")
def held_back():
    with DEMO.joinpath("digits_held_back.npz").open("rb") as stream:
        archive = np.load(stream)
        return archive["input"], archive["labels"]


@pytest.fixture(scope="module")
def networks_of_digits():
    return {name: load(DEMO / f"{name}.tflite") for name in NAMES}


@pytest.fixture(scope="module")
def after_a_day(networks_of_digits, held_back):
    return compare(networks_of_digits, *held_back, seeds=range(20), times={"1 d": TIMES["1 d"]})


def test_noise_aware_network_is_litert_s(networks_of_digits, held_back):
    images, _ = held_back
    network = networks_of_digits["digits_noise_aware"]
    expected = classify(DEMO.joinpath("digits_noise_aware.tflite").read_bytes(), images)
    np.testing.assert_array_equal(run(network, images)[network.outputs[0]], expected)


def test_noise_aware_network_loses_at_most_0_8_points_in_a_day(after_a_day):
    aware, _ = (after_a_day[name] for name in NAMES)
    (day,) = aware.points
    assert len(day.accuracies) == 20
    assert aware.digital - day.mean <= 0.008
    assert aware.digital >= 0.985


def test_the_ordinary_network_loses_more(after_a_day):
    aware, ordinary = (after_a_day[name] for name in NAMES)
    assert (ordinary.digital - ordinary.points[0].mean
            > aware.digital - aware.points[0].mean + 0.005)


def test_committed_results_are_of_this_model(after_a_day):
    """Those of more arrays, within what the arrays measured here leave open."""
    assert COMMITTED["adc_shift"] == ADC_SHIFT and COMMITTED["arrays"] >= 20
    committed = {(row["network"], row["time"]): row for row in COMMITTED["summary"]}
    assert len(committed) == len(NAMES) * len(TIMES)
    for row in summary(after_a_day):
        known = committed[row["network"], row["time"]]
        assert (row["digital"], row["ideal_cells"]) == (known["digital"], known["ideal_cells"])
        assert abs(row["mean"] - known["mean"]) <= row["confidence_95"] + known["confidence_95"]
        assert known["loss"] == pytest.approx(known["digital"] - known["mean"], abs=0.011)
