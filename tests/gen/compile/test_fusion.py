# SPDX-License-Identifier: Apache-2.0
"""Which layers may be fused, and what becomes of the tensor between them."""

from dataclasses import replace

import numpy as np
import pytest
from systolith.gen.build import parameters
from systolith.gen.compile import fusible_layers, lower
from systolith.gen.compiler import compile_network
from systolith.gen.predict import predict
from systolith.gen.spec import load
from systolith.rtl.sequencer.descriptor import Descriptor
from systolith.verif.networks import small_network

from ...random_designs import fuse_all

SPEC = load("demo")


def network():
    return small_network(np.random.default_rng(0))


def changed(index, **fields):
    """The small network with fields of a layer replaced."""
    small = network()
    layers = list(small.layers)
    layers[index] = replace(layers[index], **fields)
    return replace(small, layers=tuple(layers))


def pairs(net, overrides=()):
    return fusible_layers(lower(net), parameters(load("demo", list(overrides))))


def test_depthwise_and_pointwise():
    # The first depthwise layer's tensor is read by an ADD.
    assert pairs(network()) == [3]
    assert pairs(network(), ["vector.fused_channels=16"]) == [3]


@pytest.mark.parametrize("net", [
    changed(5, sources=(4,)),                                        # the tensor has two readers
    changed(4, weights=np.ones((24, 3, 3, 16), np.int8), padding=(1, 1, 1, 1)),
    changed(4, stride=(2, 2)),
], ids=["read twice", "3x3", "stride"])
def test_others_are_not(net):
    assert pairs(net) == []


@pytest.mark.parametrize("channels", [0, 8])
def test_buffer_must_hold_the_channels(channels):
    assert pairs(network(), [f"vector.fused_channels={channels}"]) == []


def test_tensor_between_takes_no_memory():
    spec = load("demo", ["memory.activations=64 KiB"])
    fused, apart = fuse_all(spec, network()), compile_network(spec, network(), fuse="never")
    first, second = fused.layers[3:5]
    assert (first.fused, first.fed, second.fused, second.fed) == (True, False, False, True)
    assert not any(layer.fused or layer.fed for layer in apart.layers)
    assert first.source.group != second.destination.group
    rows = [int.from_bytes(fused.memory_image.program[16 * i:16 * (i + 1)].tobytes(), "little")
            for i in range(1, 1 + len(fused.layers))]
    descriptors = [Descriptor.from_bits(row & (1 << Descriptor.size) - 1) for row in rows]
    assert [int(d.fused) for d in descriptors] == [0, 0, 0, 1, 0, 0, 0]
    assert all(d.source_group != d.destination_group or d.opcode == 3 for d in descriptors)
    assert descriptors[4].pixel_x == descriptors[4].pixel_y == 0


def test_fused_only_where_it_is_faster():
    spec = load("kws-s2ta-aw")
    for seed in range(5):
        small = small_network(np.random.default_rng(seed))
        cycles = predict(compile_network(spec, small)).cycles
        assert cycles <= predict(fuse_all(spec, small)).cycles
        assert cycles <= predict(compile_network(spec, small, fuse="never")).cycles


def test_mapping_table_names_the_way():
    rows = fuse_all(SPEC, network()).mapping_rows
    assert (rows[3]["destination"], rows[4]["source"]) == ("engine", "vector")
