# SPDX-License-Identifier: Apache-2.0
"""Whole networks on the whole accelerator in Verilator: bits per layer, cycles per layer."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import systolith.gen.demo as demo
from systolith.gen.build import parameters
from systolith.gen.cli.inputs import load_inputs
from systolith.gen.compiler import compile_network
from systolith.gen.counters import measured_activity, measured_bank_words
from systolith.gen.importer.tflite import load as load_model
from systolith.gen.predict import Activity, predict, predict_activity, predict_bank_words
from systolith.gen.spec import load
from systolith.golden.interpreter import run as run_golden
from systolith.verif.inference import run_network
from systolith.verif.networks import branching_network, small_network
from systolith.verif.run import run, simulator
from systolith.verif.simulator import SimulationFault

from ..exact import check as _check
from ..further import further
from ..random_designs import (
    fuse_all,
    random_bounds,
    random_inputs,
    random_network,
    random_overrides,
    thinned,
    vector_network,
)

DIGITS = Path(demo.__file__).parent
KWS = load("kws-edge", ["engine.zero_gating=true"])
ENGINES = [pytest.param(kind, marks=pytest.mark.xdist_group(kind))  # s2ta-w is sta-dbb's hardware
           for kind in ("sa", "sta", "sta-dbb", "vdbb", "s2ta-aw")]


def _gated(kind: str):
    """The spec ``demo`` with another engine, its accumulators gated.

    A simulator takes a minute to build: tests share these, and ``make evidence`` shows the rest.
    """
    return load("demo", [f"engine.kind={kind}", "postproc.lanes=8", "engine.zero_gating=true",
                         "memory.weights=256 KiB"])


def _few(path: Path, count: int):
    return lambda network: load_inputs(path, network).first(count)


@pytest.mark.parametrize("kind", ENGINES)
def test_digits_every_layer_and_cycle(kind):
    report = run_network(_gated(kind), DIGITS / "digits_dbb4.tflite",
                         _few(DIGITS / "digits_held_back.npz", 20),
                         simulate=True, layers=True, quiet=True)
    assert report.bit_exact, report.mismatch
    assert report.cycles_per_inference == report.predicted_cycles_per_inference
    on_core = [layer for layer in report.layers if layer["cycles"] != "host"]
    assert len(on_core) == 5
    assert all(layer["cycles"] == layer["predicted_cycles"] for layer in on_core)


@pytest.mark.xdist_group("kws")
def test_kws_every_layer_and_cycle(networks):
    report = run_network(KWS, networks / "kws_ref_model.tflite",
                         _few(networks / "kws_public100.npz", 5),
                         simulate=True, layers=True, quiet=True)
    assert report.bit_exact, report.mismatch
    counts = report.activity
    assert counts == report.predicted_activity
    assert 0 < counts["macs_gated_activation"] < counts["macs_issued"]
    assert report.cycles_per_inference == report.predicted_cycles_per_inference


@pytest.mark.parametrize(("model", "bound"), [("kws_ref_model", 14000), ("kws_dbb4_ft", 9500),
                                              ("kws_dbb2_ft", 7500)])
@pytest.mark.xdist_group("kws")
def test_streamed_non_zeros_pay(networks, model, bound):
    report = run_network(load("kws-vdbb"), networks / f"{model}.tflite",
                         _few(networks / "kws_public100.npz", 2), simulate=True, layers=True,
                         quiet=True)
    assert report.bit_exact, report.mismatch
    assert report.cycles_per_inference == report.predicted_cycles_per_inference <= bound


@pytest.mark.xdist_group("kws")
def test_pruned_activations_pay(networks):
    report = run_network(load("kws-s2ta-aw"), networks / "kws_dbb4_ft.tflite",
                         _few(networks / "kws_public100.npz", 2), simulate=True, layers=True,
                         activation_nnz=["4"], quiet=True)
    assert report.bit_exact, report.mismatch
    assert sum(layer["fused"] for layer in report.layers) == 4
    assert report.cycles_per_inference == report.predicted_cycles_per_inference
    apart = run_network(load("kws-s2ta-aw"), networks / "kws_dbb4_ft.tflite",
                        _few(networks / "kws_public100.npz", 1), simulate=True, layers=True,
                        activation_nnz=["4"], unfused=True, quiet=True)
    assert apart.bit_exact, apart.mismatch
    assert not any(layer["fused"] for layer in apart.layers)
    pruned = [layer["cycles"] for layer in report.layers[1:]
              if layer["op"] in ("CONV_2D", "FULLY_CONNECTED")]
    # The shape and lanes that ``make evidence`` finds best for it.
    dense = predict(compile_network(load("kws-sa", ["postproc.lanes=32"]),
                                    load_model(networks / "kws_dbb4_ft.tflite")))
    rival = [layer.cycles for layer in dense.layers[1:]
             if layer.op in ("CONV_2D", "FULLY_CONNECTED")]
    assert len(pruned) == len(rival) == 5
    assert sum(rival) >= 1.9 * sum(pruned)
    assert dense.cycles >= 1.6 * report.cycles_per_inference


@pytest.mark.parametrize("seed", [0, 1, 2, *further(range(3, 6))])
@pytest.mark.xdist_group("s2ta-aw")
def test_random_networks_with_pruned_activations(seed):
    spec = _gated("s2ta-aw")
    rng = np.random.default_rng(200 + seed)
    network = random_bounds(rng, random_network(rng), parameters(spec).facts)
    inputs = random_inputs(rng, network, 3)
    _check(spec, network, inputs)


@pytest.mark.xdist_group("kws")
def test_sparse_weights_pay(networks):
    spec = KWS
    cycles = {}
    for model in ("kws_ref_model", "kws_dbb4_ft"):
        report = run_network(spec, networks / f"{model}.tflite",
                             _few(networks / "kws_public100.npz", 2), simulate=True, layers=True,
                             quiet=True)
        assert report.bit_exact, report.mismatch
        cycles[model] = sum(layer["cycles"] for layer in report.layers[1:]
                            if layer["op"] in ("CONV_2D", "FULLY_CONNECTED"))
    assert cycles["kws_dbb4_ft"] <= 0.60 * cycles["kws_ref_model"]


@pytest.mark.xdist_group("residual")
def test_residual_network(networks):
    spec = load("demo", ["memory.activations=128 KiB", "memory.weights=256 KiB"])
    network = load_model(networks / "pretrainedResnet_quant.tflite")
    assert sum(layer.kind == "ADD" for layer in network.layers) == 3
    _check(spec, network, random_inputs(np.random.default_rng(0), network, 1))


@pytest.mark.xdist_group("demo")
def test_observation_and_stalls_change_nothing():
    spec = load("demo")
    rng = np.random.default_rng(5)
    network = random_network(rng)
    program = compile_network(spec, network)
    inputs = random_inputs(rng, network, 3)
    model = simulator(spec)
    plain = run(program, inputs, model)
    watched = run(program, inputs, model, layers=True)
    stalled = run(program, inputs, model, layers=True, stalls=11)
    direct = run(program, inputs, model, layers=True, window=False)
    for other in (watched, stalled, direct):
        assert other.counters == plain.counters
        np.testing.assert_array_equal(other.outputs, plain.outputs)
        np.testing.assert_array_equal(other.cycles, plain.cycles)
        np.testing.assert_array_equal(other.layer_cycles, plain.layer_cycles)


@pytest.mark.xdist_group("demo")
def test_inputs_over_several_simulations():
    spec = load("demo")
    rng = np.random.default_rng(6)
    network = random_network(rng)
    program = compile_network(spec, network)
    inputs = random_inputs(rng, network, 5)
    counts = []
    one = run(program, inputs, simulator(spec), layers=True)
    two = run(program, inputs, simulator(spec), layers=True, jobs=2, progress=counts.append)
    assert one.counters == two.counters
    for index, tensor in one.layers.items():
        np.testing.assert_array_equal(two.layers[index], tensor)
    for name in ("outputs", "cycles", "layer_cycles"):
        np.testing.assert_array_equal(getattr(two, name), getattr(one, name))
    assert max(counts) <= 5


@pytest.mark.parametrize("kind", ENGINES[::2])
def test_batches(kind):
    """Several inputs a run, the last run not full: bits of every input, cycles, counters."""
    spec = _gated(kind)
    rng = np.random.default_rng(8)
    network = vector_network(rng)
    program = compile_network(spec, network, batch=6)
    inputs = random_inputs(rng, network, 15)
    result = run(program, inputs, simulator(spec), layers=True)
    golden = run_golden(network, inputs)
    assert len(result.layers) == 4
    for index, tensor in result.layers.items():
        np.testing.assert_array_equal(tensor, golden[index].reshape(tensor.shape))
    np.testing.assert_array_equal(result.outputs, golden[4].reshape(result.outputs.shape))
    prediction = predict(program)
    assert result.cycles.tolist() == [prediction.cycles] * 3
    last = [12, 13, 14, 14, 14, 14]
    predicted = sum(predict_activity(program, {0: inputs[last]} | {
        index: tensor[last] for index, tensor in golden.items()}), Activity(weight_reads=1))
    assert measured_activity(result.counters) == predicted


@pytest.mark.xdist_group("demo")
def test_simulation_that_fails_says_why():
    spec = load("demo")
    rng = np.random.default_rng(7)
    network = random_network(rng)
    program = compile_network(spec, network)
    inputs = random_inputs(rng, network, 4)
    with pytest.raises(SimulationFault, match="RunError: run failed in layer 0 with cause"):
        run(program, inputs, simulator(spec), watchdog=5, jobs=2)


@pytest.mark.parametrize("seed", [0, 1, 2, *further((3, 5, 6))])  # of a size that fits its memories
@pytest.mark.xdist_group("demo")
def test_random_networks_on_the_demo_spec(seed):
    _check_random(load("demo"), np.random.default_rng(seed))


@pytest.mark.xdist_group("s2ta-aw")
def test_read_out_in_place():
    spec = load("demo", ["engine.kind=s2ta-aw", "postproc.lanes=8", "drain.read_out=in-place",
                         "memory.weights=256 KiB"])
    for seed in range(4):
        _check_random(spec, np.random.default_rng(300 + seed))


@pytest.mark.parametrize("seed", [101])
def test_random_specs(seed):
    rng = np.random.default_rng(seed)
    _check_random(load("demo", random_overrides(rng)), rng)


def _check_random(spec, rng):
    network = random_bounds(rng, random_network(rng), parameters(spec).facts)
    _check(spec, network, random_inputs(rng, network, 3))


@pytest.mark.parametrize("kind", ENGINES)
def test_random_networks(kind):
    spec = _gated(kind)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        network = random_network(rng)
        _check(spec, network, random_inputs(rng, network, 2))


@pytest.mark.parametrize("kind", ENGINES)
def test_branches(kind):
    """Pools, padding, concatenation, means; some tensors must be copied, some need not."""
    for seed, compiled in enumerate((compile_network, fuse_all)):
        rng = np.random.default_rng(seed)
        network = branching_network(rng)
        program = _check(_gated(kind), network, random_inputs(rng, network, 3), compiled)
        assert len(program.lowered.copies) == 3
        assert len(program.lowered.inside) == 26


@pytest.mark.parametrize("make", [small_network, branching_network,
                                  partial(random_network, layers=6, separable=True)])
@pytest.mark.xdist_group("demo")
def test_words_of_every_bank(make):
    spec = load("demo")
    rng = np.random.default_rng(7)
    network = make(rng)
    for compiled in (compile_network, fuse_all):
        program = compiled(spec, network)
        inputs = random_inputs(rng, network, 1)
        result = run(program, inputs, simulator(spec), bench="banks")
        banks = program.parameters.banks
        for measured, predicted in zip(measured_bank_words(result.counters, banks),
                                       predict_bank_words(program), strict=True):
            np.testing.assert_array_equal(measured, predicted)
        assert result.cycles.tolist() == [predict(program).cycles] * 2 * banks


@pytest.mark.parametrize("kind", ENGINES)
def test_fused_layers(kind):
    """A depthwise layer fused with the next, whether it pays or not: bits, cycles, counters."""
    spec = _gated(kind)
    pairs = 0
    for seed in range(400, 405):
        rng = np.random.default_rng(seed)
        network = random_bounds(rng, random_network(rng, layers=6, separable=True),
                                parameters(spec).facts)
        program = _check(spec, network, random_inputs(rng, network, 2), fuse_all)
        pairs += sum(layer.fused for layer in program.layers)
    assert pairs >= 10


@pytest.mark.parametrize("kind", [*further(ENGINES[:3]), *ENGINES[3:]])
def test_skipped_blocks_and_sorted_channels(kind):
    spec = _gated(kind)
    skipped, orders = 0.0, 0
    for seed in range(4):
        rng = np.random.default_rng(400 + seed)
        network = random_bounds(rng, thinned(rng, random_network(rng)), parameters(spec).facts)
        program = _check(spec, network, random_inputs(rng, network, 3))
        skipped += sum(layer.plan.skipped for layer in program.layers if layer.plan)
        orders += len(program.lowered.orders)
    assert (skipped > 0.5 and orders > 0) == parameters(spec).facts.compressed


@pytest.mark.xdist_group("demo")
def test_json_report_has_the_promised_keys(tmp_path):
    from systolith.gen.cli import create_app
    from typer.testing import CliRunner

    source = np.load(DIGITS / "digits_held_back.npz")
    np.savez(tmp_path / "x.npz", input=source["input"][:2], labels=source["labels"][:2])
    result = CliRunner().invoke(create_app(), [
        "run", "demo", str(DIGITS / "digits_dbb4.tflite"), "--input", str(tmp_path / "x.npz"),
        "--on", "verilator", "--json", "--layers", "-o", str(tmp_path / "y.npz")])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["bit_exact"] is True and report["inferences"] == 2
    assert {"accuracy", "cycles_per_inference", "predicted_cycles_per_inference",
            "utilisation"} <= report.keys()
    assert {"name", "op", "cycles", "predicted_cycles", "macs",
            "utilisation"} <= report["layers"][0].keys()
    assert report["layers"][-1]["cycles"] == "host"
    with np.load(tmp_path / "y.npz") as written:
        assert written["output"].shape == (2, 10)
        assert sum(name.startswith("t") for name in written.files) == 7
