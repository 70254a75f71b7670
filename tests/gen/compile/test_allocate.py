# SPDX-License-Identifier: Apache-2.0
"""Activation memory: what lives at the same time lies apart; what ADD joins lies alike."""

from dataclasses import replace

import numpy as np
import pytest
from systolith.gen.compile import CompileFault
from systolith.gen.compile.reads import window_patterns, window_reads, window_total
from systolith.gen.compiler import compile_network
from systolith.gen.spec import load
from systolith.rtl.sequencer.descriptor import Opcode
from systolith.verif.networks import small_network

from ...random_designs import random_network

SEEDS = range(30)


def _compiled(seed):
    network = random_network(np.random.default_rng(seed), layers=7)
    return compile_network(load("demo", ["memory.activations=64 KiB", "memory.weights=1 MiB",
                                         "memory.program=64 KiB"]), network)


def _words(layout, blocks):
    """Words that a tensor takes, up to the end of the last group of ``blocks`` words."""
    count = layout.word_groups(blocks) * blocks
    return {(layout.group, layout.base + word) for word in range(count)}


@pytest.mark.parametrize("seed", SEEDS)
def test_living_tensors_lie_apart(seed):
    program = _compiled(seed)
    layers, p = program.lowered.layers, program.parameters
    birth = {program.lowered.input: -1} | {layer.output: i for i, layer in enumerate(layers)}
    death = {index: max([i for i, layer in enumerate(layers) if index in layer.sources],
                        default=birth[index]) for index in birth}
    death[program.lowered.output] = len(layers)
    stored = birth.keys() - {layer.lowered.output for layer in program.layers if layer.fused}
    for one in stored:
        for other in stored:
            if one < other and birth[other] <= death[one] and birth[one] <= death[other]:
                assert not (_words(program.layouts[one], p.vector_blocks)
                            & _words(program.layouts[other], p.vector_blocks)), (one, other)


@pytest.mark.parametrize("seed", SEEDS)
def test_groups_and_joined_layouts(seed):
    program = _compiled(seed)
    for layer in program.layers:
        if layer.lowered.opcode is Opcode.ADD:
            alike = {replace(layout, group=0, base=0)
                     for layout in (layer.source, layer.second, layer.destination)}
            assert len(alike) == 1
        elif layer.fused:
            read = layer.source.group
        else:
            assert layer.destination.group != (read if layer.fed else layer.source.group)
        assert layer.destination.base % program.parameters.banks == 0


def test_too_small_a_memory_says_how_much_is_needed():
    network = small_network(np.random.default_rng(0))
    spec = load("demo", ["memory.activations=1 KiB"])
    with pytest.raises(CompileFault, match=r"memory.activations must be at least \d+ KiB"):
        compile_network(spec, network)


@pytest.mark.parametrize("seed", range(8))
def test_total_reads_of_windows_by_their_patterns(seed):
    program = _compiled(seed)
    p = program.parameters
    windows = [layer for layer in program.layers if layer.lowered.opcode is Opcode.WINDOW]
    for layer in windows:
        patterns = window_patterns(layer.lowered, layer.source, p)
        for extra in range(4):
            layout = replace(layer.source, plane=layer.source.plane + 2 * extra)
            assert window_total(layer.lowered, layout, patterns, p) == window_reads(
                layer.lowered, layout, p).sum()
    assert windows or seed
