# SPDX-License-Identifier: Apache-2.0
"""The C driver in front of the RTL: whole networks bit for bit, and every error that it names."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import systolith.gen.demo as demo
from systolith.gen.cli.inputs import load_inputs
from systolith.gen.compiler import compile_network
from systolith.gen.importer import load as load_model
from systolith.gen.spec import load
from systolith.verif.c_driver import check_driver
from systolith.verif.networks import small_network
from systolith.verif.stress import spilling_program

from ...external import external_spec

WISHBONE = ["bus.control=wishbone", "bus.window=wishbone"]
DIGITS = Path(demo.__file__).parent


def _digits(spec, count: int):
    network = load_model(DIGITS / "digits_dbb4.tflite")
    inputs = load_inputs(DIGITS / "digits_held_back.npz", network).first(count)
    return compile_network(spec, network), inputs.values


def _small(spec, *, channels_first: bool = False):
    """With channels first, input and output are also of bytes without sign."""
    network = small_network(np.random.default_rng(5))
    if channels_first:
        tensors = dict(network.tensors)
        for index in (*network.inputs, *network.outputs):
            tensor = tensors[index]
            image = tensor.shape[1:] if len(tensor.shape) == 4 else (tensor.shape[-1] // 2, 1, 2)
            tensors[index] = replace(tensor, dtype="uint8", channels_first=image)
        network = replace(network, tensors=tensors)
    shape = network.tensors[network.inputs[0]].shape[1:]
    return compile_network(spec, network), np.random.default_rng(6).integers(
        -128, 128, (2, *shape)).astype(np.int8)


def _holds(results) -> None:
    assert not [(name, detail) for name, passed, detail in results if not passed]
    assert len(results) == 9, results


@pytest.mark.xdist_group("demo")
def test_digits_and_another_network_in_turn():
    spec = load("demo")
    _holds(check_driver(spec, [_small(spec), _digits(spec, 4),
                              _small(spec, channels_first=True)]))


@pytest.mark.xdist_group("wishbone")
@pytest.mark.slow
def test_digits_through_wishbone():
    spec = load("demo", WISHBONE)
    _holds(check_driver(spec, [_small(spec), _digits(spec, 3)]))


@pytest.mark.xdist_group("dma")
@pytest.mark.slow
def test_digits_by_dma_alone():
    spec = load("demo", ["bus.window=null"])
    _holds(check_driver(spec, [_small(spec), _digits(spec, 2)]))


@pytest.mark.xdist_group("compact")
@pytest.mark.slow
def test_digits_on_the_compact_core():
    spec = load("demo-icebreaker")
    _holds(check_driver(spec, [_digits(spec, 2)]))


@pytest.mark.xdist_group("external")
@pytest.mark.slow
def test_weights_outside_and_spilled_tensors():
    spec = external_spec("sta-dbb")
    program = spilling_program(spec, np.random.default_rng(8))
    shape = program.network.tensors[program.lowered.input].shape[1:]
    inputs = np.random.default_rng(9).integers(-128, 128, (2, *shape)).astype(np.int8)
    _holds(check_driver(spec, [_small(spec), (program, inputs)]))


@pytest.mark.xdist_group("demo")
def test_a_wrong_bit_is_seen():
    spec = load("demo")
    results = check_driver(spec, [_small(spec)], falsify=True)
    assert not any(passed for name, passed, _ in results if "inputs" in name)
