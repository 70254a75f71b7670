# SPDX-License-Identifier: Apache-2.0
"""Sorted channels: the same network in another order, never longer, and shorter where it pays."""

from dataclasses import replace

import numpy as np
import pytest
from systolith.gen.build import parameters
from systolith.gen.compile import bound_activations
from systolith.gen.compile.lower import lower
from systolith.gen.compile.order import array_cost, sort_channels
from systolith.gen.compiler import compile_network
from systolith.gen.predict import predict
from systolith.gen.spec import load
from systolith.golden import network as golden
from systolith.golden.interpreter import run as run_golden
from systolith.rtl.kinds import KINDS
from systolith.verif.networks import small_network

from ...random_designs import random_bounds, random_inputs, random_network, thinned

COMPRESSED = [kind for kind in KINDS if kind not in ("sa", "sta")]


def spec_of(kind):
    return load("demo", [f"engine.kind={kind}", "postproc.lanes=8", "memory.weights=512 KiB",
                         "memory.activations=64 KiB", "memory.program=32 KiB"])


def stored(network, lowered):
    """The golden network with the weights as they are lowered."""
    by_name = {layer.name: layer for layer in lowered.layers}
    layers = []
    for layer in network.layers:
        low = by_name.get(layer.name)
        match layer:
            case golden.FullyConnected():
                layer = replace(layer, weights=low.weights.reshape(len(low.weights), -1),
                                bias=low.bias, requantise=low.requantise)
            case golden.Convolution() | golden.DepthwiseConvolution():
                layer = replace(layer, weights=low.weights, bias=low.bias,
                                requantise=low.requantise)
        layers.append(layer)
    return replace(network, layers=tuple(layers))


@pytest.mark.parametrize("kind", COMPRESSED)
@pytest.mark.parametrize("seed", range(10))
def test_a_sorted_network_gives_the_same_tensors_in_its_order(seed, kind):
    spec = spec_of(kind)
    p = parameters(spec)
    rng = np.random.default_rng(seed)
    network = random_bounds(rng, thinned(rng, random_network(rng, layers=5)), p.facts)
    lowered = sort_channels(lower(network), p)
    inputs = random_inputs(rng, network, 2)
    before, after = run_golden(network, inputs), run_golden(stored(network, lowered), inputs)
    for tensor, values in before.items():
        order = lowered.orders.get(tensor)
        expected = values if order is None else values[..., order]
        np.testing.assert_array_equal(after[tensor], expected, err_msg=f"tensor {tensor}")
    assert lowered.input not in lowered.orders and lowered.output not in lowered.orders


def steps(program):
    return sum(int(layer.plan.steps.sum()) * -(-layer.lowered.output_shape[0]
               * layer.lowered.output_shape[1] // program.parameters.facts.rows)
               for layer in program.layers if layer.plan)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(6))
def test_sums_of_bounds_do_not_grow(seed, kind):
    spec = spec_of(kind)
    rng = np.random.default_rng(100 + seed)
    network = random_network(rng)
    network = thinned(rng, network) if seed % 2 else network
    plain, sorted_ = (compile_network(spec, network, sort=sort) for sort in (False, True))
    assert not any(layout.order for layout in plain.layouts.values())
    if kind not in COMPRESSED:
        assert sorted_.image == plain.image
    p = sorted_.parameters
    bounds = [array_cost([layer.lowered for layer in program.layers if layer.plan], p)
              for program in (sorted_, plain)]
    assert bounds[0] <= bounds[1]


def mixed():
    """The small network with dead channels among the others: half of 16, and two thirds of 24."""
    first, depthwise, total, separable, pointwise, pool, dense = (
        network := small_network(np.random.default_rng(0))).layers
    half, third = np.arange(16) % 2 == 0, np.arange(24) % 3 == 0
    first = replace(first, weights=first.weights * half[:, None, None, None])
    pointwise = replace(pointwise, weights=pointwise.weights * half * third[:, None, None, None])
    dense = replace(dense, weights=dense.weights * third)
    return replace(network, layers=(first, depthwise, total, separable, pointwise, pool,
                                    dense))


@pytest.mark.parametrize("kind", COMPRESSED)
def test_dead_channels_gather_in_blocks_and_tiles_that_are_skipped(kind):
    spec = spec_of(kind)
    plain, sorted_ = (compile_network(spec, mixed(), sort=sort) for sort in (False, True))
    assert steps(sorted_) < 0.9 * steps(plain)
    assert predict(sorted_).cycles <= predict(plain).cycles
    rows = {row["name"]: row for row in sorted_.mapping_rows}
    assert [rows[name]["order"] for name in ("pointwise", "dense")] == ["sorted", "model"]
    assert rows["pointwise"]["skipped"] > 0


def test_joined_tensors_have_one_order():
    orders = compile_network(spec_of("sta-dbb"), mixed()).lowered.orders
    assert orders.keys() == {1, 2, 3, 4, 5, 6}
    assert len({orders[index] for index in (1, 2, 3, 4)}) == 1  # depthwise and an ADD
    assert orders[5] == orders[6]  # a pool


def test_tensors_whose_blocks_are_pruned_keep_their_order():
    spec = spec_of("s2ta-aw")
    network = bound_activations(mixed(), parameters(spec).facts, ["pointwise=2"])
    assert compile_network(spec, network).lowered.orders.keys() == {5, 6}


def test_layouts_pack_and_unpack_in_the_model_s_order():
    layout = compile_network(spec_of("vdbb"), mixed()).layouts[5]
    values = np.random.default_rng(0).integers(-128, 128, (4, 5, 24)).astype(np.int8)
    words = np.zeros(layout.base + layout.words, np.uint64)
    for address, word in layout.pack(values).items():
        words[address] = word
    np.testing.assert_array_equal(layout.unpack(words), values)
    raw = replace(layout, order=()).unpack(words)
    np.testing.assert_array_equal(raw, values[..., layout.order])
    np.testing.assert_array_equal(layout.restore(raw), values)
