# SPDX-License-Identifier: Apache-2.0
"""Front ends in Verilator: every tensor, cycles, abort and restart."""

import random
from importlib.resources import as_file, files

import numpy as np
import pytest
from systolith.gen.fixed.pipeline import front_end
from systolith.gen.importer import load
from systolith.golden.network import AveragePool, MaxPool
from systolith.verif.front_end import FrontEndBench
from systolith.verif.networks import random_addition

from ..gen.fixed.small import convolution, depthwise, network

pytestmark = pytest.mark.xdist_group("front-end")


@pytest.fixture(scope="module")
def case():
    """A bench and inputs: the first layer of the digits; larger ones are among the evidence."""
    with as_file(files("systolith.gen.demo")) as shipped:
        network = load(shipped / "digits_dbb4.tflite")
        inputs = np.load(shipped / "digits_held_back.npz")["input"][:8]
    inputs = inputs.reshape(len(inputs), *network.tensors[network.inputs[0]].shape[1:])
    return FrontEndBench(network, front_end(network, range(1), monitors=True)), inputs


@pytest.mark.parametrize("stalls", [None, 4])
def test_every_kind_of_layer(stalls, tmp_path):
    rng = np.random.default_rng(0)
    same = ((3, 3), (1, 1), (1, 1, 1, 1))
    none = (0, 0, 0, 0)
    net = network(
        (6, 8, 2), convolution(rng, 0, 2, 4, *same), convolution(rng, 1, 4, 4, *same),
        random_addition(rng, "sum", (1, 2), 3, (-128, 7), 5),
        depthwise(rng, 3, 4, 8, (3, 3), (2, 2), (0, 1, 0, 1)),
        MaxPool("largest", "MAX_POOL_2D", (4,), 5, (2, 2), (1, 1), none, -128, 127),
        convolution(rng, 5, 8, 5, (1, 1)), convolution(rng, 6, 5, 5, (1, 1)),
        AveragePool("mean", "AVERAGE_POOL_2D", (7,), 8, (2, 3), (2, 3), none, -128, 127))
    parameters = front_end(net, range(8), folds={3: 2, 5: 3}, single_port=True, monitors=True)
    inputs = rng.integers(-128, 128, (6, 6, 8, 2)).astype(np.int8)
    bench = FrontEndBench(net, parameters)
    found = bench.run(inputs, tmp_path, stalls=stalls)
    assert bench.mismatch(inputs, found) is None
    assert found.frames.tolist() == list(range(6))
    if stalls is None:
        timing = bench.timing
        assert found.last[0] - found.first[0] == timing.latency
        assert found.last[-1] - found.last[-2] == timing.interval


def test_a_wrong_tensor_is_named(tmp_path):
    rng = np.random.default_rng(0)
    net = network((3, 4, 1), convolution(rng, 0, 1, 2, (3, 3), (1, 1), (1, 1, 1, 1)))
    bench = FrontEndBench(net, front_end(net, range(1), monitors=True))
    inputs = rng.integers(-128, 128, (2, 3, 4, 1)).astype(np.int8)
    found = bench.run(inputs, tmp_path)
    assert bench.mismatch(inputs, found) is None
    found.tensors[0] = found.tensors[0].copy()
    found.tensors[0][13, 1] ^= 1
    assert bench.mismatch(inputs, found).startswith("conv0: pixel 13, channel 1 is ")
    found.tensors[0] = found.tensors[0][:-1]
    assert bench.mismatch(inputs, found) == "conv0: 23 pixels, not 24"


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
