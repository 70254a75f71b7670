# SPDX-License-Identifier: Apache-2.0
"""Concatenated tensors: written in place where that can be, copied where not."""

from dataclasses import replace

import numpy as np
import pytest
from systolith.gen.compile import CompileFault, core_tensors, lower, place_parts
from systolith.gen.compiler import compile_network
from systolith.gen.spec import load
from systolith.golden import network as golden
from systolith.golden.interpreter import run
from systolith.golden.numerics import Requantise, Rounding
from systolith.verif.networks import branching_network, random_addition

SHAPE = (4, 3, 8)


def relu(source, output):
    one = np.ones(1, np.int32)
    return golden.Rescale(f"relu{output}", "RELU", (source,), output, 0, 0,
                          Requantise(one * 2**30, one, 0, 0, 127, Rounding.DOUBLE))


def join(sources, output, axis=3):
    return golden.Concatenation("join", "CONCATENATION", sources, output, axis)


def network(*layers, shapes=None):
    outputs = [layer.output for layer in layers]
    tensors = {index: golden.Tensor(index, f"t{index}", (1, *(shapes or {}).get(index, SHAPE)))
               for index in (0, *outputs)}
    return golden.Network("joined", tensors, layers, (0,), (outputs[-1],))


@pytest.mark.parametrize(("layers", "width", "copies"), [
    # Both in the group that the input is not in.
    ((relu(0, 1), relu(0, 2), join((1, 2), 3)), 16, 0),
    # The input itself has a place of its own, in the other group.
    ((relu(0, 1), join((0, 1), 2)), 16, 1),
    # One layer deeper: the other group.
    ((relu(0, 1), relu(1, 2), join((1, 2), 3)), 16, 1),
    # Nothing else to do: two copies are the network.
    ((join((0, 0), 1),), 16, 2),
    # Twice in one tensor: once in place, once over the other group.
    ((relu(0, 1), join((1, 1), 2)), 16, 2),
    # What ADD walks over stays where it is.
    ((relu(0, 1), random_addition(np.random.default_rng(0), "sum", (0, 1), 2, (0, 0), 0),
      relu(0, 3), join((2, 3), 4)), 16, 2),
    # A tensor may lie in one that lies in another.
    ((relu(0, 1), relu(0, 2), join((1, 2), 3), relu(0, 4), join((3, 4), 5)), 24, 0),
])
def test_copies(layers, width, copies):
    shapes = {layer.output: (4, 3, 8 * len(layer.sources)) for layer in layers
              if isinstance(layer, golden.Concatenation)} | {layers[-1].output: (4, 3, width)}
    lowered = lower(network(*layers, shapes=shapes))
    placed, fused = place_parts(lowered)
    assert len(placed.layers) - len(lowered.layers) == copies
    assert fused == []


def test_fused_layers_keep_their_places():
    lowered = lower(network(relu(0, 1), join((0, 1), 2), relu(2, 3), relu(3, 4),
                            shapes={2: (4, 3, 16), 3: (4, 3, 16), 4: (4, 3, 16)}))
    placed, fused = place_parts(lowered, [1])
    assert [placed.layers[index].output for index in fused] == [3]
    assert placed.layers[fused[0]].name == "relu3"


def test_channels_that_are_no_blocks_are_put_together_by_the_engine():
    net = network(relu(0, 1), relu(0, 2), join((1, 2, 1), 3),
                  shapes={0: (4, 3, 5), 1: (4, 3, 5), 2: (4, 3, 5), 3: (4, 3, 15)})
    lowered = lower(net)
    last = lowered.layers[-1]
    assert (last.output, last.source_shape, last.output_shape) == (3, (4, 3, 24), (4, 3, 15))
    x = np.random.default_rng(1).integers(-128, 128, (2, 4, 3, 5)).astype(np.int8)
    tensors = core_tensors(lowered, {0: x} | run(net, x))
    spread, weights = tensors[last.source].astype(int), last.weights[:, 0, 0].astype(int)
    np.testing.assert_array_equal(spread @ weights.T, tensors[3])


def test_parts_lie_in_their_whole():
    program = compile_network(load("demo"), branching_network(np.random.default_rng(0)))
    layouts, inside = program.layouts, program.lowered.inside
    assert inside
    for part, (whole, (row, column, block)) in inside.items():
        small, large = layouts[part], layouts[whole]
        assert small.group == large.group
        np.testing.assert_array_equal(small.addresses(), large.addresses()[
            row:row + small.height, column:column + small.width, block:block + small.blocks])


def test_reshaped_parts_are_refused():
    reshape = golden.Reshape("vector", "RESHAPE", (1,), 2, (1, 2, 6, 8))
    net = network(relu(0, 1), reshape, join((2, 2), 3), shapes={2: (2, 6, 8), 3: (2, 6, 16)})
    with pytest.raises(CompileFault, match="layer join .*its input is a RESHAPE to another height"):
        lower(net)


def test_elements_of_a_reshaped_tensor_are_not_taken_for_an_image():
    """What an element-wise layer makes of a reshaped tensor lies as that one does."""
    reshape = golden.Reshape("other", "RESHAPE", (1,), 2, (1, 2, 6, 8))
    pool = golden.MaxPool("pool", "MAX_POOL_2D", (3,), 4, (2, 2), (1, 1), (0, 0, 0, 0), -128, 127)
    net = network(relu(0, 1), reshape, relu(2, 3), pool,
                  shapes={2: (2, 6, 8), 3: (2, 6, 8), 4: (1, 5, 8)})
    with pytest.raises(CompileFault, match="layer pool .*its input is a RESHAPE to another height"):
        lower(net)
    assert lower(replace(net, layers=net.layers[:3], outputs=(3,))).layers
