# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest
from systolith.gen.build import parameters
from systolith.gen.compile import (
    CompileFault,
    Condition,
    Judgement,
    bound_activations,
    layers_run,
    lower,
    switchable,
    with_conditions,
)
from systolith.gen.compiler import compile_network
from systolith.gen.spec import load
from systolith.verif.networks import small_network


@pytest.fixture
def lowered():
    return lower(small_network(np.random.default_rng(1)))


@pytest.mark.parametrize("flag", [-1, 16])
def test_flags_must_exist(flag):
    with pytest.raises(ValueError, match=f"^Flag must be from 0 to 15, not {flag}$"):
        Condition(flag)
    with pytest.raises(ValueError, match=f"^Flag must be from 0 to 15, not {flag}$"):
        Judgement(flag, 0)


def test_thresholds_are_results():
    with pytest.raises(ValueError, match="^Threshold must be from -128 to 127, not 128$"):
        Judgement(0, 128)


def test_names_must_be_layers(lowered):
    with pytest.raises(CompileFault, match="names layer nobody, which the core does not run"):
        with_conditions(lowered, {"nobody": Condition(1)}, {})


def test_a_judgement_holds_until_the_next_one(lowered):
    first, second, *rest = lowered.layers
    layers = [replace(first, judgement=Judgement(4, 10)),
              replace(second, condition=Condition(4), judgement=Judgement(4, 100)),
              *(replace(layer, condition=Condition(4)) for layer in rest)]
    above, below = np.full((1, 2), 50), np.full((1, 2), 10)
    tensors = {first.output: above, second.output: above}
    assert layers_run(layers, 0, tensors)[:3] == [True, True, False]
    assert layers_run(layers, 0, {first.output: below})[:3] == [True, False, False]
    # One that is left out decides nothing, and a flag that the host set gives way to a result.
    assert layers_run(layers, 1 << 4, {first.output: below})[:3] == [True, False, False]


def test_both_forms_lie_in_one_place():
    spec = load("kws-s2ta-aw")
    network = small_network(np.random.default_rng(2))
    pruned = bound_activations(network, parameters(spec).facts, ["3"])
    both = switchable(lower(network), lower(pruned))
    forms = [layer for layer in both.layers if layer.condition is not None]
    assert forms and {form.condition for form in forms} == {Condition(0, False),
                                                            Condition(0, True)}
    program = compile_network(spec, network, pruned=pruned)
    for tensor, (root, _) in program.lowered.inside.items():
        assert program.layouts[tensor] == program.layouts[root]


@pytest.mark.parametrize("options", [{"judgements": {"pool": Judgement(0, 5)}},
                                     {"conditions": {"pool": Condition(0)}}], ids=str)
def test_parts_depend_on_nothing(options):
    spec = load("demo", ["memory.weight_source=external", "memory.weights=16 KiB"])
    with pytest.raises(CompileFault, match="layer pool .*only with memory.weight_source on-chip"):
        compile_network(spec, small_network(np.random.default_rng(3)), **options)
