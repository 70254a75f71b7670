# SPDX-License-Identifier: Apache-2.0
"""Which layers prune their activations, and what is refused in which words."""

import re

import numpy as np
import pytest
from systolith.gen.build import parameters
from systolith.gen.compile import CompileFault, bound_activations
from systolith.gen.compile.lower import lower
from systolith.gen.compile.plan import plan_blocks
from systolith.gen.compiler import compile_network
from systolith.gen.spec import load
from systolith.golden.dbb import prune
from systolith.golden.network import (
    AveragePool,
    Convolution,
    FullyConnected,
    Network,
    Reshape,
    Tensor,
)
from systolith.golden.numerics import Requantise, Rounding
from systolith.rtl.kinds import KINDS

PRUNES = load("demo", ["engine.kind=s2ta-aw", "postproc.lanes=8"])
FACTS = parameters(PRUNES).facts  # blocks of weights at 4 of 8


def requantise(channels, zero_point=-128):
    return Requantise(multiplier=np.full(channels, 2**30, np.int32),
                      shift=np.full(channels, 6, np.int32), zero_point=zero_point, low=-128,
                      high=127, rounding=Rounding.DOUBLE)


def weights(*shape, nnz=4):
    return prune(np.full(shape, 3, np.int8), nnz=nnz)


def convolution(name, at, cin, cout, *, zero_point=-128, nnz=4):
    return Convolution(name, "CONV_2D", (at,), at + 1, weights(cout, 1, 1, cin, nnz=nnz),
                       np.zeros(cout, np.int32), (1, 1), (0, 0, 0, 0), zero_point,
                       requantise(cout))


def dense(name, at, source, inputs, *, zero_point=-128, nnz=4):
    return FullyConnected(name, "FULLY_CONNECTED", (at,), source, weights(8, inputs, nnz=nnz),
                          np.zeros(8, np.int32), zero_point, requantise(8))


def network_of(*layers, shapes):
    tensors = {index: Tensor(index, f"t{index}", shape) for index, shape in enumerate(shapes)}
    return Network("net", tensors, layers, (0,), (len(shapes) - 1,))


def several():
    """Convolutions with 3, 16 and 16 channels, one of another zero point, a pool, a dense."""
    return network_of(
        convolution("image", 0, 3, 16, nnz=3), convolution("first", 1, 16, 16),
        convolution("raw", 2, 16, 16, zero_point=5), convolution("full", 3, 16, 24, nnz=8),
        AveragePool("pool", "AVERAGE_POOL_2D", (4,), 5, (2, 2), (1, 1), (0, 0, 0, 0), -128, 127),
        dense("dense", 5, 6, 24),
        shapes=[(1, 2, 2, 3), *[(1, 2, 2, 16)] * 3, (1, 2, 2, 24), (1, 1, 1, 24), (1, 8)])


def bounds_of(network):
    return {layer.name: layer.activation_bound for layer in network.layers
            if isinstance(layer, Convolution | FullyConnected)}


@pytest.mark.parametrize(("bounds", "expected"), [
    ([], {}),
    (["8"], {}),
    # Weights of "full" take two passes, which at 4 of 8 are as many steps as none pruned.
    (["4"], {"first": 4, "dense": 4}),
    (["5"], {"first": 5, "dense": 5}),
    (["3"], {"first": 3, "full": 3, "dense": 3}),
    (["1"], {"first": 1, "full": 1, "dense": 1}),
    (["first=2"], {"first": 2}),
    (["1=2"], {"first": 2}),
    (["5=2"], {"dense": 2}),
    (["3", "first=5"], {"first": 5, "full": 3, "dense": 3}),
    (["3", "first=8"], {"full": 3, "dense": 3}),
    (["first=5", "3"], {"first": 5, "full": 3, "dense": 3}),  # a layer's own word counts
    (["first=5", "8"], {"first": 5}),
    (["3", "4"], {"first": 4, "dense": 4}),
    (["first=5", "first=1"], {"first": 1}),
    (["full=4"], {"full": 4}),
    (["image=2"], {"image": 2}),
    (["raw=2"], {"raw": 2}),  # what lowering then refuses
])
def test_layers_and_their_bounds(bounds, expected):
    network = several()
    bounded = bound_activations(network, FACTS, bounds)
    assert bounds_of(bounded) == {name: 8 for name in bounds_of(network)} | expected
    assert bounds_of(network) == dict.fromkeys(bounds_of(network), 8)
    for before, after in zip(network.layers, bounded.layers, strict=True):
        assert type(before) is type(after) and before.name == after.name


