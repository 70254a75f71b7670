# SPDX-License-Identifier: Apache-2.0
"""Schedule words, taken apart again, name the blocks of the plan and where their words lie."""

from dataclasses import replace

import numpy as np
import pytest
from amaranth.lib import data
from systolith.gen.build import parameters
from systolith.gen.compile import CompileFault
from systolith.gen.compile.layout import TensorLayout
from systolith.gen.compile.plan import plan_blocks
from systolith.gen.compile.schedule import row_tiles, schedule_words
from systolith.gen.compiler import compile_network
from systolith.gen.spec import load
from systolith.rtl.operand.schedule import WORD_BITS, entry_layout
from systolith.rtl.sequencer.descriptor import Opcode
from systolith.verif.networks import small_network

from ...random_designs import random_network, thinned


def entries_of(words, p):
    bits = WORD_BITS // p.schedule_entries
    layout = entry_layout(p.address_width)
    return [data.Const(layout, int(word) >> place * bits & (1 << layout.size) - 1)
            for word in words for place in range(p.schedule_entries)]


@pytest.mark.parametrize("activations", ["64 KiB", "2 MiB"])  # two entries in a word, and one
@pytest.mark.parametrize("kind", ["sta", "vdbb", "s2ta-aw"])
@pytest.mark.parametrize("seed", range(4))
def test_entries_name_the_words_that_tiles_read(seed, kind, activations):
    spec = load("demo", [f"engine.kind={kind}", "postproc.lanes=8", "memory.weights=256 KiB",
                         f"memory.activations={activations}"])
    rng = np.random.default_rng(seed)
    program = compile_network(spec, thinned(rng, random_network(rng)))
    p, words = program.parameters, program.memory_image.schedule
    assert p.schedule_entries == (2 if activations == "64 KiB" else 1)
    assert words.size <= p.schedule_words
    for layer in program.layers:
        low = layer.lowered
        if low.opcode is not Opcode.MATRIX:
            continue
        entries = iter(entries_of(words[layer.schedule_row:], p))
        addresses = layer.source.addresses()
        for tile in layer.plan.tiles:
            for issued in tile:
                entry = next(entries)
                assert entry.last == (issued is tile[-1])
                assert entry.tail == (issued.block == layer.source.blocks - 1)
                assert entry.steps == issued.steps - 1
                assert (entry.near, entry.far) == (issued.near, issued.far)
                # Output pixel (0, 0) is at -pad in the input; where this tap of it is inside,
                # the word is the tensor's.
                y, x = issued.ky - low.padding[0], issued.kx - low.padding[1]
                if y >= 0 and x >= 0:
                    corner = layer.source.corner(*low.padding)
                    assert (corner + entry.tap) % (1 << p.address_width) == addresses[
                        y, x, issued.block]
                    if any(low.padding):
                        assert (entry.ky, entry.kx) == (issued.ky, issued.kx)


def test_row_tiles_round_up():
    p = parameters(load("demo"))
    layer = lowered("pointwise")
    assert row_tiles(layer, p) == -(-20 // p.facts.rows)


def lowered(name):
    program = compile_network(load("demo"), small_network(np.random.default_rng(0)))
    layer, = (layer.lowered for layer in program.layers if layer.lowered.name == name)
    return layer


@pytest.mark.parametrize(("padding", "fits"), [((0, 0), True), ((0, 1), False)])
def test_a_padded_kernel_has_a_limit(padding, fits):
    p = parameters(load("demo"))
    layer = replace(lowered("pointwise"), kernel=(1, 33), padding=padding, output_shape=(1, 2, 1),
                    source_shape=(1, 34, 8), weights=np.ones((1, 1, 33, 8), np.int8))
    source = TensorLayout.plan(1, 34, 8)
    plan = plan_blocks(layer, p.facts)
    if fits:
        words = schedule_words(layer, plan, source, p)
        assert all(entry.kx == 0 for entry in entries_of(words, p)[:33])
    else:
        with pytest.raises(CompileFault, match="^layer pointwise .*: a kernel that leaves the "
                                               "input must be at most 32x32, not 1x33$"):
            schedule_words(layer, plan, source, p)


def test_too_small_a_memory_says_how_much_is_needed():
    rng = np.random.default_rng(0)
    network = small_network(rng)
    wide = replace(network.layers[0], weights=np.ones((16, 25, 25, 3), np.int8),
                   padding=(11, 12, 11, 12), stride=(2, 2))
    spec = load("demo", ["memory.schedule=1 KiB", "memory.weights=256 KiB"])
    network = replace(network, layers=(wide, *network.layers[1:]))
    with pytest.raises(CompileFault, match="^memory.schedule must be at least 5 KiB for this "
                                           "network, not 1 KiB$"):
        compile_network(spec, network)
