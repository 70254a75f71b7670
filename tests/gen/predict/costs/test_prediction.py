# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pytest
from systolith.gen import demo
from systolith.gen.build import arithmetic, parameters
from systolith.gen.compiler import compile_network
from systolith.gen.importer import load as load_model
from systolith.gen.predict import predict
from systolith.gen.predict.costs import engine_energy, load_costs, logic_area
from systolith.gen.spec import load
from systolith.golden import interpreter

MODEL = Path(demo.__file__).with_name("digits_dbb4.tflite")
COSTS = load_costs("asap7")


def _areas(*overrides, name="kws-edge"):
    spec = load(name, overrides)
    built = arithmetic(spec, asic=True, inverting=True)
    return {area.name: area.um2 for area in logic_area(parameters(spec), built, COSTS)}


def test_area_by_block():
    areas = _areas()
    assert list(areas)[0] == "TPEs"
    assert all(area > 0 for area in areas.values())


def test_more_tpes_take_proportionally_more():
    small, large = _areas(), _areas("engine.grid={m: 4, n: 4}")
    assert large["TPEs"] == pytest.approx(4 * small["TPEs"])
    assert large["engine"] > small["engine"]


@pytest.mark.parametrize(("override", "block"), [
    ("vector.lanes=32", "vector unit"), ("bus.dma=null", None),
    ("vector.fused_channels=0", None)])
def test_blocks_follow_the_spec(override, block):
    before, after = _areas(), _areas(override)
    if block is None:
        assert sum(after.values()) < sum(before.values())
    else:
        assert after[block] > 1.5 * before[block]


def _energy(tensors=None, clock=200, **overrides):
    spec = load("kws-edge", [f"{key}={value}" for key, value in overrides.items()])
    network = load_model(MODEL)
    program = compile_network(spec, network)
    built = arithmetic(spec, asic=True, inverting=True)
    return engine_energy(program, predict(program), built, COSTS, clock_mhz=clock,
                         tensors=tensors)


def test_energy_of_every_layer():
    layers = _energy()
    assert len(layers) == 5 and all(energy > 0 for energy in layers)
    assert layers[2] == max(layers)  # the one with most products
    assert layers[3] == min(layers)  # no product at all: clocks and leakage


def test_a_slower_clock_leaks_more():
    assert sum(_energy(clock=20)) > sum(_energy(clock=200))


def test_zeros_take_less_than_what_is_drawn():
    network = load_model(MODEL)
    shape = network.tensors[network.inputs[0]].shape
    values = np.full((1, *shape[1:]), -128, np.int8)
    tensors = interpreter.run(network, values) | {network.inputs[0]: values}
    assert _energy(tensors)[0] < _energy()[0]