@pytest.mark.parametrize("bound", range(1, 6))
@pytest.mark.parametrize("nnz", range(1, 9))
def test_a_layer_is_pruned_where_it_takes_fewer_steps(nnz, bound):
    network = network_of(convolution("only", 0, 16, 8, nnz=nnz),
                         shapes=[(1, 2, 2, 16), (1, 2, 2, 8)])
    bounded = bound_activations(network, FACTS, [str(bound)])
    steps = bound if nnz <= 4 else 2 * bound
    assert bounds_of(bounded) == {"only": bound if steps < 8 else 8}
    layer, = lower(bounded).layers
    assert (plan_blocks(layer, FACTS).steps == min(steps, 8)).all()


def flattened(channels):
    return network_of(
        convolution("before", 0, 4, channels),
        Reshape("flat", "RESHAPE", (1,), 2, (1, 4 * channels)),
        dense("dense", 2, 3, 4 * channels),
        shapes=[(1, 2, 2, 4), (1, 2, 2, channels), (1, 4 * channels), (1, 8)])


@pytest.mark.parametrize(("channels", "bound"), [(8, 2), (16, 2), (12, 8), (4, 8)])
def test_a_flattened_layer_is_pruned_where_its_blocks_are_blocks_of_channels(channels, bound):
    bounded = bound_activations(flattened(channels), FACTS, ["2"])
    assert bounds_of(bounded) == {"before": 8, "dense": bound}
    lower(bounded)


@pytest.mark.parametrize(("before", "after", "bound"), [
    ((1, 12), (1, 2, 2, 3), 8),   # a block of 3 channels is not full
    ((1, 2, 2, 3), (1, 1, 1, 12), 2)])
def test_a_reshaped_input_has_the_channels_that_the_core_stores(before, after, bound):
    network = network_of(
        Reshape("unfold", "RESHAPE", (0,), 1, after), convolution("only", 1, after[-1], 8),
        shapes=[before, after, (*after[:3], 8)])
    assert lower(network).layers[0].source_shape == after[1:]
    assert bounds_of(bound_activations(network, FACTS, ["2"])) == {"only": bound}


@pytest.mark.parametrize(("channels", "bound"), [(7, 8), (8, 3), (12, 3)])
def test_a_convolution_needs_one_full_block(channels, bound):
    network = network_of(convolution("only", 0, channels, 8),
                         shapes=[(1, 2, 2, channels), (1, 2, 2, 8)])
    assert bounds_of(bound_activations(network, FACTS, ["3"])) == {"only": bound}


@pytest.mark.parametrize("text", ["0", "6", "7", "9", "-1", "four", "", "04", "4.0", " 4"])
@pytest.mark.parametrize("prefix", ["", "first="])
def test_bound_must_be_one(text, prefix):
    message = (f"--activation-nnz must be 1 to 5, or 8 to prune nothing, not {text!r}; "
               "write N or LAYER=N")
    with pytest.raises(CompileFault, match=f"^{re.escape(message)}$"):
        bound_activations(several(), FACTS, [prefix + text])


@pytest.mark.parametrize(("name", "words"), [
    ("pool", "a CONV_2D or FULLY_CONNECTED, not pool (AVERAGE_POOL_2D)"),
    ("4", "a CONV_2D or FULLY_CONNECTED, not pool (AVERAGE_POOL_2D)"),
    ("frist", ("the name of a layer of net or its place, 0 to 5, not 'frist'; did you mean "
               "'first'?")),
    ("", "the name of a layer of net or its place, 0 to 5, not ''; write LAYER=N"),
    ("6", "the name of a layer of net or its place, 0 to 5, not '6'; write LAYER=N"),
    ("-1", "the name of a layer of net or its place, 0 to 5, not '-1'; write LAYER=N")])
