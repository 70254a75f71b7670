# SPDX-License-Identifier: Apache-2.0
"""Whole networks on the compact core in Verilator: bits per layer, cycles per layer."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import systolith.gen.demo as demo
from systolith.gen.build import parameters
from systolith.gen.cli.inputs import load_inputs
from systolith.gen.compiler import compile_network
from systolith.gen.predict import predict
from systolith.gen.spec import load
from systolith.golden import network as golden
from systolith.golden.interpreter import run as run_golden
from systolith.verif.inference import run_network
from systolith.verif.networks import branching_network, small_network
from systolith.verif.run import run, simulator
from systolith.verif.stress import COMPACT_BENCHES, stress

from ..random_designs import random_inputs, random_network, vector_network

DIGITS = Path(demo.__file__).parent
SPEC = load("demo-icebreaker")
WIDE = load("demo-icebreaker", ["engine.accumulator_bits=32"])
KINDS = ("conv", "depthwise", "pointwise", "pool")
pytestmark = pytest.mark.xdist_group("compact")


def check(spec, network, inputs, *, batch=1, **options):
    """Every layer's tensor equals golden, every layer's cycles the prediction, in every run."""
    program = compile_network(spec, network, batch=batch)
    result = run(program, inputs, simulator(spec), layers=True, **options)
    tensors = run_golden(network, inputs)
    for index, tensor in (*result.layers.items(), (program.lowered.output, result.outputs)):
        if index in tensors:
            np.testing.assert_array_equal(tensor, tensors[index].reshape(tensor.shape))
    prediction = predict(program)
    runs = -(-len(inputs) // batch)
    assert result.cycles.tolist() == [prediction.cycles] * runs
    assert result.layer_cycles.tolist() == [[layer.cycles for layer in prediction.layers]] * runs


@pytest.mark.parametrize("model", ["digits_dense", "digits_dbb4"])
def test_digits_every_layer_and_cycle(model):
    report = run_network(
        SPEC, DIGITS / f"{model}.tflite",
        lambda network: load_inputs(DIGITS / "digits_held_back.npz", network).first(4),
        simulate=True, layers=True, quiet=True)
    assert report.bit_exact, report.mismatch
    assert report.cycles_per_inference == report.predicted_cycles_per_inference < 65_000


@pytest.mark.parametrize("model", ["kws_ref_model", "kws_dbb4_ft"])
def test_kws_every_layer_and_cycle(networks, model):
    report = run_network(
        SPEC, networks / f"{model}.tflite",
        lambda network: load_inputs(networks / "kws_public100.npz", network).first(2),
        simulate=True, layers=True, window=False, quiet=True)
    assert report.bit_exact, report.mismatch
    assert report.cycles_per_inference == report.predicted_cycles_per_inference < 650_000


@pytest.mark.parametrize("stalls", [None, 5])
def test_small_network(stalls):
    rng = np.random.default_rng(8)
    network = small_network(rng, adds=False)
    check(SPEC, network, random_inputs(rng, network, 3), stalls=stalls)


@pytest.mark.parametrize("seed", range(6))
def test_random_networks(seed):
    rng = np.random.default_rng(seed)
    network = random_network(rng, kinds=KINDS, separable=seed % 3 == 2)
    check(WIDE, network, random_inputs(rng, network, 3), window=bool(seed % 2))


def test_pools_with_padding_and_joined_tensors():
    rng = np.random.default_rng(4)
    network = branching_network(rng)
    network = replace(network, layers=tuple(
        golden.AveragePool(layer.name, "AVERAGE_POOL_2D", layer.sources, layer.output, layer.kernel,
                           layer.stride, layer.padding, layer.low, layer.high)
        if isinstance(layer, golden.MaxPool) else layer for layer in network.layers))
    check(WIDE, network, random_inputs(rng, network, 3))


def test_batches():
    rng = np.random.default_rng(5)
    network = vector_network(rng)
    first, second, _, last = network.layers
    network = replace(network, layers=(first, second, replace(last, sources=(2,))))
    check(WIDE, network, random_inputs(rng, network, 7), batch=3)


@pytest.mark.parametrize("bench", COMPACT_BENCHES)
def test_bench_sees_a_wrong_bit(bench):
    assert not all(passed for _, passed, _ in stress(SPEC, [bench], falsify=True))


@pytest.mark.slow
def test_benches_hold():
    results = stress(SPEC, ["resets", "compact"])
    assert len(results) >= 18
    assert [(name, detail) for name, passed, detail in results if not passed] == []


def test_memories_fill_those_of_an_up5k():
    assert parameters(SPEC).memory_words == 4 * 16384 * 16 // 64
