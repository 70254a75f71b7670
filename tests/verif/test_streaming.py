# SPDX-License-Identifier: Apache-2.0
"""Whole networks whose inputs come as a stream, on the whole accelerator in Verilator."""

from pathlib import Path

import pytest
import systolith.gen.demo as demo
from systolith.gen.cli.inputs import load_inputs
from systolith.gen.spec import load
from systolith.verif.inference import run_network
from systolith.verif.streams import stress_streams, verify_streams

DIGITS = Path(demo.__file__).parent
MODEL = DIGITS / "digits_dbb4.tflite"
PLAIN = load("demo", ["front_end.layers=none", f"front_end.network={MODEL}"])
FIRST = DIGITS / "digits_0_4.tflite"
FIXED = load("demo", ["front_end.layers=0..1", "front_end.folds=[1, 4]",
                      f"front_end.network={FIRST}"])
TESTS_OF_STREAMS = 9


def _run(spec, model, inputs, count, stalls):
    report = run_network(spec, model, lambda network: load_inputs(inputs, network).first(count),
                         simulate=True, layers=True, stalls=stalls, quiet=True)
    assert report.bit_exact, report.mismatch
    assert report.cycles_per_inference == report.predicted_cycles_per_inference
    return report


@pytest.mark.parametrize("stalls", [None, 1])
@pytest.mark.parametrize(("spec", "model"), [
    pytest.param(PLAIN, MODEL, marks=pytest.mark.xdist_group("streaming")),
    pytest.param(FIXED, FIRST, marks=pytest.mark.xdist_group("fixed"))])
def test_digits_back_to_back(spec, model, stalls):
    """Each frame but the first two comes while the one before is run."""
    report = _run(spec, model, DIGITS / "digits_held_back.npz", 6, stalls)
    assert report.stream_words == [0, *[64] * 4, 0]
    fixed = [layer["name"] for layer in report.layers if layer.get("unit") == "fixed"]
    assert fixed == ["conv1", "conv2"][:spec.front_end.count]


@pytest.mark.parametrize("spec", [
    pytest.param(PLAIN, marks=pytest.mark.xdist_group("streaming")),
    pytest.param(FIXED, marks=pytest.mark.xdist_group("fixed"))])
def test_frames_cut_short_and_runs_that_fail(spec):
    results = stress_streams(spec)
    assert len(results) == TESTS_OF_STREAMS
    assert not [entry for entry in results if not entry[1]]


@pytest.mark.xdist_group("streaming")
def test_wrong_expectation_is_seen():
    assert not all(passed for _, passed, _ in stress_streams(PLAIN, falsify=True))


@pytest.mark.xdist_group("streaming")
def test_verification_suite():
    results = verify_streams(PLAIN)
    assert len(results) == TESTS_OF_STREAMS + 2
    assert not [entry for entry in results if not entry[1]]
