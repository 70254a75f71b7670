# SPDX-License-Identifier: Apache-2.0
"""Sums of accesses and their energy; that they are those of the RTL is shown in
``tests/verif/test_asic.py``."""

import numpy as np
import pytest
from systolith.gen.compile import core_tensors
from systolith.gen.compiler import compile_network
from systolith.gen.memory import load_map
from systolith.gen.predict import (
    Accesses,
    memory_use,
    predict,
    predict_accesses,
    predict_activity,
    predict_bank_words,
)
from systolith.gen.spec import load
from systolith.golden.interpreter import run

from ...random_designs import random_inputs, random_network


def _program(seed=5, **how):
    network = random_network(np.random.default_rng(seed))
    return compile_network(load("demo"), network, **how)


def test_activation_words_are_those_of_the_banks():
    program = _program()
    reads, writes = predict_bank_words(program)
    outside, layers = predict_accesses(program, predict(program))
    total = sum(layers, outside)
    assert total.reads["activations"] == reads.sum()
    assert total.writes["activations"] == writes.sum()


def test_a_row_of_weights_is_an_access_to_each_bank():
    program = _program()
    network = program.network
    inputs = random_inputs(np.random.default_rng(1), network, 1)
    tensors = core_tensors(program.lowered, {network.inputs[0]: inputs} | run(network, inputs))
    _, layers = predict_accesses(program, predict(program))
    for accesses, activity in zip(layers, predict_activity(program, tensors), strict=True):
        assert accesses.reads["weights"] == (
            activity.weight_reads * program.parameters.weight_banks)


def test_a_fused_layer_reads_its_buffer_and_not_the_memory():
    apart, fused = _program(fuse="never"), _program(fuse="always")
    assert not any(accesses.reads["tile_buffer"]
                   for accesses in predict_accesses(apart, predict(apart))[1])
    index = next(index for index, layer in enumerate(fused.layers) if layer.fed)
    _, layers = predict_accesses(fused, predict(fused))
    assert layers[index].reads["tile_buffer"] and not layers[index].reads["activations"]
    assert not layers[index - 1].writes["activations"]


def test_energy_is_accesses_by_their_costs():
    p = _program().parameters
    for name in ("sg13g2", "asap7"):
        one, two = Accesses(), Accesses()
        one.reads["weights"], two.reads["weights"], two.writes["schedule"] = 10, 5, 7
        for use in memory_use(p, load_map(name), [one, two]):
            assert use.area_um2 == use.kind.count * use.bank.area_um2
            expected = {"weights": 15 * use.bank.read_pj,
                        "schedule": 7 * use.bank.write_pj}.get(use.kind.name, 0)
            assert use.energy_pj == pytest.approx(expected)


def test_costs_that_are_not_known_are_not_made_up():
    available = load_map("sg13g2")
    unknown = [macro.model_copy(update={"read_pj": None, "leakage_nw": None})
               for macro in available.macro]
    uses = memory_use(_program().parameters, available.model_copy(update={"macro": unknown}))
    assert {use.energy_pj for use in uses if use.bank.macros} == {None}
    assert {use.leakage_nw for use in uses if use.bank.macros} == {None}
