# SPDX-License-Identifier: Apache-2.0
"""Whole networks whose inputs come as a stream, on the whole accelerator in Verilator."""

from pathlib import Path

import pytest
import systolith.gen.demo as demo
from systolith.gen.cli.inputs import load_inputs
from systolith.gen.spec import load
from systolith.verif.inference import run_network

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
