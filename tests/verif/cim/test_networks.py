# SPDX-License-Identifier: Apache-2.0
"""Whole networks on compute-in-memory macros in Verilator: bits per layer, cycles per layer."""

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import systolith.gen.demo as demo
from systolith.gen.cim.reference import array_tensors
from systolith.gen.compile import core_tensors
from systolith.gen.compiler import compile_network
from systolith.gen.counters import measured_activity, measured_stalls
from systolith.gen.importer import load as load_model
from systolith.gen.predict import Activity, predict, predict_activity
from systolith.gen.predict.cim import conversions
from systolith.gen.spec import load
from systolith.golden import interpreter
from systolith.verif.cim.network import aged, compare, run_on_cells
from systolith.verif.networks import of_one_sign, small_network
from systolith.verif.run import run, simulator

from ...further import further
from ...random_designs import random_inputs, random_network

pytestmark = pytest.mark.xdist_group("cim")
SHAPE = ["cim.rows=152", "cim.columns=128", "postproc.lanes=8"]
DIGITAL = load("cim-digital", SHAPE)
PCM = load("cim-pcm", [*SHAPE, "cim.adc_shift=10"])
FOLDER = Path(demo.__file__).parent


def check(spec, network, inputs):
    """Tensors, cycles, stalls and events are golden's and the prediction's, in every run."""
    program = compile_network(spec, network)
    result = run(program, inputs, simulator(spec), layers=True)
    golden = core_tensors(program.lowered, {network.inputs[0]: inputs}
                          | array_tensors(program, inputs, spec.cim))
    for index, tensor in (*result.layers.items(), (program.lowered.output, result.outputs)):
        np.testing.assert_array_equal(tensor, golden[index].reshape(tensor.shape))
    prediction = predict(program)
    assert result.cycles.tolist() == [prediction.cycles] * len(inputs)
    assert result.layer_cycles.tolist() == [
        [layer.cycles for layer in prediction.layers]] * len(inputs)
    assert measured_stalls(result.counters) == prediction.stalls
    last = {index: tensor[-1:] for index, tensor in golden.items()}
    assert measured_activity(result.counters) == sum(predict_activity(program, last), Activity())
    assert result.counters["CONVERSIONS"] == sum(map(conversions, program.layers))
    return program


def test_small_network_is_exact():
    rng = np.random.default_rng(1)
    network = small_network(rng)
    check(DIGITAL, network, random_inputs(rng, network, 2))


def test_depthwise_on_the_vector_unit():
    rng = np.random.default_rng(2)
    network = small_network(rng)
    spec = load("cim-digital", [*SHAPE, "cim.depthwise=vector"])
    program = check(spec, network, random_inputs(rng, network, 2))
    assert program.mapping_rows[1]["unit"] == "vector"


@pytest.mark.parametrize(("activations", "weights"), [(6, 8), (4, 4), (8, 5), (1, 2)])
def test_fewer_bits(activations, weights):
    rng = np.random.default_rng(activations)
    network = small_network(rng)
    check(load("cim-digital", [*SHAPE, f"cim.activation_bits={activations}",
                               f"cim.weight_bits={weights}"]),
          network, random_inputs(rng, network, 2))


@pytest.mark.parametrize("seed", range(4))
def test_random_networks(seed):
    rng = np.random.default_rng(seed)
    network = random_network(rng, layers=3, sides=(4, 7))
    check(load("cim-digital", [*SHAPE, "cim.depthwise=vector"]), network,
          random_inputs(rng, network, 2))


@pytest.mark.parametrize("bits", [8, 6, 4])
def test_pcm_of_ideal_cells(bits):
    rng = np.random.default_rng(4)
    network = small_network(rng)
    check(replace_bits(PCM, bits), network, random_inputs(rng, network, 2))


def replace_bits(spec, bits):
    return spec.model_copy(update={"cim": spec.cim.model_copy(update={"activation_bits": bits})})


@pytest.mark.parametrize(("seed", "seconds"), [(1, 25.0), (2, 3600.0), (3, 86400.0)])
def test_pcm_of_aged_cells(seed, seconds):
    rng = np.random.default_rng(seed)
    network = small_network(rng)
    program = compile_network(PCM, network)
    assert compare(PCM, program, random_inputs(rng, network, 2), aged(program, seed, seconds)) \
        is None


