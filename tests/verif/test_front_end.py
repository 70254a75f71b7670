# SPDX-License-Identifier: Apache-2.0
"""Front ends of real networks in Verilator: every tensor, cycles, abort and restart."""

import random
from importlib.resources import as_file, files

import numpy as np
import pytest
from systolith.gen.fixed.pipeline import front_end
from systolith.gen.importer import load
from systolith.verif.front_end import FrontEndBench


@pytest.fixture(scope="module", params=["digits", "keyword spotting", "visual wake words"])
def case(request):
    """A bench and inputs."""
    if request.param == "digits":
        with as_file(files("systolith.gen.demo")) as shipped:
            network = load(shipped / "digits_dbb4.tflite")
            inputs = np.load(shipped / "digits_held_back.npz")["input"][:8]
        layers = range(2)
    else:
        folder = request.getfixturevalue("networks")
        if request.param == "keyword spotting":
            network = load(folder / "kws_ref_model.tflite")
            inputs = np.load(folder / "kws_public100.npz")["input"][:8]
            layers = range(3)
        else:
            network = load(folder / "vww_96_int8.tflite")
            rng = np.random.default_rng(0)
            inputs = rng.integers(-128, 128, (8, 96, 96, 3)).astype(np.int8)
            layers = range(7)
    inputs = inputs.reshape(len(inputs), *network.tensors[network.inputs[0]].shape[1:])
    return FrontEndBench(network, front_end(network, layers, monitors=True)), inputs


def test_every_tensor_and_cycle(case, tmp_path):
    bench, inputs = case
    found = bench.run(inputs, tmp_path)
    assert bench.mismatch(inputs, found) is None
    assert found.frames.tolist() == list(range(len(inputs)))
    timing = bench.timing
    assert found.last[0] - found.first[0] == timing.latency
    assert np.diff(found.last)[2:].tolist() == [timing.interval] * (len(inputs) - 3)
    # one pixel a cycle
    assert timing.interval == bench.parameters.in_shape[0] * bench.parameters.in_shape[1]


def test_stalls_at_both_ends(case, tmp_path):
    bench, inputs = case
    found = bench.run(inputs, tmp_path, stalls=1)
    assert bench.mismatch(inputs, found) is None
    assert found.frames.tolist() == list(range(len(inputs)))


@pytest.mark.parametrize("stalls", [None, 2])
def test_abort_and_restart_leave_no_residue(case, stalls, tmp_path):
    bench, inputs = case
    pixels = bench.parameters.in_shape[0] * bench.parameters.in_shape[1]
    rng = random.Random(3)
    steps = []
    for _ in range(4):
        for ending in rng.sample(["abort", "first"], 2):
            steps.append((rng.randrange(len(inputs)), rng.randrange(1, pixels), ending))
        steps += [(rng.randrange(len(inputs)), pixels, "") for _ in range(rng.randint(0, 2))]
    steps += [(0, pixels, ""), (1, pixels, "")]
    found = bench.run(inputs, tmp_path, steps=steps, stalls=stalls)
    assert bench.mismatch(inputs, found, tensors=False) is None
    assert found.frames.tolist()[-2:] == [0, 1]
