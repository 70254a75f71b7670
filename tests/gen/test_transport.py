# SPDX-License-Identifier: Apache-2.0
import numpy as np
from systolith.gen.compiler import compile_network
from systolith.gen.spec import load
from systolith.gen.transport import image_words, pack_inputs, tensor_runs, unpack_outputs
from systolith.verif.networks import small_network

SPEC = load("demo")


def program():
    return compile_network(SPEC, small_network(np.random.default_rng(3)))


def test_runs_of_an_image_cover_its_words_once():
    compiled = program()
    runs, words = image_words(compiled)
    assert [first for _, first, _ in runs] == np.cumsum([0, *(n for _, _, n in runs[:-1])]).tolist()
    assert sum(count for _, _, count in runs) == words.size
    addresses = [address + 8 * k for address, _, count in runs for k in range(count)]
    assert len(set(addresses)) == words.size
    # What makes it whole comes last.
    image = compiled.memory_image
    count = image.trailer_words
    assert (words[words.size - count:] == image.program[image.program.size - count:]).all()


def test_tensors_come_back_from_their_words():
    compiled = program()
    rng = np.random.default_rng(4)
    layout = compiled.output_layout
    values = rng.integers(-128, 128, (3, layout.height, layout.width, layout.channels)).astype("i1")
    order = sorted(set(layout.addresses().ravel().tolist()))
    packed = np.array([[layout.pack(value)[word] for word in order] for value in values], "<u8")
    assert (unpack_outputs(compiled, packed) == values).all()


def test_inputs_are_as_long_as_their_runs():
    compiled = program()
    inputs = np.random.default_rng(5).integers(-128, 128, (2, 8, 10, 3)).astype(np.int8)
    packed = pack_inputs(compiled, inputs)
    assert packed.shape == (2, sum(count for _, _, count in tensor_runs(
        compiled, compiled.lowered.input)))
    assert packed.dtype == "<u8"
