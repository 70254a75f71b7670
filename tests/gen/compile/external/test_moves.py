# SPDX-License-Identifier: Apache-2.0
"""Moves of a program that spills: rows are stored before they are loaded, and waited for."""

import numpy as np
import pytest
from systolith.gen.compiler import compile_network

from ....external import ADDITIONS, external_spec
from ....random_designs import random_network

SEEDS = (12, 25, 40)


@pytest.fixture(scope="module", params=SEEDS)
def program(request):
    rng = np.random.default_rng(request.param)
    network = random_network(rng, layers=6, sides=(10, 16), kinds=ADDITIONS)
    compiled = compile_network(
        external_spec("vdbb", weights=16, activations=4, roomy=True), network)
    assert any(move.write_out for move in compiled.moves)
    return compiled


def _external(move):
    return {move.external + segment * move.external_step + word
            for segment in range(move.more + 1) for word in range(move.words)}


def test_what_is_loaded_was_there_or_was_stored_before(program):
    there = set(range(program.memory_image.external.size))
    if program.lowered.input in program.spilled:
        start = program.spilled[program.lowered.input]
        there |= set((start + program.input_layout.addresses()).ravel().tolist())
    stored = {}  # the part that made it
    for move in program.moves:
        words = _external(move)
        if move.write_out:
            assert move.after == move.part + 1
            stored |= dict.fromkeys(words, move.part)
        else:
            layouts = [(start, program.layouts[tensor])
                       for tensor, start in program.spilled.items()]
            pads = {word for start, layout in layouts
                    for word in range(start, start + layout.blocks * layout.plane)} - {
                word for start, layout in layouts
                for word in (start + layout.addresses()).ravel().tolist()}
            assert words - pads <= there | stored.keys()
            assert all(stored.get(word, -1) < move.after for word in words)


def test_every_word_of_a_spilled_tensor_is_stored_once(program):
    made = [tensor for tensor in program.spilled if tensor != program.lowered.input]
    assert made
    stored = [word for move in program.moves if move.write_out for word in _external(move)]
    for tensor in made:
        layout = program.layouts[tensor]
        for word in (program.spilled[tensor] + layout.addresses()).ravel().tolist():
            assert stored.count(word) == 1


def test_moves_are_in_order_and_the_last_part_needs_them_all(program):
    orders = [move.order for move in program.moves]
    assert orders == sorted(orders)
    needs = [layer.transfers for layer in program.layers]
    assert needs == sorted(needs) and needs[-1] == len(program.moves)
    for count, move in enumerate(program.moves, 1):
        if not move.write_out:
            assert needs[move.part] >= count > 0
            assert move.after <= move.part
