# SPDX-License-Identifier: Apache-2.0
from importlib.resources import files

import numpy as np
import pytest
from systolith.gen.cim.apart import lay_apart, pcm_scale
from systolith.gen.cim.plot import draw_study
from systolith.gen.cim.study import TIMES, Study, TimePoint, study
from systolith.gen.importer import load

DEMO = files("systolith.gen.demo")
DAY = {"1 d": TIMES["1 d"]}


@pytest.fixture(scope="module")
def digits():
    with DEMO.joinpath("digits_held_back.npz").open("rb") as stream:
        archive = np.load(stream)
        values, labels = archive["input"], archive["labels"]
    network = load(DEMO / "digits_dense.tflite")
    return (network, values, labels, *lay_apart(network, **pcm_scale(14)))


def test_the_times_asked_for():
    assert TIMES == {"25 s": 25, "1 h": 3600, "1 d": 86400, "1 mo": 2592000, "1 y": 31536000}


def test_confidence_of_the_mean():
    values = (0.9, 0.92, 0.94, 0.96)
    point = TimePoint(name="1 h", seconds=3600.0, accuracies=values)
    assert point.mean == pytest.approx(0.93)
    assert point.deviation == pytest.approx(np.std(values, ddof=1))
    assert point.half_width == pytest.approx(3.182 * point.deviation / 2)  # t of 3 degrees
    many = TimePoint(name="1 h", seconds=3600.0, accuracies=values * 25)
    assert many.half_width == pytest.approx(1.984 * many.deviation / 10, rel=1e-3)
    alone = TimePoint(name="1 h", seconds=3600.0, accuracies=(0.9,))
    assert (alone.deviation, alone.half_width) == (0, 0)


def test_a_study_repeats_and_reports_each_run(digits):
    runs = []
    first = study(*digits, seeds=range(2), advance=lambda: runs.append(1))
    again = study(*digits, seeds=range(2))
    assert first == again
    assert len(runs) == 1 + 2 * len(TIMES)
    assert [point.name for point in first.points] == list(TIMES)
    assert first.digital == pytest.approx(0.9867, abs=1e-4)
    other = study(*digits, seeds=[7, 8], times=DAY)
    assert other.points[0].accuracies != first.points[2].accuracies


def test_without_compensation_drift_costs_more(digits):
    """The ordinary network's biases do not drift with its weights."""
    year = {"1 y": TIMES["1 y"]}
    left = study(*digits, seeds=range(3), times=year, compensated=False)
    compensated = study(*digits, seeds=range(3), times=year)
    assert left.points[0].mean < compensated.points[0].mean - 0.05


def test_fewer_bits_of_the_adcs_cost_accuracy(digits):
    coarse = study(*digits, seeds=[0], times=DAY, adc_bits=4)
    assert coarse.quantised < 0.9


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_plot(tmp_path, suffix):
    points = tuple(TimePoint(name=name, seconds=seconds, accuracies=(0.9, 0.95, 1.0))
                   for name, seconds in TIMES.items())
    path = tmp_path / "new" / f"plot{suffix}"
    draw_study(path, "digits on cim-pcm", Study(digital=0.98, quantised=0.97, points=points))
    content = path.read_bytes()
    assert content.startswith(b"<?xml" if suffix == ".svg" else b"\x89PNG")
    if suffix == ".svg":
        text = content.decode()
        draw_study(path, "digits on cim-pcm", Study(digital=0.98, quantised=0.97, points=points))
        assert path.read_text() == text
