# SPDX-License-Identifier: Apache-2.0
"""Two networks of one front end on one accelerator, whose first layers are fixed in hardware."""

from pathlib import Path

import numpy as np
import pytest
import systolith.gen.demo as demo
from systolith.gen.cli.inputs import Inputs
from systolith.gen.compile import CompileFault
from systolith.gen.demo.comparison import select
from systolith.gen.fixed.build import for_model
from systolith.gen.spec import load
from systolith.verif.inference import run_network
from systolith.verif.run import simulator

DIGITS = Path(demo.__file__).parent
SPEC = load("demo", ["front_end.layers=0..1", "front_end.folds=[1, 4]",
                     f"front_end.network={DIGITS / 'digits_0_4.tflite'}"])


def _run(model: Path, classes: range, **options):
    content = np.load(DIGITS / "digits_held_back.npz")
    inputs = Inputs(*select(content["input"], content["labels"], classes)).first(8)
    return run_network(SPEC, model, lambda network: inputs, layers=True, quiet=True, **options)


@pytest.mark.xdist_group("fixed")
@pytest.mark.parametrize("classes", [range(0, 5), range(5, 10)])
def test_both_networks_run_on_the_same_hardware(classes):
    model = DIGITS / f"digits_{classes[0]}_{classes[-1]}.tflite"
    assert simulator(for_model(SPEC, model)) == simulator(SPEC)
    report = _run(model, classes, simulate=True, stalls=1)
    assert report.bit_exact, report.mismatch
    assert report.cycles_per_inference == report.predicted_cycles_per_inference
    assert [layer["name"] for layer in report.layers if layer.get("unit") == "fixed"] == [
        "conv1", "conv2"]
    assert report.accuracy >= 7 / 8


@pytest.mark.xdist_group("fixed")
def test_network_of_another_front_end_is_refused():
    with pytest.raises(CompileFault, match=r"layer conv1 \(CONV_2D\) must be as in "
                                           r"front_end\.network"):
        _run(DIGITS / "digits_dense.tflite", range(5), simulate=False)