def test_layer_must_be_one(name, words):
    message = f"--activation-nnz: LAYER must be {words}"
    with pytest.raises(CompileFault, match=f"^{re.escape(message)}$"):
        bound_activations(several(), FACTS, [f"{name}=4"])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "s2ta-aw"])
@pytest.mark.parametrize("bound", ["4", "first=4"])
def test_engine_must_prune(kind, bound):
    facts = parameters(load("demo", [f"engine.kind={kind}", "postproc.lanes=8"])).facts
    message = ("--activation-nnz must be 8 for an engine that does not prune activations; leave "
               "it out, or use --set engine.kind=s2ta-aw")
    with pytest.raises(CompileFault, match=f"^{re.escape(message)}$"):
        bound_activations(several(), facts, [bound])
    assert bounds_of(bound_activations(several(), facts, ["8", "first=8"])) == bounds_of(several())


def test_zero_point_must_be_the_lowest():
    message = ("layer raw (CONV_2D): activations may be pruned only where their zero point is "
               "-128, so that a dropped one adds nothing, not 5")
    with pytest.raises(CompileFault, match=f"^{re.escape(message)}$"):
        lower(bound_activations(several(), FACTS, ["raw=2"]))


def test_flattened_channels_must_be_whole_blocks():
    message = ("layer dense (FULLY_CONNECTED): activations may be pruned only where blocks of 8 "
               "inputs are blocks of channels, not of 12 channels")
    with pytest.raises(CompileFault, match=f"^{re.escape(message)}$"):
        lower(bound_activations(flattened(12), FACTS, ["dense=2"]))
    lower(bound_activations(flattened(16), FACTS, ["dense=2"]))


def test_a_vector_of_any_length_may_be_pruned_by_name():
    network = network_of(dense("dense", 0, 1, 12), shapes=[(1, 12), (1, 8)])
    layer, = lower(bound_activations(network, FACTS, ["dense=2"])).layers
    assert layer.activation_bound == 2


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "s2ta-aw"])
def test_compiling_a_pruned_network_needs_the_engine(kind):
    spec = load("demo", [f"engine.kind={kind}", "postproc.lanes=8"])
    message = ("layer first (CONV_2D): activations pruned to 2 of 8 need an engine that prunes "
               "them; use engine.kind s2ta-aw")
    with pytest.raises(CompileFault, match=f"^{re.escape(message)}$"):
        compile_network(spec, bound_activations(several(), FACTS, ["first=2"]))


@pytest.mark.parametrize("bound", [4, 5])
def test_pruning_must_save_steps(bound):
    message = (f"layer full (CONV_2D): activations pruned to {bound} of 8 save no steps with "
               "weights of NNZ 8; do not prune this layer")
    with pytest.raises(CompileFault, match=f"^{re.escape(message)}$"):
        compile_network(PRUNES, bound_activations(several(), FACTS, [f"full={bound}"]))


@pytest.mark.parametrize("nnz", range(1, 9))
@pytest.mark.parametrize("bound", range(1, 6))
def test_layers_chosen_for_all_are_never_refused(nnz, bound):
    spec = load("demo", ["engine.kind=s2ta-aw", "postproc.lanes=8",
                         f"engine.weights={{block: 8, nnz: {nnz}}}"])
    for channels in (8, 12, 16, 33):
        network = network_of(convolution("only", 0, channels, 8, nnz=8),
                             shapes=[(1, 2, 2, channels), (1, 2, 2, 8)])
        compile_network(spec, bound_activations(network, parameters(spec).facts, [str(bound)]))


def test_vector_layers_are_never_pruned():
    lowered = lower(bound_activations(several(), FACTS, ["1"]))
    assert {layer.name: layer.activation_bound for layer in lowered.layers} == {
        "image": 8, "first": 1, "raw": 8, "full": 1, "pool": 8, "dense": 1}


def test_places_count_layers_that_are_not_pruned_too():
    network = flattened(16)
    assert bounds_of(bound_activations(network, FACTS, ["2=3"])) == {"before": 8, "dense": 3}
