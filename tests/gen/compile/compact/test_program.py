# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import systolith.gen.demo as demo
from systolith.gen.build import parameters
from systolith.gen.compile import CompactProgram, CompileFault
from systolith.gen.compile.image import Image
from systolith.gen.compiler import compile_network
from systolith.gen.importer import load as load_model
from systolith.gen.spec import load
from systolith.golden import network as golden
from systolith.rtl.compact.descriptor import DESCRIPTOR_WORDS, HEADER_WORDS
from systolith.verif.networks import small_network

DIGITS = load_model(Path(demo.__file__).parent / "digits_dense.tflite")
SPEC = load("demo-icebreaker")


def test_image_fits_and_comes_back():
    program = compile_network(SPEC, DIGITS)
    assert isinstance(program, CompactProgram)
    p, image = parameters(SPEC), program.memory_image
    assert image.program.size == HEADER_WORDS + DESCRIPTOR_WORDS * len(program.layers)
    assert image.weights.size <= p.weight_words
    found = Image.from_bytes(program.image)
    assert found.check == image.check
    np.testing.assert_array_equal(found.weights, image.weights)
    assert int(image.weights[-1]) >> 32 == image.check


@pytest.mark.parametrize(("override", "message"), [
    ("memory.weights=8KiB", "memory.weights must be at least 27 KiB for this network, not 8 KiB"),
    ("engine.accumulator_bits=20", "engine.accumulator_bits must be at least 2"),
])
def test_what_does_not_fit(override, message):
    with pytest.raises(CompileFault, match=message):
        compile_network(load("demo-icebreaker", [override]), DIGITS)


def test_too_many_layers_for_the_program():
    layer = golden.FullyConnected
    first = next(each for each in DIGITS.layers if isinstance(each, layer))
    size = first.weights.shape[0]
    square = replace(first, weights=np.eye(size, dtype=np.int8), bias=first.bias)
    count = 60
    layers = tuple(replace(square, name=f"dense{i}", sources=(i,), output=i + 1)
                   for i in range(count))
    tensors = {i: golden.Tensor(i, f"t{i}", (1, size)) for i in range(count + 1)}
    network = golden.Network("deep", tensors, layers, (0,), (count,))
    with pytest.raises(CompileFault, match="memory.program must be at least 3 KiB"):
        compile_network(SPEC, network)


def test_tensors_wider_than_places():
    network = small_network(np.random.default_rng(1), adds=False)
    pool = next(each for each in network.layers if isinstance(each, golden.AveragePool))
    wide = replace(pool, sources=(0,), output=1, kernel=(1, 2))
    tensors = {i: golden.Tensor(i, f"t{i}", (1, 1, width, 8)) for i, width in ((0, 300), (1, 299))}
    with pytest.raises(CompileFault, match="width of its input with padding must be at most 255 on "
                                           "the compact core, not 300"):
        compile_network(SPEC, golden.Network("wide", tensors, (wide,), (0,), (1,)))


def test_layers_all_run():
    with pytest.raises(CompileFault, match="layers may depend on flags only with an engine.kind "
                                           "other than simd"):
        compile_network(SPEC, DIGITS, pruned=DIGITS)
