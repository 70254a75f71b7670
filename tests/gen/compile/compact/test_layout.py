# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pytest
import systolith.gen.demo as demo
from systolith.gen.build import parameters
from systolith.gen.compile import CompileFault, lower
from systolith.gen.compile.allocate import lifetimes
from systolith.gen.compile.compact.layout import PixelLayout, allocate
from systolith.gen.importer import load as load_model
from systolith.gen.spec import load

DIGITS = Path(demo.__file__).parent / "digits_dense.tflite"


def test_dense_words_follow_one_another():
    layout = PixelLayout.dense(3, 4, 20)
    assert layout.addresses().ravel().tolist() == list(range(3 * 4 * 3))
    assert layout.words == 36


def test_part_lies_in_its_whole():
    whole = PixelLayout.dense(5, 6, 24)
    part = whole.part((2, 3, 8), (1, 2, 1))
    np.testing.assert_array_equal(part.addresses(), whole.addresses()[1:3, 2:5, 1:2])
    assert part.words == part.addresses().max() - part.base + 1
    assert whole.corner(1, 2) == -6 * 3 - 2 * 3


def test_values_come_back():
    values = np.random.default_rng(1).integers(-128, 128, (3, 4, 13)).astype(np.int8)
    layout = PixelLayout.dense(3, 4, 13)
    words = np.zeros(layout.words, np.uint64)
    for address, word in layout.pack(values).items():
        words[address] = word
    np.testing.assert_array_equal(layout.unpack(words), values)


def test_tensors_that_live_together_lie_apart():
    lowered = lower(load_model(DIGITS))
    layouts = allocate(lowered, parameters(load("demo-icebreaker")))
    lives = lifetimes(lowered)
    for first in lives.born:
        for second in lives.born:
            if first < second and (lives.born[first] <= lives.death[second]
                                   and lives.born[second] <= lives.death[first]):
                words = [set(layouts[index].addresses().ravel().tolist())
                         for index in (first, second)]
                assert not words[0] & words[1]


def test_memory_that_would_be_needed():
    p = parameters(load("demo-icebreaker", ["memory.activations=1KiB"]))
    with pytest.raises(CompileFault, match="memory.activations must be at least 2 KiB for this "
                                           "network, not 1 KiB"):
        allocate(lower(load_model(DIGITS)), p)
