# SPDX-License-Identifier: Apache-2.0
"""Layers that run, or do not, depending on the host's flags and on earlier results."""

from pathlib import Path

import numpy as np
import pytest
import systolith.gen.demo as demo
from systolith.gen.cli.inputs import load_inputs
from systolith.gen.compile import Condition, Judgement, layers_run
from systolith.gen.compiler import compile_network
from systolith.gen.predict import predict
from systolith.gen.spec import load
from systolith.golden.interpreter import run as run_golden
from systolith.verif.inference import run_network
from systolith.verif.networks import small_network
from systolith.verif.run import run, simulator

from ..random_designs import random_inputs

DIGITS = Path(demo.__file__).parent


def _runs(program, conditions, tensors, count):
    layers = [layer.lowered for layer in program.layers]
    return [layers_run(layers, conditions, {index: tensor[number] for index, tensor in
                                            tensors.items()}) for number in range(count)]


@pytest.mark.xdist_group("demo")
@pytest.mark.parametrize("conditions", [0, 0b100, 0b1000])
def test_layers_wait_for_the_hosts_flags(conditions):
    spec, rng = load("demo"), np.random.default_rng(3)
    network = small_network(rng)
    program = compile_network(spec, network, conditions={
        "pool": Condition(2), "dense": Condition(3, False)})
    inputs = random_inputs(rng, network, 3)
    golden = run_golden(network, inputs)
    runs = _runs(program, conditions, golden, len(inputs))
    assert [layer.lowered.name for layer, ran in zip(program.layers, runs[0], strict=True)
            if not ran] == {0: ["pool"], 0b100: [], 0b1000: ["pool", "dense"]}[conditions]
    result = run(program, inputs, simulator(spec), layers=True, conditions=conditions, runs=runs)
    prediction = predict(program, runs=runs[0])
    assert result.cycles.tolist() == [prediction.cycles] * 3
    assert result.layer_cycles[0].tolist() == [layer.cycles for layer in prediction.layers]
    # Up to the first layer that is left out, and beyond it what does not depend on it.
    exact = [index for index in result.layers if index < 6 or conditions == 0b100]
    assert len(exact) == (7 if conditions == 0b100 else 5)
    for index in exact:
        np.testing.assert_array_equal(result.layers[index],
                                      golden[index].reshape(result.layers[index].shape))


@pytest.mark.xdist_group("demo")
def test_results_decide():
    """Layers behind one that judges run only on inputs with a large enough result."""
    spec, rng = load("demo"), np.random.default_rng(4)
    network = small_network(rng)
    inputs = random_inputs(rng, network, 12)
    golden = run_golden(network, inputs)
    peaks = golden[6].reshape(len(inputs), -1).max(1)
    threshold = int(np.sort(peaks)[len(peaks) // 2])
    program = compile_network(spec, network, judgements={"pool": Judgement(9, threshold)},
                              conditions={"dense": Condition(9)})
    runs = _runs(program, 0, golden, len(inputs))
    ran = [run_[-1] for run_ in runs]
    assert ran == (peaks > threshold).tolist() and 0 < sum(ran) < len(ran)
    result = run(program, inputs, simulator(spec), layers=True, runs=runs)
    assert result.cycles.tolist() == [predict(program, runs=run_).cycles for run_ in runs]
    for number in np.flatnonzero(ran):
        np.testing.assert_array_equal(result.layers[7][number].ravel(), golden[7][number].ravel())
    for index in range(1, 7):
        np.testing.assert_array_equal(result.layers[index],
                                      golden[index].reshape(result.layers[index].shape))


@pytest.mark.xdist_group("s2ta-aw")
@pytest.mark.parametrize("conditions", [0, 1])
def test_density_by_flag(conditions):
    """Pruned layers in both forms: each run equals golden of its form, in bits and cycles."""
    spec = load("demo", ["engine.kind=s2ta-aw", "postproc.lanes=8", "engine.zero_gating=true",
                         "memory.weights=256 KiB"])
    report = run_network(spec, DIGITS / "digits_dbb4.tflite",
                         lambda network: load_inputs(DIGITS / "digits_held_back.npz",
                                                     network).first(4),
                         simulate=True, layers=True, activation_nnz=["3"], switchable=True,
                         conditions=conditions, quiet=True)
    assert report.bit_exact, report.mismatch
    skipped = [layer for layer in report.layers if layer["cycles"] != "host"
               and layer["cycles"] < 40]
    assert skipped and sum("(pruned)" in layer["name"] for layer in skipped) == (
        0 if conditions else len(skipped))
