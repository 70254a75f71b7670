# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest
from systolith.fpga.bench.networks import LONGEST, Inference, inference_of, shortened
from systolith.gen import demo
from systolith.gen.spec import load

DIGITS = Path(demo.__file__).parent / "digits_dense.tflite"


def test_milliseconds_are_cycles_by_megahertz():
    assert Inference(network="KWS", cycles=30_000).milliseconds(150.0) == pytest.approx(0.2)
    assert Inference(network="KWS", cycles=30_000).milliseconds(None) is None
    assert Inference(network="KWS", refused="no").milliseconds(150.0) is None


def test_cycles_are_predicted_and_refusals_told():
    found = inference_of(load("demo"), DIGITS)
    assert found.refused is None and found.cycles > 100
    tight = load("demo", ["memory.weights=2 KiB"])
    found = inference_of(tight, DIGITS)
    assert found.cycles is None and "memory.weights" in found.refused


def test_reasons_are_shortened_to_a_line():
    assert shortened("too\nmuch; set memory.weights") == "too much"
    long = shortened("word " * 40)
    assert len(long) <= LONGEST and long.endswith("word…")