def test_another_seed_gives_other_results():
    rng = np.random.default_rng(5)
    network = small_network(rng)
    program = compile_network(PCM, network)
    array, inputs = aged(program, 1, 3600.0), random_inputs(rng, network, 2)
    outputs = [run_on_cells(PCM, program, inputs, replace(array, seed=seed)).layers[1]
               for seed in (1, 2)]
    assert not np.array_equal(*outputs)


def test_a_wrong_compensation_is_seen():
    rng = np.random.default_rng(6)
    network = small_network(rng)
    program = compile_network(PCM, network)
    array, inputs = aged(program, 1, 86400.0), random_inputs(rng, network, 1)
    assert array.gdc > 1 << 13
    golden = array_tensors(program, inputs, PCM.cim, cells=array.cells, seed=1)  # of 1.0
    result = run_on_cells(PCM, program, inputs, array)
    assert any(not np.array_equal(tensor, golden[index].reshape(tensor.shape))
               for index, tensor in result.layers.items() if index in golden)


def test_weights_that_are_reloaded():
    rng = np.random.default_rng(7)
    network = small_network(rng)
    spec = load("cim-digital", ["cim.rows=152", "cim.columns=32", "cim.mux=2", "postproc.lanes=8",
                                "cim.residency=reloaded"])
    program = check(spec, network, random_inputs(rng, network, 2))
    assert sum(layer.load_words > 0 for layer in program.layers) > 1


@pytest.mark.parametrize("settings", [
    ("cim.fragment=4", "cim.weight_bits=5"),
    *further([(("cim.fragment=8",),),
              (("cim.fragment=16", "cim.rows=160", "cim.weight_bits=1", "cim.activation_bits=6"),),
              (("cim.fragment=8", "cim.residency=reloaded", "cim.columns=32", "cim.mux=2"),)])],
    ids=str)
def test_sign_groups(settings):
    rng = np.random.default_rng(9)
    network = of_one_sign(rng, small_network(rng))
    spec = load("cim-digital", [*SHAPE, *settings])
    program = check(spec, network, random_inputs(rng, network, 2))
    plain = compile_network(load("cim-digital", [*SHAPE, *settings, "cim.fragment=0"]), network)
    saved = predict(plain).cycles - predict(program).cycles
    assert saved > 0 if spec.cim.weight_bits > 1 else saved == 0


def test_row_tiles_phases_and_neighbours():
    rng = np.random.default_rng(8)
    network = small_network(rng)
    spec = load("cim-digital", ["cim.rows=104", "cim.columns=64", "postproc.lanes=8",
                                "cim.mux_map=adjacent"])
    program = check(spec, network, random_inputs(rng, network, 2))
    places = [row for row in program.mapping_rows if row["unit"] == "array"]
    assert max(row["array_tiles"] for row in places) > 1
    assert max(row["phases"] for row in places) > 1


def demo_network():
    """The network, and two of its inputs."""
    network = load_model(FOLDER / "digits_dense.tflite")
    with np.load(FOLDER / "digits_held_back.npz") as held_back:
        return network, network.tensors[network.inputs[0]].from_model(held_back["input"][:2])


def test_users_macro():
    """Exact codes give the tensors of the network itself."""
    network, inputs = demo_network()
    spec = load(str(files("systolith.verif.cim").joinpath("example_macro.yaml")))
    program = check(spec, network, inputs)
    found = array_tensors(program, inputs, spec.cim)
    exact = interpreter.run(network, inputs)
    assert all(np.array_equal(found[index], exact[index]) for index in found)


@pytest.mark.parametrize("name", ["cim-digital", "cim-pcm"])
def test_demo_network(name):
    spec = load(name, ["cim.rows=296", "cim.columns=128", "cim.mux=1", "postproc.lanes=16"])
    network, inputs = demo_network()
    if name == "cim-digital":
        check(spec, network, inputs)
        return
    program = compile_network(spec, network)
    assert compare(spec, program, inputs, aged(program, 1, 3600.0)) is None
