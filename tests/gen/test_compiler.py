# SPDX-License-Identifier: Apache-2.0
"""What is chosen among the ways to run a network, and that one is found if there is any."""

import numpy as np
import pytest
from systolith.gen.compile import CompileFault
from systolith.gen.compiler import compile_network
from systolith.gen.predict import predict
from systolith.gen.spec import load
from systolith.golden import network as golden
from systolith.golden.numerics import Requantise, Rounding
from systolith.verif.networks import random_addition, small_network

from ..random_designs import fuse_all, random_network

SIZE = 16


def _requantise(channels, rounding=Rounding.DOUBLE):
    return Requantise(multiplier=np.full(channels, 2**30, np.int32),
                      shift=np.full(channels, 8, np.int32), zero_point=-128, low=-128, high=127,
                      rounding=rounding)


def _pointwise(name, source, output, inputs, outputs, weights=None):
    if weights is None:
        weights = np.ones((outputs, 1, 1, inputs), np.int8)
    return golden.Convolution(name, "CONV_2D", (source,), output, weights,
                              np.zeros(outputs, np.int32), (1, 1), (0, 0, 0, 0), -128,
                              _requantise(outputs))


def _depthwise(name, source, output, channels):
    return golden.DepthwiseConvolution(
        name, "DEPTHWISE_CONV_2D", (source,), output, np.ones((3, 3, channels), np.int8),
        np.zeros(channels, np.int32), (1, 1), (1, 1, 1, 1), -128, _requantise(channels))


def _network(layers, channels, output=None):
    tensors = {index: golden.Tensor(index, f"t{index}", (1, SIZE, SIZE, count), zero_point=-128)
               for index, count in enumerate(channels)}
    last = len(channels) - 1 if output is None else output
    return golden.Network("network", tensors, tuple(layers), (0,), (last,))


def test_pairs_are_left_apart_where_they_take_too_much_memory():
    """Behind a pair, tensors lie in the other bank group."""
    network = _network([
        _pointwise("x", 0, 1, 8, 16), _pointwise("s", 1, 2, 16, 16), _depthwise("d", 2, 3, 16),
        _pointwise("p", 3, 4, 16, 48), _pointwise("q", 4, 5, 48, 16),
        random_addition(np.random.default_rng(0), "sum", (1, 5), 6, (-128, -128), -128),
    ], [8, 16, 16, 16, 48, 16, 16])
    small, large = (load("demo", [f"memory.activations={size} KiB"]) for size in (26, 64))
    with pytest.raises(CompileFault, match=r"^memory.activations must be at least 3\d KiB"):
        fuse_all(small, network)
    assert not any(layer.fused for layer in compile_network(small, network).layers)
    assert any(layer.fused for layer in fuse_all(large, network).layers)


def test_channels_are_left_unsorted_where_that_takes_too_many_weights():
    first = np.zeros((16, 1, 1, 64), np.int8)
    first[::2], first[1::2, ..., ::8] = 3, 3
    dense = np.zeros((8, SIZE * SIZE, 16), np.int8)
    dense[::2, :, ::2] = dense[1::2, :, 1::2] = 1
    network = _network([
        _pointwise("first", 0, 1, 64, 16, first),
        golden.FullyConnected("dense", "FULLY_CONNECTED", (1,), 2, dense.reshape(8, -1),
                              np.zeros(8, np.int32), -128, _requantise(8, Rounding.SINGLE)),
    ], [64, 16, 8])
    network.tensors[2] = golden.Tensor(2, "t2", (1, 8))

    def orders(size):
        spec = load("demo", ["engine.kind=vdbb", "engine.tpe={a: 4, b: 8, c: 4}",
                             "engine.grid={m: 1, n: 2}", "memory.activations=64 KiB",
                             f"memory.weights={size} KiB"])
        return compile_network(spec, network).lowered.orders
    assert orders(96) and not orders(48)


def test_layers_behind_the_output_are_refused():
    network = _network([_depthwise("depthwise", 0, 1, 16), _pointwise("dead", 1, 2, 16, 16)],
                       [16, 16, 16], output=1)
    with pytest.raises(CompileFault, match="^layer dead .*comes after the network's output"):
        compile_network(load("demo"), network)


def test_host_reads_the_last_layer_only():
    softmax = golden.Softmax("softmax", "SOFTMAX", (1,), 3, 1 << 30, 20, -100)
    network = _network([_depthwise("depthwise", 0, 1, 16), _pointwise("dead", 1, 2, 16, 16),
                        softmax], [16, 16, 16, 16])
    with pytest.raises(CompileFault, match="^layer softmax .*may only read the tensor of"):
        compile_network(load("demo"), network)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("name", ["kws-vdbb", "demo"])
def test_no_way_is_faster(name, seed):
    rng = np.random.default_rng(500 + seed)
    network = (small_network(rng) if seed < 2 else
               random_network(rng, layers=7, separable=bool(seed % 2)))
    spec = load(name, ["memory.activations=64 KiB", "memory.weights=256 KiB",
                       "memory.program=64 KiB", "engine.accumulator_bits=32"])
    best = predict(compile_network(spec, network)).cycles
    for sort in (False, True):
        for fuse in ("never", "always"):
            program = compile_network(spec, network, sort=sort, fuse=fuse)
            assert best <= predict(program).cycles
