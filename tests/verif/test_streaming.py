# SPDX-License-Identifier: Apache-2.0
"""Whole networks whose inputs come as a stream, on the whole accelerator in Verilator."""

from pathlib import Path

import pytest
import systolith.gen.demo as demo
from systolith.gen.cli.inputs import load_inputs
from systolith.gen.spec import load
from systolith.verif.inference import run_network
from systolith.verif.streams import stress_streams

DIGITS = Path(demo.__file__).parent


def _few(path: Path, count: int):
    return lambda network: load_inputs(path, network).first(count)


@pytest.mark.parametrize("stalls", [None, 1])
@pytest.mark.xdist_group("streaming")
def test_frames_as_they_come(stalls):
    model = DIGITS / "digits_dbb4.tflite"
    report = run_network(
        load("demo", ["front_end.layers=none"]), model,
        _few(DIGITS / "digits_held_back.npz", 6), simulate=True, layers=True, stalls=stalls,
        quiet=True)
    assert report.bit_exact, report.mismatch
    assert report.cycles_per_inference == report.predicted_cycles_per_inference
    assert report.stream_words[1:5] == [64] * 4, "frames must come while runs go on"


@pytest.mark.xdist_group("streaming")
def test_frames_cut_short_and_runs_that_fail():
    results = stress_streams(load("demo", ["front_end.layers=none",
                                           f"front_end.network={DIGITS / 'digits_dbb4.tflite'}"]))
    assert len(results) == 9
    assert not [name for name, passed, _ in results if not passed], results


@pytest.mark.xdist_group("streaming")
def test_wrong_expectation_is_seen():
    results = stress_streams(
        load("demo", ["front_end.layers=none",
                      f"front_end.network={DIGITS / 'digits_dbb4.tflite'}"]), falsify=True)
    assert not all(passed for _, passed, _ in results)
