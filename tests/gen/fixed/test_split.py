# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest
from systolith.gen.compile import CompileFault
from systolith.gen.fixed.split import check_same, handed_off, remainder
from systolith.golden.interpreter import run
from systolith.verif.networks import small_network

# conv 1, depthwise 2, sum 3 (of 1 and 2), separable 4, pointwise 5, pool 6, dense 7
NETWORK = small_network(np.random.default_rng(1))


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 6])
def test_remainder_makes_of_the_tensor_between_what_the_network_makes(count):
    inputs = np.random.default_rng(2).integers(-128, 128, (3, 8, 10, 3)).astype(np.int8)
    tensors = run(NETWORK, inputs) | {0: inputs}
    rest = remainder(NETWORK, count)
    assert rest.inputs == (handed_off(NETWORK, count),) == (count,)
    assert rest.layers == NETWORK.layers[count:]
    np.testing.assert_array_equal(run(rest, tensors[count])[7], tensors[7])


def test_residual_across_the_split():
    with pytest.raises(CompileFault, match=(
            r"^layer sum \(ADD\) reads the tensor of conv \(CONV_2D\), which stays inside the "
            r"front end: only the last tensor of front_end.layers is handed off; end them before "
            r"the one, or behind the other$")):
        remainder(NETWORK, 2)


def test_residual_around_the_front_end():
    layers = (*NETWORK.layers[:2], replace(NETWORK.layers[2], sources=(0, 2)),
              *NETWORK.layers[3:])
    with pytest.raises(CompileFault, match="reads the network's input, which stays inside"):
        remainder(replace(NETWORK, layers=layers), 2)


@pytest.mark.parametrize("count", [7, 8])
def test_nothing_is_left(count):
    with pytest.raises(CompileFault, match=f"^front_end.layers must leave operators to the core: "
                                           f"small has 7, of which the last is 6, not {count - 1}"
                                           "$"):
        remainder(NETWORK, count)


def test_output_inside_the_front_end():
    with pytest.raises(CompileFault, match="must end before the network's output, the tensor of "
                                           "pointwise"):
        remainder(replace(NETWORK, outputs=(5,)), 6)


def _changed(place, **fields):
    layers = list(NETWORK.layers)
    layers[place] = replace(layers[place], **fields)
    return replace(NETWORK, layers=tuple(layers))


def test_back_end_may_be_trained_again():
    weights = -NETWORK.layers[6].weights
    check_same(_changed(6, weights=weights), NETWORK, 5)


@pytest.mark.parametrize("place", [0, 3, 4])
def test_front_end_may_not(place):
    weights = NETWORK.layers[place].weights.copy()
    weights.flat[7] ^= 1
    name = NETWORK.layers[place].name
    with pytest.raises(CompileFault, match=f"^layer {name} .* must be as in front_end.network, "
                                           f"where it is {name} .*: operator {place} of small "
                                           r"differs, and operators 0\.\.4 are fixed in hardware$"):
        check_same(_changed(place, weights=weights), NETWORK, 5)


@pytest.mark.parametrize(("place", "fields"), [
    (0, {"stride": (1, 2)}), (0, {"padding": (1, 0, 0, 1)}), (0, {"source_zero_point": 8}),
    (2, {"sources": (2, 2)}), (2, {"zero_points": (-128, -127)}),
    (4, {"bias": NETWORK.layers[4].bias + 1}),
    (4, {"requantise": replace(NETWORK.layers[4].requantise, low=-127)})])
def test_anything_else_that_differs(place, fields):
    with pytest.raises(CompileFault, match=f"operator {place} of small differs"):
        check_same(_changed(place, **fields), NETWORK, 5)


def test_other_names_and_tensor_numbers_are_the_same_front_end():
    layers = tuple(replace(layer, name=f"{layer.name}'", output=layer.output + 10,
                           sources=tuple(source + 10 for source in layer.sources))
                   for layer in NETWORK.layers)
    tensors = {index + 10: replace(tensor, index=index + 10)
               for index, tensor in NETWORK.tensors.items()}
    renamed = replace(NETWORK, layers=layers, tensors=tensors, inputs=(10,), outputs=(17,))
    check_same(renamed, NETWORK, 6)
